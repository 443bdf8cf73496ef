import logging
import re
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2
import pytest
from fastapi.testclient import TestClient

from service.engine import SearchEngine

FORM = {"content-type": "multipart/form-data; boundary=x"}
OPENING = b'--x\r\nContent-Disposition: form-data; name="sketch"; filename="a.png"\r\n\r\n'


def test_an_unexpected_failure_is_a_500_that_tells_nothing_but_the_request_id(
    client: TestClient, engine: SearchEngine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object, **more: object) -> None:
        raise RuntimeError("secret: /etc/shadow")

    monkeypatch.setattr(engine, "similar", fail)
    response = client.get("/similar/shapes/star-dotted")
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal_error"
    assert "secret" not in response.text
    assert response.headers["x-request-id"] in response.json()["error"]["message"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-request-id"] in caplog.text
    assert "secret" in caplog.text


def test_an_encoder_that_fails_is_the_services_fault_not_the_clients(
    client: TestClient, engine: SearchEngine, monkeypatch: pytest.MonkeyPatch, sketch: object
) -> None:
    encode = engine.encoder.encode
    monkeypatch.setattr(engine.encoder, "encode", lambda images: encode(images) * 0)
    assert callable(sketch)
    response = client.post("/search", files={"sketch": sketch("star-plain")})
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal_error"


def test_each_request_is_one_line_in_the_log_without_what_the_client_sent(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="service.requests"):
        response = client.get("/photos/secret-id?token=secret")
    lines = [record.getMessage() for record in caplog.records if record.name == "service.requests"]
    assert len(lines) == 1
    request_id = response.headers["x-request-id"]
    assert re.fullmatch(rf"{request_id} GET /photos/{{photo_id:path}} 404 \d+\.\d ms", lines[0])


def test_every_answer_carries_the_security_headers(client: TestClient) -> None:
    for path in ["/", "/healthz", "/nothing", "/photos/nothing", "/thumbnails/shapes/star-dotted"]:
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "content-security-policy" in headers


def connect(live_service: str) -> socket.socket:
    url = urlsplit(live_service)
    assert url.hostname
    assert url.port
    return socket.create_connection((url.hostname, url.port), timeout=5)


def test_a_client_that_sends_everything_before_it_reads_still_gets_the_refusal(live_service: str) -> None:
    with connect(live_service) as connection:
        connection.sendall(b"POST /search HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\n")
        connection.sendall(bytes(50_000_000))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()
    assert b"upload_too_large" in answer
    assert b"larger than 10,485,760 bytes" in answer


def test_a_body_that_announces_too_much_is_answered_before_it_is_sent(live_service: str) -> None:
    with connect(live_service) as connection:
        connection.sendall(b"POST /search HTTP/1.1\r\nHost: x\r\nContent-Length: 90000000000\r\n\r\n")
        start = time.perf_counter()
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
        assert time.perf_counter() - start < 10


def test_a_body_of_unannounced_length_is_refused_once_it_is_too_large(live_service: str) -> None:
    def endless() -> Iterator[bytes]:
        yield OPENING
        for _ in range(300):
            yield bytes(100_000)

    response = httpx2.post(f"{live_service}/search", content=endless(), headers=FORM)
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "upload_too_large"
    assert "larger than 10,485,760 bytes" in response.json()["error"]["message"]


def test_a_client_that_leaves_in_the_middle_harms_nobody(live_service: str) -> None:
    for _ in range(20):
        with connect(live_service) as connection:
            head = f"POST /search HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\nContent-Type: {FORM['content-type']}"
            connection.sendall(head.encode() + b"\r\n\r\n" + OPENING)
    assert httpx2.get(f"{live_service}/readyz").status_code == 200


def test_a_connection_is_kept_for_the_next_request_and_answers_without_delay(live_service: str) -> None:
    with httpx2.Client(base_url=live_service) as client:
        client.get("/healthz")
        times = []
        for _ in range(20):
            start = time.perf_counter()
            client.get("/healthz")
            times.append(time.perf_counter() - start)
    # 40 ms is what an answer costs when the system waits for an acknowledgement between headers and body.
    assert sorted(times)[10] < 0.03
