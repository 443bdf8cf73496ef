from pathlib import Path

import pytest

from sketch_search.commands import demo
from sketch_search.commands.main import main


def test_the_demo_renders_and_indexes_and_ends_with_a_search(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("embreex")
    assert main(["demo", "--out", str(tmp_path), "--items", "8", "--no-serve"]) == 0
    said = capsys.readouterr().err.splitlines()[-1].split()
    assert said[:3] == ["Next:", "sketch-search", "search"]
    assert main(said[2:]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 8


def test_what_the_demo_lacks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo.importlib.util, "find_spec", lambda _: None)
    assert main(["demo", "--out", str(tmp_path)]) == 2
    assert "install the extra demo" in capsys.readouterr().err
