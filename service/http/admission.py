"""Refuses a search at the door while the queue is full: its body is neither awaited nor parsed."""

from starlette.types import ASGIApp, Receive, Scope, Send

from service.http.error_answers import overload_response
from service.search.queue import QueueFullError

_SEARCHES_WITH_A_BODY = frozenset({"/search", "/search/batch"})


class AdmissionMiddleware:
    """Asks the queue for room before anything is done for a search; the queue itself has the last word."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers 503."""
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in _SEARCHES_WITH_A_BODY:
            try:
                scope["app"].state.serving.queue.check_room()
            except QueueFullError as error:
                await overload_response(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)
