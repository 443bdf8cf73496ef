import asyncio
import errno
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from service.process import server as server_module
from service.process.connection import _OutOfConnections
from service.process.listening import listen
from service.process.server import DrainingServer
from service.search.readiness import DrainState

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with listen("127.0.0.1", 0) as listener:
        yield listener


def stop_while(listener: socket.socket, clients: list[socket.socket], *, sent: bool) -> list[bytes]:
    """Starts a server, connects the clients while it is busy, stops it at once, and returns what they were answered."""

    async def run() -> list[bytes]:
        config = uvicorn.Config(app, log_config=None, ws="none", lifespan="off")
        config.load()
        server = DrainingServer(config, drain=DrainState(), drain_seconds=0)
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[listener])
        for client in clients:  # the loop does not run meanwhile: all of them wait to be taken up
            client.connect(listener.getsockname())
            if sent:
                client.sendall(REQUEST)
        stopping = asyncio.create_task(server.shutdown(sockets=[listener]))
        await asyncio.sleep(0.05)
        for client in clients:
            if not sent:
                client.sendall(REQUEST)
        await stopping
        return [client.recv(1000) for client in clients]

    return asyncio.run(run())


@pytest.mark.parametrize("sent", [True, False], ids=["request sent", "request on its way"])
def test_a_connection_that_waits_when_the_port_closes_is_still_answered(listener: socket.socket, sent: bool) -> None:
    address = listener.getsockname()
    clients = [socket.socket() for _ in range(20)]
    answers = stop_while(listener, clients, sent=sent)
    assert all(answer.startswith(b"HTTP/1.1 200 OK") for answer in answers)
    for client in clients:
        client.close()
    with socket.socket() as late, pytest.raises(ConnectionRefusedError):
        late.connect(address)


def test_a_loop_without_a_descriptor_left_writes_one_line_and_no_tracebacks(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server_module, "say_out_of_connections", _OutOfConnections())
    loop = asyncio.new_event_loop()
    for _ in range(100):
        server_module._on_loop_error(
            loop, {"message": "accept", "exception": OSError(errno.EMFILE, "too many open files")}
        )
    loop.close()
    (record,) = caplog.records
    assert "no file can be opened" in record.message
    assert record.exc_info is None
