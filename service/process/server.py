"""The HTTP server: uvicorn, which on SIGTERM first lets the app drain while it still takes requests, then stops."""

import asyncio
import errno
import logging
import signal
import socket
import time
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp

from service.process.connection import MOST_HEAD_BYTES, Connection, say_out_of_connections
from service.process.listening import most_connections
from service.search.readiness import DrainState
from service.settings import Settings

logger = logging.getLogger(__name__)

_FIRST_REQUEST_SECONDS = 0.5  # for clients that have connected already and whose request is on its way


def server_config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """Returns uvicorn's configuration for the app."""
    connection = partial(Connection, patience_seconds=settings.slow_client_seconds, most_connections=most_connections())
    return uvicorn.Config(
        app,
        http=cast(Any, connection),  # uvicorn only calls it, but asks for a class
        log_config=None,
        access_log=False,  # the app logs its own line for each request
        server_header=False,
        proxy_headers=False,  # the app knows which proxies to believe
        ws="none",
        h11_max_incomplete_event_size=2 * MOST_HEAD_BYTES,  # `Connection` refuses earlier, by its own limit
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )


class DrainingServer(uvicorn.Server):
    """Between SIGTERM and the stop, a load balancer sees red readiness and moves on without a failed request.

    A second SIGTERM, or an interrupt from the keyboard, stops at once; running requests are finished in either case.
    """

    def __init__(self, config: uvicorn.Config, *, drain: DrainState, drain_seconds: float) -> None:
        super().__init__(config)
        self._drain = drain
        self._drain_seconds = drain_seconds
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serves until it is told to stop and running requests are finished."""
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_on_loop_error)
        await super().serve(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Closes the port, but not before every connection that the kernel has accepted has had its answer.

        Left to uvicorn, a connection that still waits to be taken up, or whose request has not been read yet, is reset.
        """
        waiting = [connection for listener in sockets or [] for connection in _accepted(listener)]
        for server in self.servers:
            server.close()  # at once: whoever comes now is refused and goes elsewhere
        for connection in waiting:
            await asyncio.get_running_loop().connect_accepted_socket(self._new_protocol, connection)
        deadline = time.monotonic() + _FIRST_REQUEST_SECONDS
        while self._expects_a_request() and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        await super().shutdown(sockets)

    def _expects_a_request(self) -> bool:
        return any(getattr(each, "cycle", None) is None for each in self.server_state.connections)

    def _new_protocol(self) -> asyncio.Protocol:
        make: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = make(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by Python when a signal arrives, in the middle of anything: it only leaves word for the loop."""
        if sig != signal.SIGTERM or self._loop is None or self._drain.begun or not self.started:
            super().handle_exit(sig, frame)
            return
        self._drain.begun = True
        self._loop.call_soon_threadsafe(self._stop_later, sig)

    def _stop_later(self, sig: int) -> None:
        logger.info("asked to stop: not ready any more, taking requests for another %g s", self._drain_seconds)
        asyncio.get_running_loop().call_later(self._drain_seconds, super().handle_exit, sig, None)


def _on_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Takes errors of the event loop, which by itself writes a traceback for each connection it cannot accept."""
    error = context.get("exception")
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
        say_out_of_connections()
    else:
        loop.default_exception_handler(context)


def _accepted(listener: socket.socket) -> list[socket.socket]:
    """The connections that wait to be taken up."""
    waiting = []
    with suppress(OSError):  # none is left, or no descriptor is
        while True:
            waiting.append(listener.accept()[0])
            waiting[-1].setblocking(False)
    return waiting
