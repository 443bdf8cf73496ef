"""The queue in an event loop of its own; work blocks on events, so that nothing depends on how fast the machine is."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from service.routes.state import Serving
from service.search.queue import ClientLeftError, DeadlineExceededError, QueueFullError, SearchQueue, Ticket
from service.search.readiness import DrainState
from service.settings import Settings


async def stays() -> None:
    await asyncio.Event().wait()


class Work:
    """A piece of work that goes on until it is told to end."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.may_end = threading.Event()

    def __call__(self) -> str:
        self.started.set()
        assert self.may_end.wait(20)
        return "done"


async def begin(
    queue: SearchQueue,
    work: Callable[[], Any],
    ticket: Ticket | None = None,
    client_left: Callable[[], Awaitable[None]] = stays,
) -> "asyncio.Task[Any]":
    """Starts a request and lets it come as far as it can."""
    task = asyncio.create_task(queue.run(work, ticket or Ticket(), client_left=client_left))
    for _ in range(5):
        await asyncio.sleep(0)
    return task


async def is_set(event: threading.Event) -> bool:
    return await asyncio.to_thread(event.wait, 20)


def test_what_does_not_fit_waits_and_what_may_not_wait_is_refused_at_once() -> None:
    async def scenario() -> None:
        queue, running, waiting = SearchQueue(num_running=1, num_waiting=1), Work(), Work()
        first, second = await begin(queue, running), await begin(queue, waiting)
        assert queue.depth == 1
        assert await is_set(running.started)
        with pytest.raises(QueueFullError) as refused:
            await queue.run(Work(), Ticket(), client_left=stays)
        assert refused.value.retry_after_seconds >= 1
        assert not waiting.started.is_set()
        running.may_end.set()
        waiting.may_end.set()
        assert await asyncio.gather(first, second) == ["done", "done"]
        assert queue.depth == 0

    asyncio.run(scenario())


def test_unless_told_otherwise_eight_wait_for_each_that_runs(engine: Any) -> None:
    async def scenario() -> None:
        queue = Serving(engine, Settings(worker_threads=2), DrainState()).queue
        work = Work()
        tasks = [await begin(queue, work) for _ in range(2 + 16)]
        assert queue.depth == 16
        with pytest.raises(QueueFullError):
            queue.check_room()
        work.may_end.set()
        assert await asyncio.gather(*tasks) == ["done"] * 18

    asyncio.run(scenario())


def test_searches_start_in_the_order_they_came_and_know_how_long_they_waited() -> None:
    async def scenario() -> None:
        queue, running, order = SearchQueue(num_running=1, num_waiting=9), Work(), []
        tickets = [Ticket() for _ in range(4)]
        tasks = [await begin(queue, running)]
        for number, ticket in enumerate(tickets):
            tasks.append(await begin(queue, lambda number=number: order.append(number), ticket))
        running.may_end.set()
        await asyncio.gather(*tasks)
        assert order == [0, 1, 2, 3]
        waits = [ticket.waited_seconds for ticket in tickets]
        assert waits == sorted(waits)
        assert waits[0] > 0

    asyncio.run(scenario())


def test_a_search_whose_client_leaves_while_it_waits_is_never_run() -> None:
    async def scenario() -> None:
        queue, running, dropped, kept = SearchQueue(num_running=1, num_waiting=2), Work(), Work(), Work()
        leaves = asyncio.Event()

        async def left() -> None:
            await leaves.wait()

        first = await begin(queue, running)
        second = await begin(queue, dropped, client_left=left)
        third = await begin(queue, kept)
        leaves.set()
        with pytest.raises(ClientLeftError):
            await second
        assert queue.depth == 1
        running.may_end.set()
        kept.may_end.set()
        await asyncio.gather(first, third)
        assert not dropped.started.is_set()

    asyncio.run(scenario())


def test_a_search_that_waited_until_its_deadline_is_never_run() -> None:
    async def scenario() -> None:
        queue, running, late = SearchQueue(num_running=1, num_waiting=2), Work(), Work()
        first = await begin(queue, running)
        with pytest.raises(DeadlineExceededError):
            await queue.run(late, Ticket(deadline_seconds=0.01), client_left=stays)
        assert queue.depth == 0
        running.may_end.set()
        await first
        assert not late.started.is_set()

    asyncio.run(scenario())


def test_a_deadline_that_the_queue_cannot_meet_is_refused_before_any_wait() -> None:
    async def scenario() -> None:
        queue, slow = SearchQueue(num_running=1, num_waiting=9), Work()
        first = await begin(queue, slow)
        await asyncio.sleep(0.05)
        slow.may_end.set()
        await first  # a search takes 50 ms here: the queue knows by now
        running = Work()
        second = await begin(queue, running)
        third = await begin(queue, lambda: None)
        ticket = Ticket(deadline_seconds=0.09)
        with pytest.raises(DeadlineExceededError):
            await queue.run(Work(), ticket, client_left=stays)
        assert ticket.seconds_left > 0
        running.may_end.set()
        await asyncio.gather(second, third)

    asyncio.run(scenario())


@pytest.mark.parametrize("turn_has_come", [False, True])
def test_a_cancelled_request_leaves_its_place_to_the_next(turn_has_come: bool) -> None:
    async def scenario() -> None:
        queue, running, next_one = SearchQueue(num_running=1, num_waiting=9), Work(), Work()
        first = await begin(queue, running)
        cancelled = await begin(queue, Work())
        last = await begin(queue, next_one)
        if turn_has_come:  # in the same turn of the loop, before the cancelled one could take it
            queue._pass_turn()
            queue._running += 1
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        running.may_end.set()
        next_one.may_end.set()
        assert await asyncio.gather(first, last) == ["done", "done"]
        assert queue.depth == 0

    asyncio.run(scenario())


def test_work_that_fails_frees_its_place() -> None:
    async def scenario() -> None:
        queue = SearchQueue(num_running=1, num_waiting=1)
        with pytest.raises(ZeroDivisionError):
            await queue.run(lambda: 1 // 0, Ticket(), client_left=stays)
        assert await queue.run(lambda: "done", Ticket(), client_left=stays) == "done"

    asyncio.run(scenario())
