"""One HTTP connection: uvicorn's, which besides loses its patience with a client that sends or takes too slowly.

uvicorn bounds only the pause between two requests, and every byte begins that anew. How fast a body has to come is a
matter of the app (`service/http/bodies.py`), as only that knows whether it reads one.
"""

import asyncio
import json
import logging
import math
import re
import time
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.http.bodies import some_more

logger = logging.getLogger(__name__)

_LINE_SECONDS = 60.0
MOST_HEAD_BYTES = 32 * 1024
_MOST_LINE_BYTES = 8 * 1024
_END_OF_HEAD = re.compile(rb"\n\r?\n")


class Connection(H11Protocol):
    """Closes itself when a request's head, or the taking of an answer, needs longer than a client may."""

    def __init__(self, *arguments: Any, patience_seconds: float, most_connections: int, **more: Any) -> None:  # noqa: ANN401  uvicorn's own
        """Takes what uvicorn gives.

        Args:
            arguments: of H11Protocol.
            patience_seconds: from the connection, or the end of an answer, to the end of the next head; and without
                room for more of an answer.
            most_connections: beyond as many open ones, a new one is closed at once.
            more: of H11Protocol.
        """
        super().__init__(*arguments, **more)
        self._patience_seconds = patience_seconds
        self._most_connections = most_connections
        self._head_due: asyncio.TimerHandle | None = None
        self._taking_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        """Called when a client has connected."""
        super().connection_made(transport)
        if len(self.connections) > self._most_connections:
            transport.abort()
            say_out_of_connections(len(self.connections))
        else:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called when the connection is gone."""
        for due in (self._head_due, self._taking_due):
            if due:
                due.cancel()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Called when bytes have come, and when the next request may begin."""
        if self.transport.is_closing():
            return
        # Checked here and before anything is parsed: h11 measures only a head that is not complete yet.
        if self.conn.their_state is h11.IDLE and _is_too_large(self.conn.trailing_data[0]):
            sentence = (
                f"The head of the request is too large; send at most {MOST_HEAD_BYTES:,} bytes, and at most "
                f"{_MOST_LINE_BYTES:,} in one line."
            )
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_large", sentence)
            return
        super().handle_events()
        if self._head_due and self._is_answering:
            self._head_due.cancel()

    def on_response_complete(self) -> None:
        """Called when the answer has been given to the system, which may still hold it."""
        super().on_response_complete()
        if not self._is_answering:  # or the next request was waiting already
            self._expect_head()

    def pause_writing(self) -> None:
        """Called when the client does not take what it is sent."""
        super().pause_writing()
        self._taking_due = self.loop.call_later(self._patience_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Called when it has taken most of it."""
        if self._taking_due:
            self._taking_due.cancel()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  uvicorn's own words
        """Called when what came is no HTTP."""
        if self._is_answering and self.cycle.response_started:
            self.transport.close()  # an answer is on its way already
        else:
            sentence = "The request is not valid HTTP/1.1; send a valid one."
            self._refuse(HTTPStatus.BAD_REQUEST, "malformed_request", sentence)

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _expect_head(self) -> None:
        if self._head_due:
            self._head_due.cancel()
        self._head_due = self.loop.call_later(some_more(self._patience_seconds), self._give_up)

    def _give_up(self) -> None:
        has_begun = bool(self.conn.trailing_data[0]) and self.conn.their_state is h11.IDLE
        if self.transport.is_closing() or not has_begun:
            self.transport.abort()  # with `close`, an answer that nobody takes would hold it for ever
            return
        self._refuse(
            HTTPStatus.REQUEST_TIMEOUT,
            "head_too_slow",
            f"The head of the request was not complete after {self._patience_seconds:g} s; send it at once.",
        )
        self._head_due = self.loop.call_later(self._patience_seconds, self.transport.abort)

    def _refuse(self, status: HTTPStatus, code: str, message: str) -> None:
        body = json.dumps({"error": {"code": code, "message": message}}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
        ]
        head = h11.Response(status_code=status, headers=headers, reason=status.phrase.encode())
        events = (head, h11.Data(data=body), h11.EndOfMessage())
        self.transport.write(b"".join(self.conn.send(event) or b"" for event in events))
        self.transport.close()


class _OutOfConnections:
    """Writes one line a minute, however many connections are refused."""

    def __init__(self) -> None:
        self._said_at = -math.inf

    def __call__(self, open_connections: int | None = None) -> None:
        if time.monotonic() >= self._said_at + _LINE_SECONDS:
            self._said_at = time.monotonic()
            how_many = f"{open_connections:,} connections are open" if open_connections else "no file can be opened"
            logger.error("%s, and new connections are refused until some end", how_many)


say_out_of_connections = _OutOfConnections()


def _is_too_large(received: bytes) -> bool:
    """Tells if a request's head, or what has come of it, is above a limit."""
    end = _END_OF_HEAD.search(received, 0, MOST_HEAD_BYTES + 2)
    head = received[: end.start()] if end else received
    return len(head) > MOST_HEAD_BYTES or max(map(len, head.split(b"\n"))) > _MOST_LINE_BYTES
