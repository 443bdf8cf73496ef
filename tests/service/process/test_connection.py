"""Clients that are slow or send nonsense, over a socket, at a service that has half a second of patience."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from service.process import connection as connection_module
from service.process import server
from service.search.photo_files import PhotoFiles
from service.settings import Settings

HEAD = (
    b"POST /search HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 5000\r\n\r\n"
)
LARGE_BYTES = 50_000_000
FORM_BEGINNING = b'--x\r\nContent-Disposition: form-data; name="sketch"; filename="a.png"\r\n\r\n'
SHORT = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def connection(impatient_service: str) -> Iterator[socket.socket]:
    url = urlsplit(impatient_service)
    with socket.create_connection((str(url.hostname), url.port or 0), timeout=20) as connection:
        yield connection


@pytest.fixture
def large_photo(gallery_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The id of a photo that is larger than what the system buffers."""
    file = gallery_folder.parent / "photos" / "shapes" / "star-dotted.jpg"
    before = file.read_bytes()
    with file.open("r+b") as stream:
        stream.truncate(LARGE_BYTES)
    monkeypatch.setattr(PhotoFiles, "_is_as_indexed", lambda *_: True)
    yield "shapes/star-dotted"
    file.write_bytes(before)


def rest_of(connection: socket.socket) -> bytes:
    """All that comes until the service closes the connection, which resets it where bytes are still on their way."""
    parts: list[bytes] = []
    with suppress(ConnectionResetError):
        parts.extend(iter(lambda: connection.recv(65536), b""))
    return b"".join(parts)


def drip(connection: socket.socket, stopped: threading.Event) -> None:
    while not stopped.wait(0.05):
        try:
            connection.send(b"x")
        except OSError:
            return


def answer_to(connection: socket.socket, beginning: bytes) -> bytes:
    """What a client is answered that sends a beginning and then a byte now and then."""
    connection.sendall(beginning)
    stopped = threading.Event()
    dripping = threading.Thread(target=drip, args=(connection, stopped))
    dripping.start()
    answer = rest_of(connection)
    stopped.set()
    dripping.join()
    return answer


def error_of(answer: bytes) -> dict[str, Any]:
    error: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
    return error


def test_a_head_that_drips_is_refused_and_the_connection_closed(connection: socket.socket) -> None:
    answer = answer_to(connection, b"POST /search HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert error_of(answer)["code"] == "head_too_slow"
    assert "not complete after 0.5 s" in error_of(answer)["message"]


def test_a_body_that_drips_is_refused_and_the_connection_closed(connection: socket.socket) -> None:
    answer = answer_to(connection, HEAD + FORM_BEGINNING)
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert error_of(answer)["code"] == "body_too_slow"


def test_a_body_that_nobody_reads_cannot_hold_the_connection_after_the_answer(connection: socket.socket) -> None:
    answer = answer_to(connection, SHORT.replace(b"\r\n\r\n", b"\r\nContent-Length: 5000\r\n\r\n"))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_who_never_says_anything_is_let_go(connection: socket.socket) -> None:
    assert rest_of(connection) == b""


def test_the_patience_begins_anew_with_every_answer(impatient_service: str) -> None:
    client = http.client.HTTPConnection(str(urlsplit(impatient_service).netloc), timeout=20)
    client.connect()
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        assert client.sock, "the connection was closed"
        client.request("GET", "/healthz")
        assert client.getresponse().read() == b'{"status":"ok"}'
    client.close()


def test_two_requests_at_once_are_both_answered(connection: socket.socket) -> None:
    connection.sendall(SHORT * 2)
    assert rest_of(connection).count(b"HTTP/1.1 200 OK\r\n") == 2


def test_who_takes_nothing_of_a_large_answer_is_cut_off(impatient_service: str, large_photo: str) -> None:
    url = urlsplit(impatient_service)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((str(url.hostname), url.port or 0))
        connection.settimeout(20)
        connection.sendall(f"GET /photos/{large_photo} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        taken = len(connection.recv(100))
        deadline = time.monotonic() + 20
        while "requests_in_flight 1.0" not in httpx2.get(f"{impatient_service}/metrics").text:  # one is this itself
            assert time.monotonic() < deadline, "the answer is still being sent"
            time.sleep(0.05)
        taken += len(rest_of(connection))
    assert taken < LARGE_BYTES


@pytest.mark.parametrize("nonsense", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/9\r\n\r\n", b"x" * 7000])
def test_what_is_no_http_is_told_so(connection: socket.socket, nonsense: bytes) -> None:
    connection.sendall(nonsense + b"\r\n\r\n")
    answer = rest_of(connection)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert error_of(answer)["code"] == "malformed_request"


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"], ids=["without an end", "in one piece"])
@pytest.mark.parametrize(
    "lines", [b"X-Long: " + b"x" * 9000, b"X-Many: x\r\n" * 3500 + b"X: x"], ids=["a long line", "many lines"]
)
def test_a_head_above_a_limit_is_refused(connection: socket.socket, lines: bytes, end: bytes) -> None:
    connection.sendall(SHORT.removesuffix(b"\r\n") + lines + end)
    answer = rest_of(connection)
    assert answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert error_of(answer)["code"] == "head_too_large"


def test_a_head_within_the_limits_is_answered_also_behind_another_request(connection: socket.socket) -> None:
    large = SHORT.removesuffix(b"\r\n") + b"".join(b"X-%d: " % n + b"x" * 7000 + b"\r\n" for n in range(4)) + b"\r\n"
    too_large = SHORT.removesuffix(b"\r\n") + b"X-Long: " + b"x" * 9000 + b"\r\n\r\n"
    connection.sendall(large + too_large)
    answer = rest_of(connection)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"HTTP/1.1 431 " in answer


def test_nonsense_within_a_body_harms_nobody(connection: socket.socket, caplog: pytest.LogCaptureFixture) -> None:
    connection.sendall(HEAD.replace(b"Content-Length: 5000", b"Transfer-Encoding: chunked") + b"not a length\r\n")
    assert rest_of(connection).startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_more_connections_than_there_may_be_are_closed_at_once_with_one_line(
    serving: Callable[[Settings], AbstractContextManager[str]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(server, "most_connections", lambda: 2)
    monkeypatch.setattr(connection_module, "say_out_of_connections", connection_module._OutOfConnections())
    with serving(Settings()) as service:
        url = urlsplit(service)
        address = (str(url.hostname), url.port or 0)
        with socket.create_connection(address, timeout=20) as first, socket.create_connection(address) as second:
            for _ in range(5):
                with socket.create_connection(address, timeout=20) as refused:
                    assert rest_of(refused) == b""
            for kept in (first, second):
                kept.sendall(SHORT)
                assert kept.recv(65536).startswith(b"HTTP/1.1 200 OK")
        assert len([record for record in caplog.records if "connections are open" in record.message]) == 1
