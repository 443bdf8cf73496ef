import logging
import re
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient

from service.search.engine import SearchEngine


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
    assert re.fullmatch(rf"{request_id} GET /photos/{{photo_id:text}} 404 \d+\.\d ms \(unknown_photo\)", lines[0])


def request_fields(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record)["fields"] for record in caplog.records if record.name == "service.requests"]


def test_the_log_of_a_search_has_the_stages_and_of_a_batch_their_sums_and_refusals(
    client: TestClient, caplog: pytest.LogCaptureFixture, sketch: Callable[[str], bytes]
) -> None:
    with caplog.at_level(logging.INFO, logger="service.requests"):
        single = client.post("/search", files={"sketch": sketch("star-plain")}).json()["timings_ms"]
        files = [("sketches", sketch("star-plain")), ("sketches", b"no image"), ("sketches", sketch("house-plain"))]
        batch = client.post("/search/batch", files=files).json()["answers"]
    first, second = request_fields(caplog)
    del single["total"]
    assert first["stages_ms"] == single
    assert list(single) == ["decode", "prepare", "wait", "encode", "search"]
    assert "errors" not in first
    encode = sum(answer["timings_ms"]["encode"] for answer in batch if "timings_ms" in answer)
    assert second["stages_ms"]["encode"] == pytest.approx(encode, abs=0.002)
    assert second["errors"] == ["not_an_image"]
    assert (second["message"], second["status"]) == ("POST /search/batch 200", 200)


@pytest.mark.parametrize("given", ["7f3c-request.1_a", "A" * 128])
def test_a_well_formed_request_id_is_kept_for_the_answer_and_the_log(
    client: TestClient, caplog: pytest.LogCaptureFixture, given: str
) -> None:
    with caplog.at_level(logging.INFO, logger="service.requests"):
        assert client.get("/healthz", headers={"X-Request-ID": given}).headers["x-request-id"] == given
    assert request_fields(caplog)[0]["request_id"] == given


@pytest.mark.parametrize("given", ["", "A" * 129, "two words", 'a"b', "a\tb", "grün"])
def test_any_other_request_id_is_replaced(client: TestClient, given: str) -> None:
    answered = client.get("/healthz", headers={"X-Request-ID": given.encode()}).headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{16}", answered)


def test_one_of_two_request_ids_is_not_guessed(client: TestClient) -> None:
    answered = client.get("/healthz", headers=[("X-Request-ID", "a"), ("X-Request-ID", "b")]).headers["x-request-id"]
    assert answered not in ("a", "b")


def test_every_answer_carries_the_security_headers(client: TestClient) -> None:
    for path in ["/", "/healthz", "/nothing", "/photos/nothing", "/thumbnails/shapes/star-dotted"]:
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "content-security-policy" in headers


def test_a_connection_is_kept_for_the_next_request(live_service: str) -> None:
    url = urlsplit(live_service)
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=20) as connection:
        for _ in range(3):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while not answer.endswith(b'{"status":"ok"}'):
                received = connection.recv(65536)
                assert received, "the connection was closed"
                answer += received
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b"connection: close" not in answer.lower()


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/info", "/metrics", "/openapi.json", "/similar/shapes/star-dotted"]
)
def test_what_can_be_read_can_be_asked_for_its_head(client: TestClient, path: str) -> None:
    assert client.head(path).status_code == 200


def test_an_address_in_absolute_form_is_found_and_head_has_no_body(live_service: str) -> None:
    url = urlsplit(live_service)
    for method, has_body in ((b"GET", True), (b"HEAD", False)):
        with socket.create_connection((str(url.hostname), url.port or 0), timeout=20) as connection:
            target = f"{live_service}/healthz".encode()
            connection.sendall(method + b" " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.endswith(b'{"status":"ok"}') == has_body
