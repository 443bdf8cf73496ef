import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2

FORM = {"content-type": "multipart/form-data; boundary=x"}
OPENING = b'--x\r\nContent-Disposition: form-data; name="sketch"; filename="a.png"\r\n\r\n'


def connect(live_service: str) -> socket.socket:
    url = urlsplit(live_service)
    assert url.hostname
    assert url.port
    return socket.create_connection((url.hostname, url.port), timeout=20)


def test_a_client_that_sends_everything_before_it_reads_still_gets_the_refusal(live_service: str) -> None:
    with connect(live_service) as connection:
        connection.sendall(b"POST /search HTTP/1.1\r\nHost: x\r\nContent-Length: 16000000\r\n\r\n")
        connection.sendall(bytes(16_000_000))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()
    assert b"upload_too_large" in answer
    assert b"larger than 10,485,760 bytes" in answer


def test_a_body_that_announces_too_much_is_answered_before_it_is_sent(live_service: str) -> None:
    with connect(live_service) as connection:
        connection.sendall(b"POST /search HTTP/1.1\r\nHost: x\r\nContent-Length: 90000000000\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


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
