from pathlib import Path

import numpy as np
import pytest

from sketch_search.commands import forwarded
from sketch_search.commands.main import main


def next_step(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.splitlines()[-1]


def test_an_index_ends_with_how_to_serve_it(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "own gallery"
    assert main(["index", "--gallery", str(photos), "--out", str(out), "--workers", "1"]) == 0
    assert next_step(capsys) == f"Next: sketch-search serve --gallery '{out}'"
    assert main(["index", "verify", str(out)]) == 0
    captured = capsys.readouterr()
    assert "is intact: 4 photos" in captured.out
    assert "Next:" not in captured.err


def test_a_failed_index_names_no_next_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["index", "--gallery", str(tmp_path / "none")]) == 2
    assert "Next:" not in capsys.readouterr().err


def test_embeddings_of_a_gallery_are_exported(
    gallery_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "--out", str(tmp_path / "all.npy"), str(gallery_folder)]) == 0
    assert np.load(tmp_path / "all.npy").shape == (4, 192)
    assert next_step(capsys) == f"Next: sketch-search search drawing.png --gallery {gallery_folder}"


@pytest.mark.parametrize(
    ("words", "handed_on"),
    [
        (
            ["--recipe", "own-photos", "--data", "d", "--out", "o"],
            ["run", "--recipe", "own-photos", "--data", "d", "--out", "o"],
        ),
        (["run", "--out", "o/"], ["run", "--out", "o/"]),
        (["export", "--out=o"], ["export", "--out=o"]),
    ],
)
def test_train_runs_training_and_ends_with_how_to_use_the_bundle(
    words: list[str], handed_on: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[str] = []

    def train(argv: list[str], *, program: str) -> int:
        given.extend(argv)
        assert program == "sketch-search train"
        return 0

    monkeypatch.setattr("training.__main__.main", train)
    assert forwarded.run_train(words) == 0
    assert given == handed_on
    assert next_step(capsys) == "Next: sketch-search index --gallery photos/ --bundle o/bundle"
