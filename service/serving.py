"""What the routes share while the app runs: the engine, its worker threads and its readiness."""

import time
from collections.abc import Callable
from typing import Annotated, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Request

from service.answers import model_identity
from service.draining import Drain
from service.engine import SearchEngine
from service.readiness import Readiness
from service.settings import Settings

T = TypeVar("T")


class Serving:
    """Runs the engine's blocking work on a limited number of threads."""

    def __init__(self, engine: SearchEngine, settings: Settings, drain: Drain) -> None:
        self.engine = engine
        self.model = model_identity(engine)
        self.readiness = Readiness(engine, drain, deadline_seconds=settings.ready_deadline_seconds)
        self._started = time.monotonic()
        self._searches = CapacityLimiter(settings.worker_threads)

    @property
    def uptime_seconds(self) -> float:
        """Seconds since the app started."""
        return time.monotonic() - self._started

    async def search(self, work: Callable[[], T]) -> T:
        """Runs work that decodes, encodes or searches; waits while all worker threads are busy."""
        return await to_thread.run_sync(work, limiter=self._searches)

    async def look_up(self, work: Callable[[], T]) -> T:
        """Runs a short read of the gallery or the disk, which must not wait behind searches."""
        return await to_thread.run_sync(work)


async def _serving(request: Request) -> Serving:  # async because FastAPI would run it in a thread otherwise
    serving = request.app.state.serving
    assert isinstance(serving, Serving)
    return serving


ServingNow = Annotated[Serving, Depends(_serving)]
