"""Ends a process that has not been ready for long: a dead device or a stuck worker does not come back by itself.

One that is only slow, because the machine has too much to do, is left alone: a restart would make it slower still.
"""

import asyncio
import concurrent.futures
import logging
import threading
import time
from collections.abc import Callable

from service.search.readiness import DrainState, GalleryAwayError, NotReadyError, Readiness

logger = logging.getLogger(__name__)

_LONGEST_INTERVAL_SECONDS = 5.0
_LOOP_SECONDS = 5.0  # for the event loop to notice what it was asked, beyond the probe's own deadline


class Watchdog:
    """Asks for readiness from a thread of its own, so that an event loop which no longer turns is noticed as well."""

    def __init__(
        self,
        readiness: Readiness,
        drain: DrainState,
        *,
        patience_seconds: float,
        give_up: Callable[[str], None],
        loop_seconds: float = _LOOP_SECONDS,
    ) -> None:
        """Prepares the thread.

        Args:
            readiness: what is asked.
            drain: once it has begun, red readiness is meant to be.
            patience_seconds: how long readiness may be red without a break, and without a probe that succeeds late.
            give_up: called once, with the last reason, when it was red for longer.
            loop_seconds: how much longer than the probe's own deadline its answer may take.
        """
        self._readiness = readiness
        self._drain = drain
        self._patience_seconds = patience_seconds
        self._give_up = give_up
        self._answer_seconds = readiness.deadline_seconds + loop_seconds
        self._stopped = threading.Event()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begins to watch what runs on this event loop."""
        threading.Thread(target=self._watch, args=(loop,), name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """Stops watching."""
        self._stopped.set()

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        red_since: float | None = None
        while not self._stopped.wait(min(_LONGEST_INTERVAL_SECONDS, self._patience_seconds / 4)):
            asked = time.monotonic()
            problem = self._problem(loop)
            if problem is None:
                red_since = None
                continue
            if red_since is None:
                red_since = asked
                logger.warning("not ready; the process ends in %g s unless that changes", self._patience_seconds)
            last_sign_of_life = max(red_since, self._readiness.last_success)
            if time.monotonic() - last_sign_of_life >= self._patience_seconds and not self._stopped.is_set():
                self._give_up(problem)
                return

    def _problem(self, loop: asyncio.AbstractEventLoop) -> str | None:
        if self._drain.begun or loop.is_closed():
            return None
        asked = asyncio.run_coroutine_threadsafe(self._is_ready(), loop)
        try:
            return asked.result(self._answer_seconds)
        except TimeoutError:
            asked.cancel()
            return "The event loop does not answer."
        except concurrent.futures.CancelledError:
            return "The check of readiness was cancelled."

    async def _is_ready(self) -> str | None:
        try:
            await self._readiness.check()
        except GalleryAwayError:
            return None
        except NotReadyError as error:
            return None if self._drain.begun else str(error)
        except Exception as error:  # whatever else is broken must not end the watch
            logger.exception("the check of readiness failed")
            return f"The check of readiness failed with {type(error).__name__}; the log has the details."
        return None
