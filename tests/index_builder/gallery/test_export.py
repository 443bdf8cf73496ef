import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

from index_builder.__main__ import main
from index_builder.gallery import export
from index_builder.gallery.errors import GalleryError
from index_builder.gallery.export import export_gallery


@pytest.fixture
def built(workshop: Any, tmp_path: Path, monkeypatch: Any) -> Any:
    monkeypatch.setattr(export, "_CHUNK_ROWS", 2)  # so that five photos are several pieces
    workshop.add("a.jpg", "b.png", "chairs/Größe, 日本.webp", "d.png", "e.png")
    table = tmp_path / "items.csv"
    table.write_text("photo_id,price\na,2.5\n")
    workshop.build(metadata=table)
    return workshop


def test_an_npy_holds_the_embeddings_and_the_csv_says_whose_they_are(built: Any, tmp_path: Path) -> None:
    with built.open() as gallery:
        written = export_gallery(gallery, tmp_path / "new" / "x.npy")
        assert written == [tmp_path / "new" / "x.npy", tmp_path / "new" / "x.csv"]
        vectors = np.load(written[0])
        assert (vectors.shape, vectors.dtype) == ((5, 16), np.float32)
        with written[1].open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert [row["photo_id"] for row in rows] == built.ids()
        for row in rows:
            assert np.array_equal(vectors[int(row["row"])], gallery.embedding(row["photo_id"]))
        assert json.loads(rows[0]["metadata"]) == {"price": 2.5}
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"x.npy", "x.csv"}


def test_a_parquet_file_holds_ids_metadata_embeddings_and_the_generation(built: Any, tmp_path: Path) -> None:
    with built.open() as gallery:
        export_gallery(gallery, tmp_path / "x.parquet")
        table = pyarrow.parquet.read_table(tmp_path / "x.parquet")
        assert json.loads(table.schema.metadata[b"sketch_search"])["generation"] == gallery.generation
        rows = table.to_pylist()
        assert [row["photo_id"] for row in rows] == built.ids()
        for row in rows:
            assert np.array_equal(np.float32(row["embedding"]), gallery.embedding(row["photo_id"]))
        assert (rows[0]["width_px"], json.loads(rows[0]["metadata"])) == (48, {"price": 2.5})


@pytest.mark.parametrize(("name", "there"), [("x.npy", "x.csv"), ("x.npy", "x.npy"), ("x.parquet", "x.parquet")])
def test_a_file_that_is_there_is_replaced_only_when_asked_for(
    built: Any, tmp_path: Path, capsys: Any, name: str, there: str
) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    (folder / there).write_text("mine")
    command = ["export", str(built.out), "--out", str(folder / name)]
    assert main(command) == 2
    assert f"The file {folder / there} exists; give another --out, or --force to replace it." in capsys.readouterr().err
    assert {path.name: path.read_text() for path in folder.iterdir()} == {there: "mine"}
    assert main([*command, "--force"]) == 0
    assert (folder / there).read_bytes() != b"mine"


def test_another_extension_is_refused(built: Any, tmp_path: Path) -> None:
    with built.open() as gallery, pytest.raises(GalleryError, match=r"'\.txt'; expected \.npy or \.parquet"):
        export_gallery(gallery, tmp_path / "x.txt")


def test_without_pyarrow_parquet_is_one_sentence_and_npy_works(built: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with built.open() as gallery:
        with pytest.raises(GalleryError, match=r"needs pyarrow, which is not installed; .*\.npy"):
            export_gallery(gallery, tmp_path / "x.parquet")
        assert export_gallery(gallery, tmp_path / "x.npy")


def test_the_command_exports_the_gallery_that_is_named(built: Any, tmp_path: Path, capsys: Any) -> None:
    assert main(["export", str(built.out), "--out", str(tmp_path / "x.npy")]) == 0
    said = capsys.readouterr().out
    assert "Exported 5 embeddings of dimension 16 of generation" in said
    assert main(["export", str(tmp_path / "none"), "--out", str(tmp_path / "x.npy")]) == 2
    assert "There is no gallery at" in capsys.readouterr().err
