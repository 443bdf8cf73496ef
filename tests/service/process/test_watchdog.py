import asyncio
import threading
import time
from collections.abc import Iterator
from typing import cast

import pytest

from service.process.watchdog import Watchdog
from service.search.readiness import DrainState, NotReadyError, Readiness


class Probe:
    """Stands in for the readiness: red or green as it is told, or broken itself."""

    deadline_seconds = 0.1

    def __init__(self) -> None:
        self.is_green = True
        self.failure: BaseException | None = None
        self.last_success = time.monotonic()
        self.was_asked = threading.Semaphore(0)

    async def check(self) -> None:
        self.was_asked.release()
        if self.failure:
            raise self.failure
        if not self.is_green:
            raise NotReadyError("The encoder is gone.")


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    asyncio.run_coroutine_threadsafe(settle(), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def settle() -> None:
    """Lets what was begun or cancelled on the loop come to its end."""
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)


class Watched:
    """A watchdog over a probe; `given_up` holds the reasons."""

    def __init__(self, loop: asyncio.AbstractEventLoop, patience_seconds: float) -> None:
        self.probe, self.drain, self.given_up = Probe(), DrainState(), []  # type: ignore[var-annotated]
        self.ended = threading.Event()
        self.watchdog = Watchdog(
            cast(Readiness, self.probe),
            self.drain,
            patience_seconds=patience_seconds,
            give_up=self._give_up,
            loop_seconds=0.2,
        )
        self.watchdog.start(loop)

    def _give_up(self, reason: str) -> None:
        self.given_up.append(reason)
        self.ended.set()

    def wait_for_probes(self, number: int) -> None:
        for _ in range(number):
            assert self.probe.was_asked.acquire(timeout=20)


def test_who_stays_red_is_given_up_once_with_the_reason(loop: asyncio.AbstractEventLoop) -> None:
    watched = Watched(loop, patience_seconds=0.1)
    watched.probe.is_green = False
    assert watched.ended.wait(20)
    assert watched.given_up == ["The encoder is gone."]


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (asyncio.InvalidStateError(), "The check of readiness failed with InvalidStateError; the log has the details."),
        (TimeoutError(), "The check of readiness failed with TimeoutError; the log has the details."),
        (asyncio.CancelledError(), "The check of readiness was cancelled."),
    ],
    ids=["broken", "timed out within", "cancelled"],
)
def test_a_check_that_fails_in_an_unforeseen_way_counts_as_red_and_does_not_end_the_watch(
    loop: asyncio.AbstractEventLoop, failure: BaseException, reason: str
) -> None:
    watched = Watched(loop, patience_seconds=0.1)
    watched.probe.failure = failure
    assert watched.ended.wait(20)
    assert watched.given_up == [reason]


def test_who_is_green_is_not(loop: asyncio.AbstractEventLoop) -> None:
    watched = Watched(loop, patience_seconds=0.05)
    watched.wait_for_probes(20)
    assert watched.given_up == []
    watched.watchdog.stop()


def test_who_is_slow_but_gets_there_is_not_before_that_ends(loop: asyncio.AbstractEventLoop) -> None:
    watched = Watched(loop, patience_seconds=0.05)
    watched.probe.last_success = time.monotonic() + 1000  # a search comes to its end all the time, only too late
    watched.probe.is_green = False
    watched.wait_for_probes(20)
    assert watched.given_up == []
    watched.probe.last_success = 0.0
    assert watched.ended.wait(20)


def test_who_is_asked_to_stop_is_red_for_a_reason(loop: asyncio.AbstractEventLoop) -> None:
    watched = Watched(loop, patience_seconds=0.05)
    watched.drain.begun = True
    watched.probe.is_green = False
    assert not watched.ended.wait(0.5)
    watched.watchdog.stop()


def test_an_event_loop_that_does_not_turn_is_noticed(loop: asyncio.AbstractEventLoop) -> None:
    watched = Watched(loop, patience_seconds=0.05)
    free = threading.Event()
    loop.call_soon_threadsafe(free.wait)
    assert watched.ended.wait(20)
    assert watched.given_up == ["The event loop does not answer."]
    free.set()
