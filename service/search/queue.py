"""The queue in front of the search: a few run, a few more wait their turn, the rest is refused at once.

It lives in the event loop and takes no locks. What waits costs no thread, no memory for pixels and no computation.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

T = TypeVar("T")
_WEIGHT_OF_LATEST = 0.1  # in the running mean of how long a search takes


class QueueFullError(Exception):
    """No more searches may wait; `retry_after_seconds` is when it is worth trying again."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"the queue is full; try again in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


class DeadlineExceededError(QueueFullError):
    """The search cannot start, or did not start, before its deadline."""


class ClientLeftError(Exception):
    """The client closed the connection before its search had started."""


@dataclass
class Ticket:
    """One request's place in the queue.

    Attributes:
        deadline_seconds: how long after its arrival a search may still be started.
        arrived: when it came, by `time.perf_counter`.
        waited_seconds: how long it waited for its turn, known once that has come.
    """

    deadline_seconds: float = math.inf
    arrived: float = field(default_factory=time.perf_counter)
    waited_seconds: float = 0.0

    @property
    def seconds_left(self) -> float:
        """Until the deadline; negative when it has passed."""
        return self.arrived + self.deadline_seconds - time.perf_counter()


class SearchQueue:
    """Runs blocking work on a limited number of threads, first come, first served. Use it in one event loop."""

    def __init__(self, *, num_running: int, num_waiting: int) -> None:
        """An empty queue.

        Args:
            num_running: how many searches run at once; at least 1.
            num_waiting: how many more may wait.
        """
        self._num_running = num_running
        self._num_waiting = num_waiting
        self._threads = CapacityLimiter(num_running)
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._mean_seconds = 0.0

    @property
    def depth(self) -> int:
        """The number of searches that wait for their turn."""
        return len(self._waiting)

    def check_room(self) -> None:
        """Refuses what would have to wait behind a full queue.

        Raises:
            QueueFullError: no more searches may wait.
        """
        if self._running >= self._num_running and self.depth >= self._num_waiting:
            raise QueueFullError(self._retry_after_seconds())

    async def run(self, work: Callable[[], T], ticket: Ticket, *, client_left: Callable[[], Awaitable[None]]) -> T:
        """Runs work in a thread when its turn has come.

        Args:
            work: decodes, encodes or searches.
            ticket: when it arrived and until when it may start; notes how long it waited.
            client_left: returns when the client has closed the connection; only asked while the search waits.

        Raises:
            QueueFullError: no more searches may wait.
            DeadlineExceededError: its deadline passed, or would have passed, before its turn.
            ClientLeftError: the client left before its turn.
        """
        self.check_room()
        self._check_deadline(ticket)
        await self._take_turn(ticket, client_left)
        started = time.perf_counter()
        ticket.waited_seconds = started - ticket.arrived
        try:
            return await to_thread.run_sync(work, limiter=self._threads)
        finally:
            self._finish(time.perf_counter() - started)

    def _check_deadline(self, ticket: Ticket) -> None:
        if self._expected_wait_seconds() >= ticket.seconds_left:
            raise DeadlineExceededError(self._retry_after_seconds())

    async def _take_turn(self, ticket: Ticket, client_left: Callable[[], Awaitable[None]]) -> None:
        if self._running < self._num_running:
            self._running += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        leaving = asyncio.ensure_future(client_left())
        timeout = None if math.isinf(ticket.deadline_seconds) else ticket.seconds_left
        try:
            await asyncio.wait({turn, leaving}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done():
                leaving.result()
                raise ClientLeftError
            if not turn.done():
                raise DeadlineExceededError(self._retry_after_seconds())
        except BaseException:
            self._give_up(turn)
            raise
        finally:
            leaving.cancel()

    def _finish(self, seconds: float) -> None:
        self._mean_seconds += (seconds - self._mean_seconds) * (_WEIGHT_OF_LATEST if self._mean_seconds else 1.0)
        self._pass_turn()

    def _give_up(self, turn: asyncio.Future[None]) -> None:
        if turn.done():
            self._pass_turn()
        else:
            self._waiting.remove(turn)

    def _pass_turn(self) -> None:
        if self._waiting:
            self._waiting.popleft().set_result(None)  # the number of running searches stays as it is
        else:
            self._running -= 1

    def _expected_wait_seconds(self) -> float:
        if self._running < self._num_running:
            return 0.0
        return (self.depth + 1) * self._mean_seconds / self._num_running

    def _retry_after_seconds(self) -> int:
        return max(1, math.ceil(self._expected_wait_seconds()))
