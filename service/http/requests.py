"""The layer around every request: an id, security headers, a log line, the metrics, and a plain 500 for failures."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.http.errors import internal_error, refusal_response, stopping
from service.http.metrics import Metrics, RequestRecord, begin_record, method_of, route_of
from service.search.queue import ClientLeftError
from service.search.readiness import DrainState

logger = logging.getLogger("service.requests")

_CLIENT_LEFT = "client_left"
_READ_ONLY = frozenset({"/healthz", "/readyz", "/info", "/metrics", "/openapi.json"})


class RequestMiddleware:
    """Gives each request an id, logs and counts it, and turns an unexpected exception into a plain 500."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, drain: DrainState, headers: Mapping[str, str]) -> None:
        self._app = app
        self._metrics = metrics
        self._drain = drain
        self._headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = begin_record(scope)
        own = [(b"x-request-id", record.request_id.encode("latin-1")), *self._headers]
        outgoing = _Outgoing(send, own, self._drain)
        inner = _as_routed(scope)
        start = time.perf_counter()
        self._metrics.in_flight.inc()
        try:
            await self._app(inner, receive, outgoing)
        except ClientLeftError:
            record.errors.append(_CLIENT_LEFT)
        except asyncio.CancelledError:  # by the server alone, when it stops and has waited long enough
            if not outgoing.status:
                await refusal_response(stopping())(scope, receive, outgoing)
        except Exception:  # the process edge: nothing of the exception may reach the client
            logger.exception(
                "request %s failed", record.request_id, extra=with_fields({"request_id": record.request_id})
            )
            if outgoing.status:
                outgoing.status = 500  # for the log and the metrics
                record.errors.append("internal_error")
                raise  # half an answer is on its way: only breaking the connection tells the client so
            await internal_error(record.request_id)(scope, receive, outgoing)
        finally:
            self._metrics.in_flight.dec()
            self._note(record, inner | {"method": scope["method"]}, outgoing.status, time.perf_counter() - start)

    def _note(self, record: RequestRecord, scope: Scope, status: int, seconds: float) -> None:
        # The route's template, not the path: a photo id or whatever else a client sends stays out of the log.
        route, method = route_of(scope), method_of(scope)
        self._metrics.add(record, route=route, method=method, status=status, seconds=seconds)
        _log(record, route=route, method=method, status=status, milliseconds=seconds * 1000)


def _as_routed(scope: Scope) -> dict[str, Any]:
    """Returns the scope as routes expect it: HEAD of what is only read as GET, and a path also where a URL was sent."""
    inner = dict(scope)
    if inner["path"].startswith(("http://", "https://")):
        inner["path"] = "/" + "".join(inner["path"].split("/", 3)[3:])
    if inner["method"] == "HEAD" and (inner["path"] in _READ_ONLY or inner["path"].startswith("/similar/")):
        inner["method"] = "GET"  # uvicorn leaves the body out
    return inner


class _Outgoing:
    """Sends the answer with the headers that all answers have; `status` stays 0 when the client left before.

    No route sets one of these headers itself: they are added as they are, for a fraction of the time of looking.
    """

    def __init__(self, send: Send, headers: Sequence[tuple[bytes, bytes]], drain: DrainState) -> None:
        self.status = 0
        self._send = send
        self._headers = headers
        self._drain = drain

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self._headers]
            if self._drain.begun:
                # The client's next request goes to who is not about to stop.
                MutableHeaders(scope=message)["Connection"] = "close"
        await self._send(message)


def _log(record: RequestRecord, *, route: str, method: str, status: int, milliseconds: float) -> None:
    stages = {stage: round(value, 3) for stage, value in record.stages_ms.items()}
    fields = {
        "message": f"{method} {route} {status}",
        "request_id": record.request_id,
        "method": method,
        "route": route,
        "status": status,
        "duration_ms": round(milliseconds, 3),
        **({"stages_ms": stages} if stages else {}),
        **({"errors": record.errors} if record.errors else {}),
        **({"key": record.key_name} if record.key_name else {}),
    }
    parts = [f"{stage} {value:.1f}" for stage, value in stages.items()] + record.errors
    more = f" ({', '.join(parts)})" if parts else ""
    line = "%s %s %s %d %.1f ms%s"
    logger.info(line, record.request_id, method, route, status, milliseconds, more, extra=with_fields(fields))


def with_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The `extra` of a logging call: what the JSON format writes beside, or instead of, the sentence for people."""
    return {"fields": dict(fields)}
