"""Tests that the service can really answer: a small sketch goes through the whole search, within a deadline."""

import asyncio
import io
import logging
import time
from dataclasses import dataclass
from functools import cache

from anyio import CapacityLimiter, to_thread
from PIL import Image, ImageDraw

from index_builder.gallery.errors import GalleryUnavailableError
from service.search.engine import Ranking, SearchEngine

logger = logging.getLogger(__name__)

_UNPOLLED_SECONDS = 300.0  # without a look for a new generation; opening a large one takes a while
_SHARED_SECONDS = 1.0  # whoever asks without end keeps the encoder busy for one search a second


@dataclass
class DrainState:
    """Tells the readiness probe, the answers and the server that the service is about to stop.

    Attributes:
        begun: readiness is red and connections are closed after their answer; once true it stays so.
    """

    begun: bool = False


class NotReadyError(Exception):
    """The service cannot answer a search; the message says why."""


class GalleryAwayError(NotReadyError):
    """The database or disk that holds the gallery does not answer: another start of this process would not help."""


class Readiness:
    """Probes the engine; callers share a probe while it runs and for a second, so that it never adds up to load."""

    def __init__(self, engine: SearchEngine, drain: DrainState, *, deadline_seconds: float) -> None:
        self._engine = engine
        self._drain = drain
        self.deadline_seconds = deadline_seconds
        self.shared_seconds = _SHARED_SECONDS  # how old a result may be
        self.last_success = time.monotonic()  # of a probe, in time or late; by `time.monotonic`
        self.poll_seconds = _UNPOLLED_SECONDS
        self._task: asyncio.Task[Ranking] | None = None
        self._ended = 0.0  # when the last probe did, by `time.monotonic`
        self._thread = CapacityLimiter(1)  # of its own: a crowd of searches must not keep the probe from starting

    async def check(self) -> Ranking:
        """Searches for the built-in sketch, or takes the result of who did so within the last second.

        Raises:
            NotReadyError: the service is about to stop, or the search failed, found nothing in a gallery that is not
                empty, or took too long.
        """
        if self._drain.begun:
            raise NotReadyError("The service is about to stop; send requests elsewhere.")
        unpolled_seconds = time.monotonic() - self._engine.gallery.last_poll
        if unpolled_seconds > self.poll_seconds:
            raise GalleryAwayError(f"The gallery has not been polled for {unpolled_seconds:.0f} s; its disk may hang.")
        task = self._latest()  # the same one after the wait, whatever others have begun meanwhile
        done, _ = await asyncio.wait({task}, timeout=self.deadline_seconds)
        if not done:
            raise NotReadyError(f"An encode and a search did not finish within {self.deadline_seconds:g} seconds.")
        return task.result()

    def _latest(self) -> asyncio.Task[Ranking]:
        """The probe that runs or has just ended; otherwise a new one."""
        if self._task and not (self._task.done() and time.monotonic() - self._ended >= self.shared_seconds):
            return self._task
        self._task = asyncio.create_task(to_thread.run_sync(self._timed_probe, limiter=self._thread))
        return self._task

    def _timed_probe(self) -> Ranking:
        try:
            return self._probe()
        finally:
            self._ended = time.monotonic()

    def _probe(self) -> Ranking:
        try:
            ranking = self._engine.search(built_in_sketch(), k=1)
        except GalleryUnavailableError as error:
            logger.error("the test search failed: %s", error)
            raise GalleryAwayError("The database that holds the gallery does not answer.") from error
        except Exception as error:  # readiness exists to report whatever is broken
            logger.exception("the test search failed")
            kind = type(error).__name__
            raise NotReadyError(f"A test search failed with {kind}; the log has the details.") from error
        if ranking.gallery_size and not ranking.photos:
            raise NotReadyError(f"A test search found nothing among {ranking.gallery_size} photos.")
        self.last_success = time.monotonic()
        return ranking


@cache
def built_in_sketch() -> bytes:
    """A mug in a few strokes, as a PNG."""
    paper = Image.new("L", (256, 256), 255)
    pen = ImageDraw.Draw(paper)
    pen.ellipse((60, 40, 170, 70), outline=0, width=4)
    pen.line(((60, 55), (66, 210), (164, 210), (170, 55)), fill=0, width=4)
    pen.arc((140, 80, 220, 170), 270, 90, fill=0, width=4)
    stream = io.BytesIO()
    paper.save(stream, "PNG")
    return stream.getvalue()
