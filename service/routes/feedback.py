"""The route that keeps a drawing when a person marks a photo as the one they meant; there only if it is switched on."""

from typing import Annotated

from fastapi import APIRouter, File, Form, Request, UploadFile

from service.http.errors import Refusal, upload_too_large
from service.routes.schemas import FeedbackAnswer, documented_errors
from service.routes.state import ServingNow
from service.search.engine import SearchEngine
from service.search.errors import shown
from service.search.feedback_store import Confirmed, FeedbackStore
from service.settings import Settings

EXPECTATIONS = {
    "photo_id": "the photo_id of a search answer",
    "rank": "the photo's rank in the answer, a whole number from 1",
    "generation": "the generation that the answer names",
}


def feedback_router(settings: Settings) -> APIRouter:
    """The route, with the settings' limits; its store is `app.state.feedback`."""
    router = APIRouter(tags=["feedback"])

    @router.post(
        "/feedback",
        summary="This photo is the one that the drawing meant",
        responses=documented_errors(400, 401, 404, 408, 413, 415, 422, 429, 500, 503, 507),
    )
    async def feedback(
        request: Request,
        serving: ServingNow,
        sketch: Annotated[UploadFile, File(description="the drawing: a PNG, JPEG or WebP file")],
        photo_id: Annotated[str, Form(max_length=4096, description=EXPECTATIONS["photo_id"])],
        rank: Annotated[int, Form(ge=1, le=1_000_000, description=EXPECTATIONS["rank"])],
        generation: Annotated[str, Form(max_length=200, description=EXPECTATIONS["generation"])] = "",
    ) -> FeedbackAnswer:
        """Keeps the lines of the drawing, nothing else of its file, and the photo's id, for training."""
        await _refuse_unknown_fields(request)
        data = await sketch.read()
        if len(data) > settings.max_upload_bytes:
            raise upload_too_large(settings.max_upload_bytes)
        store: FeedbackStore = request.app.state.feedback
        kept = await serving.search(
            request, lambda _: _keep(store, serving.engine, data, photo_id=photo_id, rank=rank, generation=generation)
        )
        return FeedbackAnswer(kept=kept)

    return router


async def _refuse_unknown_fields(request: Request) -> None:
    for name, _ in (await request.form()).multi_items():
        if name not in ("sketch", *EXPECTATIONS):
            text = f"POST '/feedback' has no form field {shown(name)}; use sketch, {', '.join(EXPECTATIONS)}."
            raise Refusal(422, "unknown_parameter", text)


def _keep(
    store: FeedbackStore,
    engine: SearchEngine,
    data: bytes,
    *,
    photo_id: str,
    rank: int,
    generation: str,
) -> bool:
    photo = engine.photo(photo_id)
    confirmed = Confirmed(
        photo_id=photo.photo_id,
        photo_sha256=photo.content_sha256,
        rank=rank,
        generation=generation,
        bundle=engine.encoder.bundle.fingerprint,
    )
    return store.keep(data, confirmed)
