"""What clients meet when more searches come than fit: over a socket, with an encoder that works when it is told to."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import uvicorn

from service.app import create_app
from service.process.listening import address, listen
from service.search.engine import SearchEngine
from service.settings import Settings

SETTINGS = Settings(worker_threads=1, queue_size=1)


class Gate:
    """An encoder that notes how often it is asked and answers once it may."""

    def __init__(self, encoder: Any) -> None:
        self.bundle, self.provider, self.precision = encoder.bundle, encoder.provider, encoder.precision
        self._encoder = encoder
        self.encodes = 0
        self.open = threading.Event()
        self.open.set()

    def encode(self, images: Any) -> Any:
        self.encodes += 1
        assert self.open.wait(20)
        return self._encoder.encode(images)


@pytest.fixture
def gate(encoder: Any) -> Gate:
    return Gate(encoder)


@pytest.fixture
def service(engine: SearchEngine, gate: Gate) -> Iterator[httpx2.Client]:
    """A client of a running service that runs one search and lets one more wait."""
    engine.encoder = gate
    with listen("127.0.0.1", 0) as listener:
        app = create_app(SETTINGS, engine=engine)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        until(lambda: server.started)
        gate.encodes = 0  # the search that warms up is none of ours
        with httpx2.Client(base_url=address(listener), timeout=20) as client:
            yield client
        gate.open.set()
        server.should_exit = True
        thread.join(timeout=10)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.005)


def metric(client: httpx2.Client, name: str) -> float:
    lines = [line for line in client.get("/metrics").text.splitlines() if line.startswith(name)]
    return float(lines[0].rsplit(" ", 1)[1]) if lines else 0.0


class Search(threading.Thread):
    """A search in the background."""

    def __init__(self, client: httpx2.Client, sketch: bytes) -> None:
        super().__init__(daemon=True)
        self._client, self._sketch = client, sketch
        self.response: Any = None
        self.start()

    def run(self) -> None:
        self.response = self._client.post("/search", files={"sketch": self._sketch})

    def status(self) -> int:
        self.join(20)
        return int(self.response.status_code)


def test_a_search_beyond_the_queue_is_refused_at_once_and_the_accepted_ones_are_answered(
    service: httpx2.Client, gate: Gate, sketch: Callable[[str], bytes]
) -> None:
    gate.open.clear()
    running = Search(service, sketch("star-plain"))
    until(lambda: gate.encodes == 1)
    waiting = Search(service, sketch("house-plain"))
    until(lambda: metric(service, "sketch_search_queue_depth") == 1)
    for response in (
        service.post("/search", files={"sketch": sketch("star-plain")}),
        service.post("/search/batch", files=[("sketches", sketch("star-plain"))]),
        service.get("/similar/shapes/star-dotted"),
    ):
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) >= 1
        assert response.json()["error"]["code"] == "overloaded"
        assert response.json()["error"]["message"].startswith("Too many searches are waiting already; send")
    assert service.get("/thumbnails/shapes/house-plain").status_code == 200, "only searches queue"
    gate.open.set()
    assert (running.status(), waiting.status()) == (200, 200)
    assert gate.encodes == 2
    assert metric(service, 'sketch_search_refused_total{reason="overloaded"}') == 3
    assert metric(service, 'sketch_search_requests_total{method="POST",route="/search",status="503"}') == 1
    assert metric(service, "sketch_search_queue_wait_seconds_count") == 2
    timings = waiting.response.json()["timings_ms"]
    assert timings["wait"] > 0
    assert timings["total"] >= timings["wait"] + timings["encode"]


def test_a_refusal_at_the_door_does_not_wait_for_the_body(
    service: httpx2.Client, gate: Gate, sketch: Callable[[str], bytes]
) -> None:
    gate.open.clear()
    searches = [Search(service, sketch("star-plain"))]
    until(lambda: gate.encodes == 1)
    searches.append(Search(service, sketch("star-plain")))
    until(lambda: metric(service, "sketch_search_queue_depth") == 1)
    url = urlsplit(str(service.base_url))
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=20) as connection:
        head = b"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        connection.sendall(head + b"Content-Length: 5000\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 503 ")
    gate.open.set()
    assert [search.status() for search in searches] == [200, 200]


def test_a_search_whose_client_leaves_while_it_waits_never_reaches_the_encoder(
    service: httpx2.Client, gate: Gate, sketch: Callable[[str], bytes]
) -> None:
    gate.open.clear()
    running = Search(service, sketch("star-plain"))
    until(lambda: gate.encodes == 1)
    request = httpx2.Request("POST", str(service.base_url) + "/search", files={"sketch": sketch("star-plain")})
    body = request.read()
    url = urlsplit(str(service.base_url))
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=20) as connection:
        head = f"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Type: {request.headers['content-type']}\r\n"
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        until(lambda: metric(service, "sketch_search_queue_depth") == 1)
    until(lambda: metric(service, "sketch_search_queue_depth") == 0)
    gate.open.set()
    assert running.status() == 200
    assert service.post("/search", files={"sketch": sketch("star-plain")}).status_code == 200
    assert gate.encodes == 2
    assert metric(service, 'sketch_search_refused_total{reason="client_left"}') == 1
    assert metric(service, 'sketch_search_requests_total{method="POST",route="/search",status="0"}') == 1


def test_a_client_says_how_long_it_can_wait(service: httpx2.Client, gate: Gate, sketch: Callable[[str], bytes]) -> None:
    gate.open.clear()
    running = Search(service, sketch("star-plain"))
    until(lambda: gate.encodes == 1)
    late = service.post("/search", files={"sketch": sketch("star-plain")}, headers={"X-Deadline-Ms": "20"})
    assert (late.status_code, late.json()["error"]["code"]) == (503, "deadline_exceeded")
    assert "could not start before its deadline" in late.json()["error"]["message"]
    gate.open.set()
    assert running.status() == 200
    in_time = service.post("/search", files={"sketch": sketch("star-plain")}, headers={"X-Deadline-Ms": "20000"})
    assert in_time.status_code == 200
    assert gate.encodes == 2


@pytest.mark.parametrize("given", ["soon", "-5", "1.5", "9" * 10, ""])
def test_a_deadline_that_is_no_number_of_milliseconds_is_refused(
    client: Any, sketch: Callable[[str], bytes], given: str
) -> None:
    response = client.post("/search", files={"sketch": sketch("star-plain")}, headers={"X-Deadline-Ms": given})
    assert response.status_code == 422
    message = json.loads(response.text)["error"]["message"]
    assert message == f"X-Deadline-Ms is {given!r}; expected a whole number of milliseconds that you can wait."
