"""The routes that say whether the service is alive, whether it can answer, and what it is."""

import importlib.metadata
import platform
from dataclasses import asdict
from functools import cache

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from model.sessions.exact_int8 import arithmetic_of
from model.version import __version__
from service.http.errors import Refusal
from service.http.metrics import record_of
from service.routes.answers import gallery_identity, search_timings
from service.routes.schemas import (
    AliveAnswer,
    ColumnInfo,
    GalleryInfo,
    InfoAnswer,
    Limits,
    ModelInfo,
    ReadyAnswer,
    ServiceInfo,
    documented_errors,
)
from service.routes.state import Serving, ServingNow
from service.search.readiness import NotReadyError
from service.settings import Settings
from service.uploads.refusals import FORMATS

_LIBRARIES = ("fastapi", "uvicorn", "pillow", "numpy", "onnxruntime", "onnxruntime-gpu", "faiss-cpu", "faiss-gpu")

metrics_router = APIRouter(tags=["status"])


def health_router() -> APIRouter:
    """The routes that supervisors and load balancers ask; they need no key."""
    router = APIRouter(tags=["status"])

    @router.get("/healthz", summary="Is the process alive?")
    async def alive() -> AliveAnswer:
        """Answers whenever the event loop runs; says nothing about the encoder or the gallery."""
        return AliveAnswer()

    @router.get("/readyz", summary="Can it answer a search?", responses=documented_errors(503))
    async def ready(serving: ServingNow) -> ReadyAnswer:
        """Encodes a small sketch and searches for it, within a deadline."""
        try:
            ranking = await serving.readiness.check()
        except NotReadyError as error:
            raise Refusal(503, "not_ready", str(error), headers={"Retry-After": "5"}) from error
        return ReadyAnswer(gallery=gallery_identity(ranking), timings_ms=search_timings(ranking))

    return router


def info_router(settings: Settings) -> APIRouter:
    """The route that says what is running."""
    router = APIRouter(tags=["status"])

    @router.get("/info", summary="What is running, with which limits?", responses=documented_errors(401, 429, 500))
    async def info(request: Request, serving: ServingNow) -> InfoAnswer:
        """Versions, encoder, gallery and limits."""
        return InfoAnswer(
            service=_service_info(serving),
            model=_model_info(serving),
            gallery=_gallery_info(serving),
            key=record_of(request.scope).key_name,
            limits=Limits(formats=list(FORMATS), **settings.model_dump(include=set(Limits.model_fields))),
            feedback=settings.feedback is not None,
        )

    return router


@metrics_router.get(
    "/metrics",
    summary="Counters and latencies for Prometheus",
    response_class=Response,
    responses={
        200: {"description": "the metrics in text format 0.0.4", "content": {"text/plain": {}}},
        **documented_errors(401, 403, 429),
    },
)
async def metrics(request: Request) -> Response:
    """The metrics that docs/OPERATIONS.md describes, counted from the start of the process."""
    # In a thread, as it reads /proc and waits for the gallery's lock.
    text = await to_thread.run_sync(request.app.state.metrics.exposition, limiter=request.app.state.metrics.thread)
    return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)


def _service_info(serving: Serving) -> ServiceInfo:
    return ServiceInfo(
        version=__version__,
        python=platform.python_version(),
        libraries=_versions(*_LIBRARIES),
        uptime_seconds=round(serving.uptime_seconds, 1),
    )


def _model_info(serving: Serving) -> ModelInfo:
    bundle = serving.engine.encoder.bundle
    return ModelInfo(
        **serving.model.model_dump(),
        embedding_dim=bundle.embedding_dim,
        image_size_px=bundle.preprocessing.image_size_px,
        arithmetic=arithmetic_of(serving.model.precision),
        info=dict(bundle.info),
    )


def _gallery_info(serving: Serving) -> GalleryInfo:
    live = serving.engine.gallery
    with live.lease() as gallery:
        return GalleryInfo(
            generation=gallery.generation,
            size=gallery.size,
            dimension=gallery.dimension,
            index_device=gallery.device,
            problem=live.problem,
            columns=[ColumnInfo(**asdict(column)) for column in gallery.columns],
        )


@cache
def _versions(*distributions: str) -> dict[str, str]:
    found = {}
    for name in distributions:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
