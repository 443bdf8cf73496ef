"""What wraps every request: an id and a log line, security headers, and a limit on the body's size."""

import logging
import secrets
import time
from collections.abc import Mapping

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import Refusal, upload_too_large

logger = logging.getLogger("service.requests")

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


_LINGER_SECONDS = 2.0


class RequestLogMiddleware:
    """Gives each request an id, logs one line for it, and turns an unexpected exception into a plain 500."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        start = time.perf_counter()
        status = 0  # stays 0 when the client leaves before it is answered

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:  # the process edge: nothing of the exception may reach the client
            logger.exception("request %s failed", request_id)
            if status:
                raise  # half an answer is on its way: only breaking the connection tells the client so
            await internal_error(request_id)(scope, receive, send_with_headers)
        finally:
            milliseconds = (time.perf_counter() - start) * 1000
            # The route's template, not the path: a photo id or whatever else a client sends stays out of the log.
            route = getattr(scope.get("route"), "path", "-")
            logger.info("%s %s %s %d %.1f ms", request_id, scope["method"], route, status, milliseconds)


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
                await _discard(receive)
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        if announced > limit:
            await refusal_response(upload_too_large(named))(scope, receive, send_and_linger)
        else:
            await self._app(scope, receive_within_limit, send_and_linger)


async def _discard(receive: Receive) -> None:
    """Throws away what a refused client still sends: closing at once would break its sending, and it may never read."""
    with anyio.move_on_after(_LINGER_SECONDS):
        while (await receive()).get("more_body", False):
            pass


def error_response(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An error in the one form that all errors have."""
    return JSONResponse({"error": {"code": code, "message": message}}, status_code=status, headers=headers)


def refusal_response(refusal: Refusal) -> JSONResponse:
    """The answer for a refusal."""
    return error_response(refusal.status_code, refusal.code, refusal.detail, refusal.headers)


def internal_error(request_id: str) -> JSONResponse:
    """The answer when the service itself failed."""
    message = f"The service failed to answer this request; the log has the details under request id {request_id}."
    return error_response(500, "internal_error", message)
