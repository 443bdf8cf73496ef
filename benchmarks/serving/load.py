"""Load on a service: closed loops, and arrivals on a schedule that does not wait for answers.

In an open loop latency counts from the moment a request was due, not from when it could be sent, so a server that
stalls is charged for everybody it kept waiting (no coordinated omission).
"""

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmarks.serving.client import Connection, Reply

Arrivals = Literal["poisson", "fixed"]
# A client that has waited so long has gone; it also bounds the number of open connections under overload.
TIMEOUT_SECONDS = 2.0
_HOST = "127.0.0.1"


@dataclass(frozen=True)
class Outcome:
    """What became of one request.

    Attributes:
        status: HTTP status; 0 when the connection broke or the client gave up.
        seconds: from when it was due to its complete answer.
        due_seconds: when it was due, from the start of the load.
        lateness_seconds: how late it was sent, through the load generator's fault.
    """

    status: int
    seconds: float
    due_seconds: float = 0.0
    lateness_seconds: float = 0.0


@dataclass(frozen=True)
class Target:
    """A running contender and what it is asked, in turns."""

    port: int
    requests: Sequence[bytes]


async def wait_until_ready(target: Target, *, timeout_seconds: float = 120.0) -> Reply:
    """Asks until a search is answered; returns that answer.

    Raises:
        TimeoutError: nothing was answered in time.
    """
    deadline = time.perf_counter() + timeout_seconds
    while time.perf_counter() < deadline:
        try:
            connection = await Connection.open(_HOST, target.port)
        except OSError:
            await asyncio.sleep(0.01)
            continue
        reply = await connection.ask(target.requests[0], timeout_seconds=10)
        connection.close()
        if reply.status == 200:
            return reply
        await asyncio.sleep(0.01)
    raise TimeoutError(f"Nobody answered a search on port {target.port} within {timeout_seconds:.0f} s.")


async def ask_each(target: Target) -> list[Reply]:
    """Every request once, one after the other."""
    connection = await Connection.open(_HOST, target.port)
    replies = [await connection.ask(request, timeout_seconds=30) for request in target.requests]
    connection.close()
    return replies


async def closed_loop(target: Target, *, concurrency: int, seconds: float) -> tuple[list[Outcome], float]:
    """So many clients, each sending its next request when it has its answer.

    Returns:
        What became of each request, and the seconds it all took.
    """
    start = time.perf_counter()
    requests = itertools.cycle(target.requests)
    outcomes: list[Outcome] = []

    async def client() -> None:
        connection = await Connection.open(_HOST, target.port)
        while (now := time.perf_counter()) < start + seconds:
            if not connection.is_open:
                connection = await Connection.open(_HOST, target.port)
            reply = await connection.ask(next(requests), timeout_seconds=TIMEOUT_SECONDS * 5)
            outcomes.append(Outcome(reply.status, time.perf_counter() - now))
        connection.close()

    await asyncio.gather(*(client() for _ in range(concurrency)))
    return outcomes, time.perf_counter() - start


async def open_loop(
    target: Target, *, rate: float, seconds: float, arrivals: Arrivals, seed: int = 0
) -> tuple[list[Outcome], float]:
    """Requests that come when they come, each from a client of its own.

    Args:
        target: whom to ask what.
        rate: arrivals a second.
        seconds: how long new ones come; all answers are waited for.
        arrivals: at random ("poisson") or evenly ("fixed").
        seed: of the random arrivals.

    Returns:
        What became of each request, and the seconds from the first arrival to the last.
    """
    pool: list[Connection] = []
    requests = itertools.cycle(target.requests)
    start = time.perf_counter() + 0.05
    tasks = []
    for offset in schedule(rate, seconds, arrivals, seed):
        due = start + offset
        if (delay := due - time.perf_counter()) > 0:
            await asyncio.sleep(delay)
        tasks.append(asyncio.create_task(_one(target.port, pool, next(requests), start, due)))
    outcomes = await asyncio.gather(*tasks)
    for connection in pool:
        connection.close()
    return list(outcomes), seconds


async def _one(port: int, pool: list[Connection], request: bytes, start: float, due: float) -> Outcome:
    lateness = time.perf_counter() - due
    try:
        connection = _idle(pool) or await Connection.open(_HOST, port)
    except OSError:
        return Outcome(0, time.perf_counter() - due, due - start, lateness)
    reply = await connection.ask(request, timeout_seconds=TIMEOUT_SECONDS)
    seconds = time.perf_counter() - due
    if connection.is_open:
        pool.append(connection)
    return Outcome(reply.status, seconds, due - start, lateness)


def _idle(pool: list[Connection]) -> Connection | None:
    while pool:
        connection = pool.pop()
        if connection.is_open:
            return connection
    return None


def schedule(rate: float, seconds: float, arrivals: Arrivals, seed: int) -> Iterator[float]:
    """When requests come, in seconds from the start, below `seconds`."""
    if arrivals == "fixed":
        yield from np.arange(0, seconds, 1 / rate).tolist()
        return
    generator = np.random.default_rng(seed)
    at = 0.0
    while (at := at + generator.exponential(1 / rate)) < seconds:
        yield at
