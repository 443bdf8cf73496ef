"""The balancer's configuration in a real nginx, before two stand-ins for replicas. Skipped where there is no nginx."""

import http.client
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(
    shutil.which("nginx") is None, reason="no nginx on the path: apt-get install nginx-light"
)


class Replica:
    """Answers with its port, or with the status that it is told to give; counts what it was asked."""

    def __init__(self, stand_in: Any) -> None:
        self.status = 200
        self.server = stand_in(lambda *_: (self.status, str(self.server_port)))
        self.server_port: int = self.server.server_port
        self.asked: list[str] = self.server.asked


@pytest.fixture
def replicas(stand_in: Any) -> Iterator[tuple[Replica, Replica]]:
    first, second = Replica(stand_in), Replica(stand_in)
    with first.server, second.server:
        yield first, second
        first.server.shutdown()
        second.server.shutdown()


@pytest.fixture
def balancer(replicas: tuple[Replica, Replica], root: Path, tmp_path: Path) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    text = (root / "docker" / "proxy" / "replicas.conf").read_text()
    servers = "".join(f"server 127.0.0.1:{replica.server_port} max_fails=1 fail_timeout=2s; " for replica in replicas)
    for there, here in (
        ("server replica:8000 max_fails=1 fail_timeout=2s;", servers),
        ("listen 8000", f"listen 127.0.0.1:{port}"),
        ("/tmp/", f"{tmp_path}/"),
    ):
        assert there in text, there
        text = text.replace(there, here)
    (tmp_path / "replicas.conf").write_text("user root;\n" + text)
    nginx = ["nginx", "-e", "stderr", "-c", str(tmp_path / "replicas.conf")]
    subprocess.run([*nginx, "-t"], check=True, capture_output=True)
    with subprocess.Popen([*nginx, "-g", "daemon off;"], stderr=subprocess.PIPE) as process:
        for _ in range(400):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            threading.Event().wait(0.05)
        yield port
        process.terminate()


def ask(port: int, path: str, *, body: bytes = b"") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST" if body else "GET", path, body or None)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_requests_are_shared(balancer: int, replicas: tuple[Replica, Replica]) -> None:
    assert {ask(balancer, "/info")[1] for _ in range(10)} == {str(replica.server_port).encode() for replica in replicas}


@pytest.mark.parametrize("body", [b"", b"a sketch"])
def test_what_a_replica_cannot_answer_is_put_to_the_other(
    balancer: int, replicas: tuple[Replica, Replica], body: bytes
) -> None:
    replicas[0].status = 503
    assert [ask(balancer, "/search", body=body)[0] for _ in range(10)] == [200] * 10
    assert replicas[0].asked, "it was never asked"


def test_a_replica_that_is_gone_fails_nobody(balancer: int, replicas: tuple[Replica, Replica]) -> None:
    replicas[1].server.shutdown()
    replicas[1].server.server_close()
    assert [ask(balancer, "/search", body=b"a sketch")[0] for _ in range(10)] == [200] * 10


@pytest.mark.parametrize("path", ["/photos/new", "/thumbnails/new", "/similar/new"])
def test_a_photo_that_one_replica_does_not_know_yet_is_asked_of_the_other(
    balancer: int, replicas: tuple[Replica, Replica], path: str
) -> None:
    replicas[0].status = 404
    assert [ask(balancer, path)[0] for _ in range(6)] == [200] * 6
    assert replicas[0].asked, "it was never asked"
    replicas[1].status = 404
    assert ask(balancer, path)[0] == 404


def test_what_is_wrong_with_a_request_is_said_by_the_first_that_is_asked(
    balancer: int, replicas: tuple[Replica, Replica]
) -> None:
    for replica in replicas:
        replica.status = 422
    assert ask(balancer, "/search", body=b"no sketch")[0] == 422
    assert len(replicas[0].asked) + len(replicas[1].asked) == 1


def test_metrics_stay_inside(balancer: int) -> None:
    assert ask(balancer, "/metrics")[0] == 404
