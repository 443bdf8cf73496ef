"""Takes in the bodies of requests: each within its limit, not too slowly, all together in bounded memory.

No body is written to a disk, and a refused body is not read.
"""

import asyncio
import contextlib
import random
import sys
from collections.abc import Mapping
from typing import ClassVar

import anyio
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartParser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.http.errors import Refusal, refusal_response, upload_too_large

_LINGER_SECONDS = 2.0
_BYTES_PER_SECOND = 4000  # what the slowest of mobile networks can
_LONGER = 1.25  # at most: a crowd that came together is not sent away, and back again, all at once


class BodyLimitMiddleware:
    """Refuses a body above its limit: at once when its length is announced, otherwise as soon as it is passed."""

    def __init__(
        self, app: ASGIApp, *, limit_bytes: int, form_overhead_bytes: int, limit_bytes_by_path: Mapping[str, int]
    ) -> None:
        """Wraps an app.

        Args:
            app: the app to protect.
            limit_bytes: of one file in the body; also what a refusal names, as it is what the operator has set.
            form_overhead_bytes: how much larger than its file a body may be, for boundaries and small fields.
            limit_bytes_by_path: path -> limit of the whole body there, instead of both.
        """
        self._app = app
        self._limit_bytes = limit_bytes
        self._form_overhead_bytes = form_overhead_bytes
        self._limit_bytes_by_path = limit_bytes_by_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, with a `receive` that keeps count."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        named = self._limit_bytes_by_path.get(scope["path"], self._limit_bytes)
        limit = named if scope["path"] in self._limit_bytes_by_path else named + self._form_overhead_bytes
        length = Headers(scope=scope).get("content-length", "")
        announced = int(length) if length.isdecimal() else 0
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise upload_too_large(named)
            return message

        async def send_and_linger(message: Message) -> None:
            last = message["type"] == "http.response.body" and not message.get("more_body", False)
            if last and max(announced, received) > limit:
                await send({**message, "more_body": True})
                await discard(receive)
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        if announced > limit:
            await refusal_response(upload_too_large(named))(scope, receive, send_and_linger)
        else:
            await self._app(scope, receive_within_limit, send_and_linger)


async def discard(receive: Receive) -> None:
    """Throws away what a refused client still sends: closing at once would break its sending, and it may never read."""
    with (
        anyio.move_on_after(_LINGER_SECONDS),
        contextlib.suppress(Refusal),
    ):  # one that sends too much is refused anyway
        while (await receive()).get("more_body", False):
            pass


def keep_uploads_in_memory() -> None:
    """Stops Starlette from writing uploads above a megabyte to temporary files: their size is bounded before."""
    MultiPartParser.spool_max_size = sys.maxsize


class IntakeMiddleware:
    """Refuses a body that comes too slowly, and one for which there is no memory beside those that are in hand."""

    def __init__(self, app: ASGIApp, *, patience_seconds: float, memory_bytes: int) -> None:
        """Wraps an app.

        Args:
            app: the app to protect.
            patience_seconds: in each such time a body must end, or bring 4 kB for every second of it.
            memory_bytes: that the bodies of all requests which are not answered yet may take.
        """
        self._app = app
        self._patience_seconds = patience_seconds
        self._memory = _Memory(memory_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, with a `receive` that raises Refusal."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive, self._memory, self._patience_seconds)
        try:
            await self._app(scope, body.receive, send)
        finally:
            body.forget()


class _Memory:
    """How many bytes of bodies are in hand."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held_bytes = 0

    def take(self, size: int) -> None:
        self._held_bytes += size
        if self._held_bytes > self._most_bytes:
            message = "Too many uploads are coming in already; send the request again in 2 s."
            raise Refusal(503, "overloaded", message, headers={"Retry-After": "2"})

    def give_back(self, size: int) -> None:
        self._held_bytes -= size


class _Body:
    """One request's body as it comes."""

    _COMPLETE: ClassVar[float] = float("inf")

    def __init__(self, receive: Receive, memory: _Memory, patience_seconds: float) -> None:
        self._receive = receive
        self._memory = memory
        self._patience_seconds = patience_seconds
        self._due: float | None = None  # None before the first byte was asked for
        self._since_bytes = 0
        self._held_bytes = 0

    async def receive(self) -> Message:
        """The next part of the body; once it is complete, whatever comes, however late."""
        if self._due == self._COMPLETE:
            return await self._receive()
        message = await self._in_time()
        size = len(message.get("body", b""))
        self._since_bytes += size
        self._held_bytes += size
        if not message.get("more_body", False):
            self._due = self._COMPLETE
        self._memory.take(size)
        return message

    def forget(self) -> None:
        """The request has been answered."""
        self._memory.give_back(self._held_bytes)

    async def _in_time(self) -> Message:
        clock = asyncio.get_running_loop().time
        while True:
            if self._due is None or (self._due <= clock() and self._is_fast_enough()):
                self._due, self._since_bytes = clock() + some_more(self._patience_seconds), 0
            try:
                async with asyncio.timeout_at(self._due):
                    return await self._receive()
            except TimeoutError:
                if not self._is_fast_enough():
                    raise self._too_slow() from None

    def _is_fast_enough(self) -> bool:
        return self._since_bytes >= _BYTES_PER_SECOND * self._patience_seconds

    def _too_slow(self) -> Refusal:
        return Refusal(
            408,
            "body_too_slow",
            f"The body of the request came too slowly, with less than {_BYTES_PER_SECOND:,} bytes a second for "
            f"{self._patience_seconds:g} s; send it again over a better connection.",
            headers={"Connection": "close"},
        )


def some_more(seconds: float) -> float:
    """The time, or up to a quarter more, at random."""
    return seconds * random.uniform(1, _LONGER)  # noqa: S311  no secret
