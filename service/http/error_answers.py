"""Errors in the one JSON form that all of them have."""

from collections.abc import Mapping

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from service.http.errors import Refusal
from service.http.request_record import record_of
from service.search.queue import DeadlineExceededError, QueueFullError


class ErrorResponse(JSONResponse):
    """An error; when it is sent, its code is noted for the log and the metrics."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__({"error": {"code": code, "message": message}}, status_code=status, headers=headers)
        self._code = code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the answer."""
        record_of(scope).errors.append(self._code)
        await super().__call__(scope, receive, send)


def refusal_response(refusal: Refusal) -> ErrorResponse:
    """The answer for a refusal."""
    return ErrorResponse(refusal.status_code, refusal.code, refusal.detail, refusal.headers)


def overload_response(error: QueueFullError) -> ErrorResponse:
    """The answer when there is more to search than the service can, now or before the request's deadline."""
    again = f"send the request again in {error.retry_after_seconds} s"
    if isinstance(error, DeadlineExceededError):
        code, message = "deadline_exceeded", f"The search could not start before its deadline; {again}."
    else:
        code, message = "overloaded", f"Too many searches are waiting already; {again}."
    return ErrorResponse(503, code, message, {"Retry-After": str(error.retry_after_seconds)})


def internal_error(request_id: str) -> ErrorResponse:
    """The answer when the service itself failed."""
    message = f"The service failed to answer this request; the log has the details under request id {request_id}."
    return ErrorResponse(500, "internal_error", message)
