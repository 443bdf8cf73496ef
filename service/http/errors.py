"""Every refusal a client can meet: HTTP status, stable code, one sentence that says what to do, and its JSON."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from index_builder.gallery.errors import FilterError
from model.errors import BlankSketchError, UnreadableImageError
from service.http.metrics import record_of
from service.search.errors import (
    ClientError,
    FeedbackNotKeptError,
    PhotoChangedError,
    PhotoFileMissingError,
    PhotoUnavailableError,
    UnknownPhotoError,
)
from service.search.queue import DeadlineExceededError, QueueFullError


class Refusal(HTTPException):
    """A request refused by the HTTP layer itself.

    Attributes:
        code: a short, stable slug for programs.
    """

    def __init__(self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status_code=status, detail=message, headers=headers)
        self.code = code


@dataclass(frozen=True)
class ErrorDescription:
    """An error as the client sees it."""

    status: int
    code: str
    message: str


_BY_REASON = {
    "empty": (400, "empty_file"),
    "truncated": (400, "damaged_image"),
    "not_an_image": (415, "not_an_image"),
    "unsupported_format": (415, "unsupported_format"),
    "too_large": (413, "image_too_large"),
    "too_much_metadata": (413, "too_much_metadata"),
    "too_complex": (413, "image_too_complex"),
    "too_slow": (413, "image_too_slow"),
    "animated": (415, "animated_image"),
    "crashed": (400, "undecodable_image"),
}


def describe(error: ClientError) -> ErrorDescription:
    """The status and code for an error about what the client gave; the message is the error's own sentence."""
    match error:
        case UnreadableImageError():
            status, code = _BY_REASON.get(error.reason, (400, "unreadable_image"))
        case BlankSketchError():
            status, code = 422, "blank_sketch"
        case FilterError():
            status, code = 422, "invalid_filter"
        case UnknownPhotoError():
            status, code = 404, "unknown_photo"
        case PhotoFileMissingError():
            status, code = 404, "photo_file_missing"
        case PhotoChangedError():
            status, code = 409, "photo_changed"
        case PhotoUnavailableError():
            status, code = 503, "photo_unavailable"
        case FeedbackNotKeptError():
            status, code = 507, f"feedback_{error.reason}"
    return ErrorDescription(status, code, str(error))


def gallery_unavailable() -> Refusal:
    """The refusal while the database that holds the gallery does not answer; where it is stays in the log."""
    sentence = "The database that holds the gallery does not answer; send the request again in 5 s."
    return Refusal(503, "gallery_unavailable", sentence, headers={"Retry-After": "5"})


def stopping() -> Refusal:
    """The refusal of a request that is not finished, or has not arrived, when the service can wait no longer."""
    sentence = "The service stops and could not finish this request; send it again in 5 s."
    return Refusal(503, "stopping", sentence, headers={"Retry-After": "5", "Connection": "close"})


def upload_too_large(limit_bytes: int) -> Refusal:
    """The refusal of a body or file above the limit; the connection is closed, as the rest of the body is not read."""
    return Refusal(
        413,
        "upload_too_large",
        f"The upload is larger than {limit_bytes:,} bytes; send a smaller image.",
        headers={"Connection": "close"},
    )


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
