"""The files that a sketch crosses in the service, as CONTRIBUTING.md lists them."""

import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from fastapi.testclient import TestClient

from service.app import create_app
from service.search.engine import SearchEngine
from service.settings import Settings

ROOT = Path(__file__).parents[2]
# The test runs without a socket and decodes in this process.
WITHOUT_A_SOCKET = {"service/process/connection.py", "service/uploads/pool.py"}
DECODING = {f"service/uploads/{name}.py" for name in ("reader", "check", "png", "refusals")}
AT_THE_START = {"service/app.py"}


def test_a_sketch_crosses_the_files_that_the_page_for_contributors_lists(
    engine: SearchEngine, settings: Settings, sketch: Callable[[str], bytes]
) -> None:
    crossed: set[str] = set()

    def note(frame: FrameType, _event: str, _argument: Any) -> None:
        file = Path(frame.f_code.co_filename)
        if file.is_relative_to(ROOT / "service"):
            crossed.add(file.relative_to(ROOT).as_posix())

    before = sys.gettrace()
    with TestClient(create_app(settings, engine=engine)) as client:
        files = {"sketch": ("a.png", sketch("star-dotted"))}
        client.post("/search", files=files)  # what happens only once
        client.portal.call(sys.settrace, note)  # type: ignore[union-attr]  # the event loop's thread
        threading.settrace(note)
        original = engine.search

        def traced(*arguments: Any, **more: Any) -> Any:
            sys.settrace(note)
            try:
                return original(*arguments, **more)
            finally:
                sys.settrace(None)

        engine.search = traced  # type: ignore[method-assign]
        try:
            assert client.post("/search", files=files).status_code == 200
        finally:
            threading.settrace(None)  # type: ignore[arg-type]
            client.portal.call(sys.settrace, before)  # type: ignore[union-attr]
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = page.partition("## The path of a sketch")[2].partition("\n## ")[0]
    listed = set(re.findall(r"^\d+\. `(service/[a-z_/]+\.py)`", section, re.MULTILINE))
    assert crossed - DECODING - AT_THE_START == listed - WITHOUT_A_SOCKET
    assert len(listed) <= 18
