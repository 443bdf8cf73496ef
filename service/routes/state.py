"""The state that routes share while the app runs: the engine, the queue in front of it and its readiness."""

import math
import re
import time
from collections.abc import Callable
from typing import Annotated, TypeVar

from anyio import to_thread
from fastapi import Depends, Path, Request
from starlette.convertors import Convertor, register_url_convertor

from service.http.errors import Refusal
from service.http.metrics import record_of
from service.routes.answers import model_identity
from service.search.engine import SearchEngine
from service.search.errors import shown
from service.search.photo_files import PhotoFiles
from service.search.queue import SearchQueue, Ticket
from service.search.readiness import DrainState, Readiness
from service.settings import Settings

DEADLINE_HEADER = "X-Deadline-Ms"
PHOTO_ID = "{photo_id:text}"  # whatever follows the route is the id, as file names may hold anything
PhotoId = Annotated[str, Path(description="id of a photo, as in a search answer", examples=["chairs/chair-0012"])]
T = TypeVar("T")


class Serving:
    """Runs the engine's blocking work on a limited number of threads, and queues what does not fit."""

    def __init__(self, engine: SearchEngine, settings: Settings, drain: DrainState) -> None:
        self.engine = engine
        self.model = model_identity(engine)
        self.readiness = Readiness(engine, drain, deadline_seconds=settings.ready_deadline_seconds)
        self.photo_files = PhotoFiles()
        self._started = time.monotonic()
        self._deadline_seconds = settings.search_deadline_seconds
        # One more than encode, so that the next sketch is decoded meanwhile, where one encode takes all cores.
        running = settings.worker_threads or max(engine.concurrent_encodes, 2)
        self.queue = SearchQueue(num_running=running, num_waiting=settings.queue_size or 8 * running)

    @property
    def uptime_seconds(self) -> float:
        """Seconds since the app started."""
        return time.monotonic() - self._started

    async def search(self, request: Request, work: Callable[[Ticket], T]) -> T:
        """Runs work that decodes, encodes or searches, when its turn has come.

        Raises:
            QueueFullError: too many searches are waiting, or it cannot start before the request's deadline.
            ClientLeftError: the client closed the connection before its turn.
            Refusal: the request's deadline cannot be read.
        """
        ticket = Ticket(min(self._deadline_seconds, _deadline_of(request)))
        result = await self.queue.run(lambda: work(ticket), ticket, client_left=lambda: _client_left(request))
        record_of(request.scope).queued_seconds = ticket.waited_seconds
        return result

    async def look_up(self, work: Callable[[], T]) -> T:
        """Runs a short read of the gallery or the disk, which must not wait behind searches."""
        return await to_thread.run_sync(work)


def _deadline_of(request: Request) -> float:
    given = request.headers.get(DEADLINE_HEADER)
    if given is None:
        return math.inf
    if not re.fullmatch("[0-9]{1,9}", given):
        expected = "a whole number of milliseconds that you can wait"
        raise Refusal(422, "invalid_parameter", f"{DEADLINE_HEADER} is {shown(given)}; expected {expected}.")
    return int(given) / 1000


async def _client_left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _serving(request: Request) -> Serving:  # async because FastAPI would run it in a thread otherwise
    serving = request.app.state.serving
    assert isinstance(serving, Serving)
    return serving


ServingNow = Annotated[Serving, Depends(_serving)]


class _TextConvertor(Convertor[str]):
    """Takes every character. Starlette's own `path` takes all but a line feed, which a file name may hold."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        """The text as it was sent."""
        return value

    def to_string(self, value: str) -> str:
        """The text as it is."""
        return value


register_url_convertor("text", _TextConvertor())
