import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


class StandIn(ThreadingHTTPServer):
    """Stands behind nginx in the place of the service.

    Attributes:
        asked: the paths that were asked for.
    """

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler, bytes], tuple[int, str]]) -> None:
        """Answers from now on; `answer` makes a status and a text of a request and its body."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.asked: list[str] = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StandIn

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        status, text = self.server.answer(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="session")
def stand_in() -> type[StandIn]:
    return StandIn


@pytest.fixture(scope="session")
def compose_texts() -> dict[str, str]:
    """File name -> content: the main file and what it includes."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("docker-compose*.yml"))}


@pytest.fixture(scope="session")
def compose(compose_texts: dict[str, str]) -> dict[str, dict[str, Any]]:
    """File name -> content as it is when nothing is set."""
    return {name: yaml.safe_load(VARIABLE.sub(lambda m: m[2], text)) for name, text in compose_texts.items()}


@pytest.fixture(scope="session")
def services(compose: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The services of all files."""
    return {name: service for content in compose.values() for name, service in content["services"].items()}


@pytest.fixture(scope="session")
def kubernetes_objects() -> list[dict[str, Any]]:
    return list(_kubernetes_objects())


def _kubernetes_objects() -> Iterator[dict[str, Any]]:
    for path in sorted((ROOT / "docker" / "kubernetes").glob("*.yaml")):
        if path.name != "kustomization.yaml":
            yield from yaml.safe_load_all(path.read_text(encoding="utf-8"))
