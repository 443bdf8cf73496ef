"""Whatever happens to a file of a gallery: it is refused with a sentence, or every answer is what it was."""

import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from index_builder.gallery.errors import GalleryError
from index_builder.gallery.folder_gallery import current_generation, generation_folder

NAMES = ["CURRENT", "manifest.json", "index.faiss", "items.sqlite", "thumbnails.sqlite", "errors.jsonl"]
NUM_PLACES = 12


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, make_workshop: Any) -> Any:
    workshop = make_workshop(tmp_path_factory.mktemp("damage"))
    workshop.add(*(f"{number:02}.png" for number in range(20)))
    (workshop.photos / "torn.png").write_bytes(b"not a picture")
    metadata = workshop.out.with_name("items.csv")
    metadata.write_text("photo_id,brand\n00,acme\n01,zeta\n")
    workshop.build(metadata=metadata)
    return workshop


def file(workshop: Any, name: str) -> Path:
    folder = generation_folder(workshop.out, current_generation(workshop.out))
    return Path(workshop.out / name if name == "CURRENT" else folder / name)


def answers(workshop: Any) -> tuple[Any, ...]:
    with workshop.open() as gallery:
        rankings = [gallery.search(gallery.embedding_at(row), k=20) for row in range(0, 20, 5)]
        return workshop.content(), rankings, gallery.select(["brand=acme"]).tolist(), gallery.manifest


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_byte_anywhere_never_changes_an_answer(built: Any, name: str) -> None:
    path, dice, intact, num_refused = file(built, name), random.Random(name), answers(built), 0
    whole = path.read_bytes()
    for place in dice.sample(range(len(whole)), min(NUM_PLACES, len(whole))):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ dice.randrange(1, 256)]) + whole[place + 1 :])
        try:
            assert answers(built) == intact
        except GalleryError:
            num_refused += 1
        finally:
            path.write_bytes(whole)
    assert num_refused or name == "errors.jsonl"  # which nobody is answered from


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_another_gallery_is_refused(built: Any, name: str, tmp_path: Path, make_workshop: Any) -> None:
    other = make_workshop(tmp_path)
    other.add(*(f"{number:02}.png" for number in range(20)), first_seed=500)
    other.build()
    path = file(built, name)
    kept = shutil.copy(path, tmp_path / "kept")
    shutil.copy(file(other, name), path)
    try:
        with pytest.raises(GalleryError):
            answers(built)
    finally:
        shutil.copy(kept, path)
