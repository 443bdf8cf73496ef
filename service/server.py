"""The HTTP server: uvicorn, which on SIGTERM first lets the app drain while it still takes requests, then stops."""

import asyncio
import logging
import signal
import socket
from types import FrameType

import uvicorn

from service.draining import Drain

logger = logging.getLogger(__name__)


class DrainingServer(uvicorn.Server):
    """Between SIGTERM and the stop, a load balancer sees red readiness and moves on without a failed request.

    A second SIGTERM, or an interrupt from the keyboard, stops at once; running requests are finished in either case.
    """

    def __init__(self, config: uvicorn.Config, *, drain: Drain, drain_seconds: float) -> None:
        super().__init__(config)
        self._drain = drain
        self._drain_seconds = drain_seconds
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serves until it is told to stop and running requests are finished."""
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by Python when a signal arrives, in the middle of anything: it only leaves word for the loop."""
        if sig != signal.SIGTERM or self._loop is None or self._drain.begun or not self.started:
            super().handle_exit(sig, frame)
            return
        self._drain.begin()
        self._loop.call_soon_threadsafe(self._stop_later, sig)

    def _stop_later(self, sig: int) -> None:
        logger.info("asked to stop: not ready any more, taking requests for another %g s", self._drain_seconds)
        asyncio.get_running_loop().call_later(self._drain_seconds, super().handle_exit, sig, None)
