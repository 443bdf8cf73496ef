"""Turns every exception that a request can raise into the one JSON form, with a sentence that helps."""

import logging
import time
from collections.abc import Sequence
from typing import Any, get_args

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from index_builder.gallery.errors import GalleryUnavailableError
from service.http.errors import (
    ErrorResponse,
    Refusal,
    describe,
    gallery_unavailable,
    overload_response,
    refusal_response,
)
from service.search.errors import ClientError, shown
from service.search.queue import QueueFullError

logger = logging.getLogger(__name__)

_MULTIPART = "multipart/form-data"
_OUTAGE_LINE_SECONDS = 60.0


def add_error_handlers(app: FastAPI, *, expectations: dict[str, str]) -> None:
    """Registers the handlers.

    Args:
        app: the app.
        expectations: parameter -> what it should be, as in "a whole number from 1 to 100".
    """

    async def on_invalid_request(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return refusal_response(_explain(request, error.errors(), expectations))

    app.add_exception_handler(RequestValidationError, on_invalid_request)
    for kind in get_args(ClientError):
        app.add_exception_handler(kind, _on_client_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(QueueFullError, _on_full_queue)
    app.add_exception_handler(GalleryUnavailableError, _GalleryOutage())


async def _on_client_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ClientError)
    described = describe(error)
    headers = {"Retry-After": "5"} if described.status == 503 else None
    return ErrorResponse(described.status, described.code, described.message, headers)


async def _on_full_queue(_: Request, error: Exception) -> Response:
    assert isinstance(error, QueueFullError)
    return overload_response(error)


class _GalleryOutage:
    """Refuses what the gallery cannot answer, with a line in the log each minute and not for each request."""

    def __init__(self) -> None:
        self._said_at = -_OUTAGE_LINE_SECONDS
        self._unsaid = 0

    async def __call__(self, _: Request, error: Exception) -> Response:
        self._unsaid += 1
        if time.monotonic() >= self._said_at + _OUTAGE_LINE_SECONDS:
            logger.error("requests could not be answered (%d since the last such line): %s", self._unsaid, error)
            self._said_at, self._unsaid = time.monotonic(), 0
        return refusal_response(gallery_unavailable())


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, Refusal):
        return refusal_response(error)
    where = f"{request.method} {shown(request.url.path)}"
    if error.status_code == 404:
        code, message = "not_found", f"There is nothing at {where}; /openapi.json lists what there is."
    elif error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        code, message = "method_not_allowed", f"{where} is not offered; use {allowed}."
    elif error.status_code == 400:
        detail = str(error.detail).rstrip(".")
        code = "malformed_body"
        message = f"The request body could not be read ({detail}); send it as {_MULTIPART} with a boundary."
    else:
        code, message = "refused", f"{where} was refused: {error.detail}."
    return ErrorResponse(error.status_code, code, message, error.headers)


def _explain(request: Request, errors: Sequence[Any], expectations: dict[str, str]) -> Refusal:
    first = errors[0]
    source, name = str(first["loc"][0]), str(first["loc"][-1])
    if source == "body" and not _is_multipart(request):
        sent = request.headers.get("content-type")
        what = f"The content type is {shown(sent)}" if sent else "The request names no content type"
        sentence = f"{what}; expected {_MULTIPART} with the drawing as a file field."
        return Refusal(415, "unsupported_content_type", sentence)
    expected = expectations.get(name, "another value")
    if first["type"] == "missing":
        return Refusal(422, f"missing_{name}", f"The field {name} is missing; expected {expected}.")
    return Refusal(422, "invalid_parameter", f"{name} is {shown(first['input'])}; expected {expected}.")


def _is_multipart(request: Request) -> bool:
    return request.headers.get("content-type", "").split(";")[0].strip().lower() == _MULTIPART
