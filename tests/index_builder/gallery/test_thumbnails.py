import sqlite3
from pathlib import Path
from typing import Any

import pytest

from index_builder.gallery.errors import GalleryError
from index_builder.gallery.folder_gallery import current_generation, generation_folder
from index_builder.gallery.thumbnails import seal_of


@pytest.fixture
def folder(workshop: Any) -> Path:
    workshop.add(*(f"{number}.png" for number in range(5)))
    workshop.build()
    return generation_folder(workshop.out, current_generation(workshop.out))


def edit(folder: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(folder / "thumbnails.sqlite")
    connection.execute(statement, values)
    connection.commit()
    connection.close()


def test_a_thumbnail_that_was_altered_is_refused_and_the_others_are_read(folder: Path, workshop: Any) -> None:
    edit(folder, "UPDATE thumbnails SET image = image || x'00' WHERE row = 3")
    with workshop.open() as gallery:
        assert gallery.thumbnail("2")
        with pytest.raises(GalleryError, match=r"thumbnail in .*thumbnails\.sqlite is damaged"):
            gallery.thumbnail("3")


def test_a_thumbnail_in_the_place_of_another_is_refused(folder: Path, workshop: Any) -> None:
    for before, after in ((1, 100), (4, 1), (100, 4)):
        edit(folder, "UPDATE thumbnails SET row = ? WHERE row = ?", after, before)
    with workshop.open() as gallery, pytest.raises(GalleryError, match="damaged"):
        gallery.thumbnail("1")


def test_a_lost_thumbnail_is_damage_and_not_an_unknown_photo(folder: Path, workshop: Any) -> None:
    edit(folder, "DELETE FROM thumbnails WHERE row = 2")
    with workshop.open() as gallery, pytest.raises(GalleryError, match="damaged"):
        gallery.thumbnail("2")


def test_a_seal_belongs_to_one_image_of_one_photo() -> None:
    seals = {seal_of(image, digest) for image in (b"one", b"two") for digest in ("a" * 64, "b" * 64)}
    assert len(seals) == 4
    assert {len(seal) for seal in seals} == {16}
