"""The proxy's configuration in a real nginx, before a stand-in for the service. Skipped where there is no nginx."""

import base64
import http.client
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(
    shutil.which("nginx") is None or shutil.which("openssl") is None,
    reason="no nginx and openssl on the path: apt-get install nginx-light openssl",
)
MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Proxy:
    """The ports of nginx, with TLS and without."""

    port: int
    plain_port: int


@pytest.fixture(scope="module")
def service(stand_in: Any) -> Iterator[int]:
    """Answers how many bytes came in, and under which host name it was asked."""
    with stand_in(lambda request, body: (200, f"{len(body)} {request.headers['Host']}")) as server:
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def nginx(service: int, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    certificate = ["-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")]
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=sketches.example.com"]
    subprocess.run([*request, *certificate], check=True, capture_output=True)
    hashed = subprocess.run(["openssl", "passwd", "-apr1", "secret"], check=True, capture_output=True, text=True)
    (folder / "sketches.htpasswd").write_text(f"visitor:{hashed.stdout}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        plain_port = probe.getsockname()[1]
    site = (root / "docker" / "proxy" / "nginx.conf").read_text()
    for there, here in (
        ("/etc/ssl/sketches", str(folder)),
        ("/etc/nginx", str(folder)),
        ("127.0.0.1:8000", f"127.0.0.1:{service}"),
        ("listen 80;", f"listen 127.0.0.1:{plain_port};"),
        ("#add_header Strict", "add_header Strict"),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("rate=20r/s", "rate=1r/m"),  # so slow that only the burst counts, however slow the machine is
    ):
        assert there in site, there
        site = site.replace(there, here)
    (folder / "site.conf").write_text(site)
    temporary = " ".join(f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi"))
    (folder / "nginx.conf").write_text(
        f"user root; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; {temporary} scgi_temp_path {folder}/scgi; include {folder}/site.conf; }}\n"
    )
    command = ["nginx", "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    with subprocess.Popen([*command, "-g", "daemon off;"], stderr=subprocess.PIPE) as process:
        _wait_for(port)
        yield Proxy(port, plain_port)
        process.terminate()


@pytest.fixture(scope="module")
def proxy(nginx: Proxy) -> int:
    return nginx.port


def _wait_for(port: int) -> None:
    event = threading.Event()
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        event.wait(0.05)
    raise AssertionError("nginx did not start")


def headers_of(port: int, path: str, password: str) -> http.client.HTTPMessage:
    with _asked(port, path, b"", password) as answer:
        return answer.headers


def ask(port: int, path: str, *, body: bytes = b"", password: str | None = "secret") -> tuple[int, bytes]:
    with _asked(port, path, body, password) as answer:
        return answer.status, answer.read()


@contextmanager
def _asked(port: int, path: str, body: bytes, password: str | None) -> Iterator[http.client.HTTPResponse]:
    headers = {"Host": "sketches.example.com"}
    if password is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(f"visitor:{password}".encode()).decode()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=20)
    try:
        connection.request("POST" if body else "GET", path, body or None, headers)
        yield connection.getresponse()
    finally:
        connection.close()


def test_a_visitor_with_the_password_reaches_the_service(proxy: int) -> None:
    assert ask(proxy, "/") == (200, b"0 sketches.example.com")


@pytest.mark.parametrize("password", [None, "wrong"])
def test_a_visitor_without_it_does_not(proxy: int, password: str | None) -> None:
    assert ask(proxy, "/", password=password)[0] == 401


def test_the_largest_batch_of_the_service_passes_and_more_is_refused(proxy: int) -> None:
    from service.settings import Settings

    largest = Settings().max_batch_bytes
    assert ask(proxy, "/search/batch", body=bytes(largest)) == (200, f"{largest} sketches.example.com".encode())
    assert ask(proxy, "/search/batch", body=bytes(largest + 2 * MEGABYTE))[0] == 413


def test_who_comes_without_tls_is_sent_on_and_asked_for_no_password(nginx: Proxy) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", nginx.plain_port, timeout=20)
    connection.request("GET", "/photos/a?b", headers={"Host": "sketches.example.com"})
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Location")) == (301, "https://sketches.example.com/photos/a?b")
    connection.close()


def test_browsers_are_told_to_come_with_tls_whatever_the_answer(proxy: int) -> None:
    for path, password in (("/", "wrong"), ("/photos/a", "secret"), ("/metrics", "secret")):
        assert headers_of(proxy, path, password)["Strict-Transport-Security"] == "max-age=31536000"


def test_metrics_stay_inside(proxy: int) -> None:
    assert ask(proxy, "/metrics")[0] == 404


def test_the_thumbnails_of_a_drawing_in_progress_are_not_a_flood(proxy: int) -> None:
    assert {ask(proxy, "/thumbnails/a", password="wrong")[0] for _ in range(60)} == {401}


def test_a_flood_of_requests_is_refused(proxy: int) -> None:
    statuses = [ask(proxy, "/", password="wrong")[0] for _ in range(50)]
    assert statuses[-1] == 429
    assert 429 not in statuses[:20]
