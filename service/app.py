"""The app factory: puts routes, error handlers and middleware around a search engine."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI

from model.version import __version__
from service.access.policy import metrics_access
from service.access.setup import add_access, add_other_sites, include
from service.http.bodies import BodyLimitMiddleware, IntakeMiddleware, keep_uploads_in_memory
from service.http.error_handlers import add_error_handlers
from service.http.metrics import Metrics
from service.http.requests import RequestMiddleware
from service.http.security_headers import security_headers
from service.http.tracing import telemetry_config
from service.process.watchdog import Watchdog
from service.routes.feedback import EXPECTATIONS as FEEDBACK_EXPECTATIONS
from service.routes.feedback import feedback_router
from service.routes.page import add_page
from service.routes.photos import router as photo_router
from service.routes.search import expectations, query_router
from service.routes.session import router as session_router
from service.routes.state import Serving
from service.routes.status import health_router, info_router, metrics_router
from service.search.engine import SearchEngine
from service.search.feedback_store import FeedbackStore
from service.search.live_gallery import LiveGallery
from service.search.readiness import DrainState, NotReadyError
from service.settings import Settings

logger = logging.getLogger(__name__)

_DESCRIPTION = """Draw a product and get its photo: fine-grained sketch-based image retrieval.

Every error has the form `{"error": {"code", "message"}}`, where the message is one sentence that says what to do."""
_FORM_OVERHEAD_BYTES = 64 * 1024  # boundaries, headers and the small fields around a sketch


def create_app(
    settings: Settings,
    *,
    engine: SearchEngine | None = None,
    feedback: FeedbackStore | None = None,
    give_up: Callable[[str], None] | None = None,
) -> FastAPI:
    """Builds the app.

    Args:
        settings: limits and, without an engine, which bundle and gallery to open.
        engine: serve this one, which stays the caller's to close; None opens one at start and closes it at the end.
        feedback: keep confirmed searches here, which stays the caller's to close; None opens what the settings name.
        give_up: ends the process; called with the reason when the app was not ready for `unready_exit_seconds`. None
            for an app that is watched by somebody else.

    Returns:
        An ASGI app; `app.state.drain` is how to tell it that it is about to stop. Starting it raises SketchSearchError
        when the bundle or the gallery cannot be opened.

    Raises:
        SketchSearchError: the API keys cannot be read, or tracing is asked for and cannot be had.
    """
    metrics, drain = Metrics(), DrainState()
    # The interactive documentation pages load their scripts from another host, which the page's policy forbids.
    app = FastAPI(
        title="Sketch search",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=telemetry_config(tracing=settings.tracing),
        lifespan=_lifespan(settings, engine, feedback, give_up),
    )
    app.state.metrics, app.state.drain = metrics, drain
    add_error_handlers(app, expectations=expectations(settings) | FEEDBACK_EXPECTATIONS)
    include(app, query_router(settings), settings)
    include(app, photo_router, settings)
    app.include_router(health_router())
    include(app, info_router(settings), settings)
    if settings.feedback:
        include(app, feedback_router(settings), settings)
    if metrics_access(settings) != "off":
        include(app, metrics_router, settings)
    if settings.asks_for_keys:
        app.include_router(session_router)
    add_page(app)
    keep_uploads_in_memory()
    app.add_middleware(
        IntakeMiddleware,
        patience_seconds=settings.slow_client_seconds,
        memory_bytes=settings.max_body_memory_mb * 2**20,
    )
    add_access(app, settings)
    app.add_middleware(
        BodyLimitMiddleware,
        limit_bytes=settings.max_upload_bytes,
        form_overhead_bytes=_FORM_OVERHEAD_BYTES,
        limit_bytes_by_path={"/search/batch": settings.max_batch_bytes},
    )
    add_other_sites(app, settings)
    app.add_middleware(RequestMiddleware, metrics=metrics, drain=drain, headers=security_headers(settings.origins))
    return app


def _lifespan(
    settings: Settings,
    engine: SearchEngine | None,
    feedback: FeedbackStore | None,
    give_up: Callable[[str], None] | None,
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        opened = await to_thread.run_sync(_open_engine, settings) if engine is None else engine
        serving = Serving(opened, settings, app.state.drain)
        app.state.serving = serving
        app.state.metrics.watch(opened, serving.queue)
        app.state.feedback = feedback or await to_thread.run_sync(_open_feedback, settings)
        await _warm_up(serving)
        watchdog = _watchdog(serving, settings, app.state.drain, give_up)
        watch = asyncio.create_task(_watch(opened.gallery, settings.gallery_poll_seconds))
        try:
            yield
        finally:
            watch.cancel()
            serving.photo_files.close()
            if watchdog:
                watchdog.stop()
            app.state.metrics.watch(None, None)
            if app.state.feedback and feedback is None:
                app.state.feedback.close()
            if engine is None:
                opened.close()

    return lifespan


def _open_engine(settings: Settings) -> SearchEngine:
    # Imported here because it loads ONNX Runtime and FAISS, which an app with its own engine may not need.
    from service.search.open import open_engine

    return open_engine(settings)


def _open_feedback(settings: Settings) -> FeedbackStore | None:
    from service.search.open import open_feedback

    return open_feedback(settings)


def _watchdog(
    serving: Serving, settings: Settings, drain: DrainState, give_up: Callable[[str], None] | None
) -> Watchdog | None:
    if give_up is None or settings.unready_exit_seconds == 0:
        return None
    patience_seconds = settings.unready_exit_seconds
    watchdog = Watchdog(serving.readiness, drain, patience_seconds=patience_seconds, give_up=give_up)
    watchdog.start(asyncio.get_running_loop())
    return watchdog


async def _warm_up(serving: Serving) -> None:
    """Runs one search, so that the first visitor does not wait for what happens only once."""
    try:
        await serving.readiness.check()
    except NotReadyError as error:
        logger.error("the service has started but is not ready: %s", error)


async def _watch(gallery: LiveGallery, interval_seconds: float) -> None:
    thread = CapacityLimiter(1)  # of its own, as those that others share may all wait for a disk
    while True:
        await asyncio.sleep(interval_seconds)
        await to_thread.run_sync(gallery.refresh, limiter=thread)
