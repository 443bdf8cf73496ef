"""An HTTP client that costs next to nothing: it shares two cores with the server that it measures.

Speaks just enough HTTP/1.1 for one POST after another on a kept connection; bodies are told by length or in chunks.
"""

import asyncio
from dataclasses import dataclass

_BOUNDARY = "sketch-search-benchmark"
_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True)
class Reply:
    """Status and body of an answer; status 0 stands for a connection that broke or was given up."""

    status: int
    body: bytes = b""


def search_request(sketch: bytes, *, path: str, host: str, k: int) -> bytes:
    """The complete bytes of a POST with the form fields `sketch` (a PNG file) and `k`."""
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="sketch"; filename="sketch.png"\r\n'
    body = (head + "Content-Type: image/png\r\n\r\n").encode() + sketch
    body += f'\r\n--{_BOUNDARY}\r\nContent-Disposition: form-data; name="k"\r\n\r\n{k}\r\n--{_BOUNDARY}--\r\n'.encode()
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {host}",
        f"Content-Type: multipart/form-data; boundary={_BOUNDARY}",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + _END_OF_HEAD + body


class Connection(asyncio.Protocol):
    """One kept connection with at most one request on its way."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._waiter: asyncio.Future[Reply] | None = None
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def open(cls, host: str, port: int) -> "Connection":
        """Connects.

        Raises:
            OSError: nobody listens there.
        """
        _, connection = await asyncio.get_running_loop().create_connection(cls, host, port)
        return connection

    @property
    def is_open(self) -> bool:
        """Whether another request can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: bytes, *, timeout_seconds: float) -> Reply:
        """Sends a request and waits; after the timeout hangs up, as a client that has given up does."""
        assert self._transport is not None
        assert self._waiter is None
        self._buffer.clear()
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await asyncio.wait_for(self._waiter, timeout_seconds)
        except TimeoutError:
            self.close()
            return Reply(0)
        finally:
            self._waiter = None

    def close(self) -> None:
        """Hangs up."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Called by asyncio."""
        self._answer(Reply(0))

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self._buffer += data
        reply = parse(self._buffer)
        if reply is not None:
            if b"\r\nconnection: close" in self._buffer[: self._buffer.find(_END_OF_HEAD)].lower():
                self.close()
            self._answer(reply)

    def _answer(self, reply: Reply) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(reply)


def parse(buffer: bytes | bytearray) -> Reply | None:
    """The answer that the bytes hold, or None while it is incomplete."""
    end = buffer.find(_END_OF_HEAD)
    if end < 0:
        return None
    status = int(buffer[9:12])
    head, start = bytes(buffer[:end]).lower(), end + len(_END_OF_HEAD)
    length = head.find(b"\r\ncontent-length:")
    if length >= 0:
        size = int(head[length + 17 :].split(b"\r\n", 1)[0])
        return Reply(status, bytes(buffer[start : start + size])) if len(buffer) >= start + size else None
    return Reply(status, _joined(bytes(buffer[start:]))) if buffer.endswith(b"0\r\n\r\n") else None


def _joined(chunks: bytes) -> bytes:
    parts = []
    while chunks:
        size, _, rest = chunks.partition(b"\r\n")
        parts.append(rest[: int(size, 16)])
        chunks = rest[int(size, 16) + 2 :]
    return b"".join(parts)
