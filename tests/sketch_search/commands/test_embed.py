import csv
from pathlib import Path

import numpy as np
import pytest

import sketch_search
from sketch_search.commands.main import main


def test_a_folder_of_photos_becomes_one_array_with_a_table(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "all.npy"
    assert main(["embed", str(photos), "--out", str(out)]) == 0
    rows = list(csv.reader(out.with_suffix(".csv").read_text().splitlines()))
    names = ["more/thing-2.png", "more/thing-3.png", "thing-0.jpg", "thing-1.jpg"]
    assert rows == [["row", "path"], *([str(row), name] for row, name in enumerate(names))]
    expected = sketch_search.load_encoder().embed_photos([photos / name for name in names])
    np.testing.assert_array_equal(np.load(out), expected)


def test_sketches_become_a_parquet_file(drawing: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    out = tmp_path / "all.parquet"
    assert main(["embed", str(drawing.parent), "--sketches", "--out", str(out)]) == 0
    table = parquet.read_table(out)
    assert table.column("path").to_pylist() == ["drawing.png"]
    expected = sketch_search.load_encoder().embed_sketches([drawing])
    np.testing.assert_array_equal(np.array(table.column("embedding").to_pylist(), np.float32), expected)
    assert capsys.readouterr().err.endswith(f"Next: sketch-search search {drawing} --gallery gallery\n")


def test_what_cannot_be_used_is_named_and_left_out(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "bad.png").write_bytes(b"no image")
    assert main(["embed", str(folder), "--out", str(tmp_path / "a.npy")]) == 1
    (folder / "good.jpg").write_bytes((photos / "thing-0.jpg").read_bytes())
    assert main(["embed", str(folder), "--out", str(tmp_path / "a.npy")]) == 0
    said = capsys.readouterr().err
    assert said.count(f"Left out: The image {folder / 'bad.png'} cannot be used") == 2
    assert "None of 1 images could be used" in said
    assert "Embedded 1 of 2 images" in said


@pytest.mark.parametrize(
    ("folder", "out", "sentence"),
    [
        ("photos", "all.txt", "expected .npy or .parquet"),
        ("photos", "taken.npy", "exists; give another --out, or --force"),
        ("nowhere", "all.npy", "There is no folder nowhere"),
        (".", "all.npy", "There are no images in"),
    ],
)
def test_what_cannot_be_embedded_is_one_sentence(
    folder: str,
    out: str,
    sentence: str,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("taken.csv").write_text("mine")
    assert main(["embed", str(photos) if folder == "photos" else folder, "--out", out]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
    assert Path("taken.csv").read_text() == "mine"
