"""Requests at fixed moments, whether or not the earlier ones are answered: what a crowd does, unlike a few clients."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.reliability.traffic import drawing

_NUM_ADDRESSES = 50  # of the loopback network: one address has only 28,000 ports
_BOUNDARY = b"boundary-of-the-form"
FORM_BEGINNING = (
    b"--" + _BOUNDARY + b'\r\nContent-Disposition: form-data; name="sketch"; filename="sketch.png"\r\n'
    b"Content-Type: image/png\r\n\r\n"
)


@dataclass(frozen=True)
class Sent:
    """One request: when it was due by `time.monotonic`; the status, 0 without an answer; seconds since it was due."""

    due: float
    status: int
    seconds: float


def search_request(seed: int) -> bytes:
    """The bytes of a POST /search with a drawing."""
    body = FORM_BEGINNING + drawing(seed) + b"\r\n--" + _BOUNDARY + b"--\r\n"
    return request_head(len(body)) + body


def request_head(content_length: int) -> bytes:
    """The head of a POST /search."""
    return (
        b"POST /search HTTP/1.1\r\nHost: service\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary="
        + _BOUNDARY
        + b"\r\nContent-Length: %d\r\n\r\n" % content_length
    )


async def send(address: tuple[str, int], request: bytes, *, number: int = 0, timeout_seconds: float = 30) -> int:
    """Sends one request on a connection of its own; returns the status, 0 when there is no whole answer in time."""
    source = f"127.0.0.{2 + number % _NUM_ADDRESSES}"
    try:
        async with asyncio.timeout(timeout_seconds):
            reader, writer = await asyncio.open_connection(*address, local_addr=(source, 0))
            try:
                writer.write(request)
                answer = await reader.read()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return 0
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0


async def arrive(
    address: tuple[str, int],
    requests: Sequence[bytes],
    *,
    per_second: float,
    seconds: float,
    timeout_seconds: float = 30,
) -> list[Sent]:
    """Sends requests at fixed moments, and waits for their answers."""
    start, tasks, done = time.monotonic(), set(), []

    async def one(due: float, number: int) -> None:
        request = requests[number % len(requests)]
        status = await send(address, request, number=number, timeout_seconds=timeout_seconds)
        done.append(Sent(due, status, time.monotonic() - due))

    for number in itertools.count():
        due = start + number / per_second
        if due > start + seconds:
            break
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        task = asyncio.create_task(one(due, number))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    while tasks:
        await asyncio.sleep(0.05)
    return sorted(done, key=lambda each: each.due)


async def capacity(address: tuple[str, int], requests: Sequence[bytes], *, seconds: float, clients: int = 8) -> float:
    """Answers a second when so many clients ask one after the other, each time from another address."""
    end, answered, numbers = time.monotonic() + seconds, 0, itertools.count()

    async def client(which: int) -> None:
        nonlocal answered
        while time.monotonic() < end:
            status = await send(address, requests[which % len(requests)], number=next(numbers))
            answered += status == 200  # not in one statement, which would read the sum before it waits

    await asyncio.gather(*(client(number) for number in range(clients)))
    return answered / seconds


def describe(sent: Sequence[Sent]) -> dict[str, Any]:
    """Statuses, and percentiles of the answered ones in milliseconds."""
    answered = [1000 * each.seconds for each in sent if each.status == 200]
    p50, p99 = np.percentile(answered, (50, 99)) if answered else (float("nan"),) * 2
    statuses = Counter(str(each.status) for each in sent)
    return {
        "requests": len(sent),
        "by_status": statuses,
        "p50_ms": round(float(p50), 1),
        "p99_ms": round(float(p99), 1),
    }
