import gzip
import importlib.util
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from fastapi.testclient import TestClient

from model.errors import SketchSearchError
from service.app import create_app
from service.http.tracing import telemetry_config
from service.search.engine import SearchEngine
from service.settings import Settings

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


def test_nothing_is_sent_unless_tracing_is_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT, "http://localhost:4318")
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    assert telemetry_config(tracing=False) == dict.fromkeys(("tracing", "metrics", "logs", "auto_configure"), False)


def test_tracing_without_a_collector_or_the_packages_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.delenv(ENDPOINT, raising=False)
    with pytest.raises(SketchSearchError, match=ENDPOINT):
        telemetry_config(tracing=True)
    monkeypatch.setenv(ENDPOINT, "http://localhost:4318")
    assert telemetry_config(tracing=True)["auto_configure"]
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SketchSearchError, match="extra otel"):
        telemetry_config(tracing=True)


class Collector(BaseHTTPRequestHandler):
    """Takes what OpenTelemetry exports; `received` holds path and body."""

    received: ClassVar[list[tuple[str, bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append((self.path, gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def test_spans_without_the_drawing_reach_a_collector(
    engine: SearchEngine, sketch: Callable[[str], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("opentelemetry.sdk", reason="spans are sent with the otel extra")
    drawing = sketch("house-plain")
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv(ENDPOINT, f"http://127.0.0.1:{server.server_port}")
        with TestClient(create_app(Settings(tracing=True), engine=engine)) as client:
            client.post("/search", files={"sketch": drawing})
        server.shutdown()
    assert {path for path, _ in Collector.received} == {"/v1/traces"}
    spans = b"".join(body for _, body in Collector.received)
    assert b"POST /search" in spans
    assert drawing[-60:-20] not in spans
