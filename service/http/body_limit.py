"""A limit on the size of request bodies, without reading what is refused."""

import contextlib
from collections.abc import Mapping

import anyio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.http.error_answers import refusal_response
from service.http.errors import Refusal, upload_too_large

_LINGER_SECONDS = 2.0


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
