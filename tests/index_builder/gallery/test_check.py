import sqlite3
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from index_builder.gallery import check
from index_builder.gallery.check import check_gallery
from index_builder.gallery.errors import GalleryError
from index_builder.gallery.folder_gallery import Gallery, current_generation, generation_folder
from index_builder.gallery.generation_files import verify_files


@pytest.fixture
def folder(workshop: Any) -> Path:
    workshop.add(*(f"{number}.png" for number in range(9)))
    workshop.build()
    return generation_folder(workshop.out, current_generation(workshop.out))


def edit_index(folder: Path, row: int, vector: Any) -> None:
    index = faiss.read_index(str(folder / "index.faiss"))
    vectors = index.reconstruct_n(0, index.ntotal).copy()
    vectors[row] = vector
    index.reset()
    index.add(vectors)
    faiss.write_index(index, str(folder / "index.faiss"))


@pytest.mark.parametrize("name", ["index.faiss", "items.sqlite", "thumbnails.sqlite", "errors.jsonl"])
def test_one_changed_byte_in_any_file_is_found(folder: Path, name: str) -> None:
    with Gallery(folder) as gallery:
        verify_files(folder, gallery.manifest)
        path = folder / name
        data = bytearray(path.read_bytes() or b"\0")
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        with pytest.raises(GalleryError, match=f"{name} is damaged"):
            verify_files(folder, gallery.manifest)


def test_a_missing_file_is_found(folder: Path) -> None:
    with Gallery(folder) as gallery:
        (folder / "errors.jsonl").unlink()
        with pytest.raises(GalleryError, match=r"errors.jsonl cannot be read"):
            verify_files(folder, gallery.manifest)


def test_an_intact_gallery_passes(folder: Path) -> None:
    with Gallery(folder) as gallery:
        check_gallery(gallery)


@pytest.mark.parametrize("vector", [np.zeros(16), np.full(16, np.nan), np.ones(16)])
def test_a_vector_that_is_not_of_unit_norm_is_found(folder: Path, vector: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(check, "_CHUNK_ROWS", 4)
    edit_index(folder, 6, vector)
    with Gallery(folder, hashed=()) as gallery, pytest.raises(GalleryError, match=r"row 6 .*expected 1"):
        check_gallery(gallery)


def test_a_vector_in_the_place_of_another_does_not_find_itself(folder: Path) -> None:
    with Gallery(folder) as gallery:
        made = {str(row): gallery.embedding(str(row)) for row in range(9)}
    edit_index(folder, 3, made["5"])
    with Gallery(folder, hashed=()) as gallery, pytest.raises(GalleryError, match=r"'3' .*does not find itself"):
        check_gallery(gallery, made=made.__getitem__)


@pytest.mark.parametrize(("name", "table"), [("items.sqlite", "items"), ("thumbnails.sqlite", "thumbnails")])
def test_a_missing_row_is_found(folder: Path, name: str, table: str) -> None:
    before = (folder / name).stat().st_size
    connection = sqlite3.connect(folder / name)
    connection.execute(f"DELETE FROM {table} WHERE row = 4")
    connection.commit()
    connection.close()
    assert (folder / name).stat().st_size == before
    with Gallery(folder, hashed=()) as gallery, pytest.raises(GalleryError, match="does not add up"):
        check_gallery(gallery)
