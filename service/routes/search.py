"""The routes that search: by sketch, by several sketches, by a photo of the gallery."""

import time
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Annotated

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile, params

from service.access.rate_limits import quota_of
from service.http.errors import Refusal, describe, upload_too_large
from service.http.metrics import record_of
from service.routes.answers import batch_answer, search_answer, server_timing, similar_answer
from service.routes.schemas import BatchAnswer, SearchAnswer, SimilarAnswer, documented_errors
from service.routes.state import PHOTO_ID, PhotoId, ServingNow
from service.search.engine import BatchRanking, Ranking
from service.search.errors import shown
from service.settings import Settings

_FILTER = (
    "only photos whose metadata match, such as brand=acme, colour=red,blue (one of these), brand!=acme, in_stock=true "
    "or price>=10 (also >, <=, <); may be repeated, and then all must hold; /info lists the columns"
)
_FILTER_EXAMPLES = [["brand=acme", "price>=10"]]
_UPLOAD_ERRORS = documented_errors(400, 401, 408, 413, 415, 422, 429, 500, 503)


def query_router(settings: Settings) -> APIRouter:
    """The routes that search, with the settings' limits in their description."""
    router = APIRouter(tags=["search"])
    _add_search(router, settings)
    _add_search_batch(router, settings)
    _add_similar(router, settings)
    return router


def expectations(settings: Settings) -> dict[str, str]:
    """Returns what each parameter should be, for messages about wrong values."""
    return {
        "k": f"a whole number from 1 to {settings.max_k}",
        "min_score": "a number from -1 to 1",
        "filter": "a comparison with a column, such as brand=acme or price>=10",
        "sketch": "the drawing as a PNG, JPEG or WebP file in the form field sketch",
        "sketches": "the drawings as PNG, JPEG or WebP files in form fields named sketches",
    }


def _add_search(router: APIRouter, settings: Settings) -> None:
    form_k, form_min_score, form_filter = _form_parameters(settings)

    @router.post("/search", summary="Find the photos that a sketch shows", responses=_UPLOAD_ERRORS)
    async def search(
        request: Request,
        response: Response,
        serving: ServingNow,
        sketch: Annotated[UploadFile, File(description="the drawing: a PNG, JPEG or WebP file")],
        k: Annotated[int, form_k] = settings.default_k,
        min_score: Annotated[float | None, form_min_score] = None,
        filters: Annotated[Sequence[str], form_filter] = (),
    ) -> SearchAnswer:
        """Dark strokes on light paper, light on dark or on a transparent ground; size and position do not matter."""
        await _refuse_unexpected_fields(request, single=("sketch", "k", "min_score"), repeated=("filter",))
        data = await _read(sketch, settings.max_upload_bytes)
        ranking = await serving.search(
            request,
            lambda ticket: serving.engine.search(
                data, k=k, min_score=min_score, filters=filters or (), waited_seconds=ticket.waited_seconds
            ),
        )
        _note(request, response, ranking)
        return search_answer(serving.model, ranking)


def _add_search_batch(router: APIRouter, settings: Settings) -> None:
    form_k, form_min_score, form_filter = _form_parameters(settings)

    @router.post("/search/batch", summary="Search for several sketches at once", responses=_UPLOAD_ERRORS)
    async def search_batch(
        request: Request,
        serving: ServingNow,
        sketches: Annotated[list[UploadFile], File(description="the drawings: PNG, JPEG or WebP files")],
        k: Annotated[int, form_k] = settings.default_k,
        min_score: Annotated[float | None, form_min_score] = None,
        filters: Annotated[Sequence[str], form_filter] = (),
    ) -> BatchAnswer:
        """A sketch that cannot be used gets an error in its place; the others are answered."""
        start = time.perf_counter()
        await _refuse_unexpected_fields(request, single=("k", "min_score"), repeated=("sketches", "filter"))
        if len(sketches) > settings.max_batch_sketches:
            message = f"{len(sketches)} sketches were sent; send at most {settings.max_batch_sketches} in one request."
            raise Refusal(422, "too_many_sketches", message)
        quota_of(request.scope).spend_more(len(sketches) - 1)
        files = [await _read(sketch, settings.max_upload_bytes) for sketch in sketches]
        batch = await serving.search(
            request, lambda _: serving.engine.search_each(files, k=k, min_score=min_score, filters=filters or ())
        )
        _note_batch(request, batch)
        return batch_answer(serving.model, batch, total_ms=(time.perf_counter() - start) * 1000)


def _add_similar(router: APIRouter, settings: Settings) -> None:
    query_k = Query(ge=1, le=settings.max_k, description="how many results")
    query_min_score = Query(ge=-1, le=1, allow_inf_nan=False, description="leave out photos that score lower")
    query_filter = Query(alias="filter", description=_FILTER, examples=_FILTER_EXAMPLES)

    @router.get(
        f"/similar/{PHOTO_ID}",
        summary="More like this photo",
        responses=documented_errors(401, 404, 422, 429, 500, 503),
    )
    async def similar(
        request: Request,
        response: Response,
        serving: ServingNow,
        photo_id: PhotoId,
        k: Annotated[int, query_k] = settings.default_k,
        min_score: Annotated[float | None, query_min_score] = None,
        filters: Annotated[Sequence[str], query_filter] = (),
    ) -> SimilarAnswer:
        """Uses the photo's stored vector, so it costs no encoding; the photo itself is left out."""
        _refuse_unexpected(request, "query parameter", request.query_params.keys(), known=("k", "min_score", "filter"))
        ranking = await serving.search(
            request, lambda _: serving.engine.similar(photo_id, k=k, min_score=min_score, filters=filters or ())
        )
        _note(request, response, ranking)
        return similar_answer(serving.model, ranking)


def _note(request: Request, response: Response, ranking: Ranking) -> None:
    response.headers["Server-Timing"] = server_timing(ranking.timings_ms)
    record_of(request.scope).searches.append(ranking.timings_ms)


def _note_batch(request: Request, batch: BatchRanking) -> None:
    record = record_of(request.scope)
    for answer in batch.answers:
        if isinstance(answer, Ranking):
            record.searches.append(answer.timings_ms)
        else:
            record.errors.append(describe(answer).code)


def _form_parameters(settings: Settings) -> tuple[params.Form, params.Form, params.Form]:
    k: params.Form = Form(ge=1, le=settings.max_k, description="how many results")
    min_score: params.Form = Form(ge=-1, le=1, allow_inf_nan=False, description="leave out photos that score lower")
    filters: params.Form = Form(alias="filter", description=_FILTER, examples=_FILTER_EXAMPLES)
    return k, min_score, filters


async def _read(file: UploadFile, limit_bytes: int) -> bytes:
    if file.size is not None and file.size > limit_bytes:
        raise upload_too_large(limit_bytes)
    return await file.read()


async def _refuse_unexpected_fields(
    request: Request, *, single: Collection[str], repeated: Collection[str] = ()
) -> None:
    """Refuses what would otherwise be ignored: a misspelt field, a field given twice, a field sent in the query."""
    names = [name for name, _ in (await request.form()).multi_items()]
    _refuse_unexpected(request, "query parameter", request.query_params.keys(), known=())
    _refuse_unexpected(request, "form field", names, known=[*single, *repeated])
    for name, count in Counter(names).items():
        if name in single and count > 1:
            raise Refusal(422, "repeated_field", f"The form field {name} was sent {count} times; send it once.")


def _refuse_unexpected(request: Request, kind: str, names: Collection[str], *, known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            where = f"{request.method} {shown(request.url.path)}"
            expected = f"use {', '.join(known)}" if known else "send the parameters as form fields"
            raise Refusal(422, "unknown_parameter", f"{where} has no {kind} {shown(name)}; {expected}.")
