import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from index_builder.build import build_gallery
from index_builder.gallery.check import check_gallery
from index_builder.gallery.errors import GalleryError
from index_builder.gallery.folder_gallery import Gallery, current_generation, generation_folder
from index_builder.gallery.generation_files import verify_files
from index_builder.indexing import choose as index_choice
from index_builder.indexing.requirements import IndexRequirements
from index_builder.progress import SilentProgress
from index_builder.settings import BuildSettings
from model.seal import break_seal, sealed_text

# 200 photos with the fake encoder's 16 dimensions: 12,800 bytes exactly, 5,120 as SQ8 codes, 3,920 as RaBitQ codes.
SQ8 = IndexRequirements(memory_bytes=7_000)
RABITQ = IndexRequirements(memory_bytes=5_000)


@pytest.fixture(scope="session")
def many_photos(tmp_path_factory: Any, photo: Any) -> Path:
    folder: Path = tmp_path_factory.mktemp("many")
    for number in range(200):
        photo(folder / f"{number:03}.png", number)
    return folder


@pytest.fixture
def many(workshop: Any, many_photos: Path) -> Any:
    shutil.copytree(many_photos, workshop.photos, dirs_exist_ok=True)
    return workshop


@pytest.fixture(scope="session")
def lists_of_many(tmp_path_factory: Any, many_photos: Path, make_workshop: Any) -> Path:
    built = make_workshop(tmp_path_factory.mktemp("lists of many"))
    built.photos = many_photos
    built.build(index=SQ8)
    return Path(built.out)


@pytest.fixture
def listed(many: Any, lists_of_many: Path) -> Any:
    """The photos with a gallery that was built of a copy of them, with lists."""
    shutil.copytree(lists_of_many, many.out)
    return many


def tuning(workshop: Any) -> Any:
    with workshop.open() as gallery:
        check_gallery(gallery)
        verify_files(gallery.folder, gallery.manifest)
        return gallery.manifest.tuning


def folder(workshop: Any) -> Path:
    return generation_folder(workshop.out, current_generation(workshop.out))


def test_a_small_gallery_is_exact_and_says_why(many: Any) -> None:
    many.build()
    assert tuning(many).is_exact
    assert "Index: exact, because 200 photos are searched in a moment" in many.lines
    assert not (folder(many) / "approximate.faiss").exists()


def test_a_gallery_is_exact_while_a_search_is_fast_enough(many: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(index_choice, "SMALL_BYTES", 0)
    milliseconds = iter([4.9, 6.4, 6.6])
    monkeypatch.setattr(index_choice, "_time_exact", lambda *_: next(milliseconds))
    many.build()
    assert many.lines[-2] == "Index: exact, because 200 photos are searched in 4.9 ms"
    many.add("one more.png", first_seed=500)
    many.build()
    assert tuning(many).is_exact  # a little above the limit it stays what it was
    many.add("another.png", first_seed=501)
    many.build()
    assert tuning(many).factory == "IVF5,SQ8"
    assert "because an exact search takes 7 ms (at most 5)" in many.lines[-2]


def test_what_does_not_fit_the_memory_is_put_into_lists(many: Any) -> None:
    many.build(index=SQ8)
    found = tuning(many)
    assert found.factory == "IVF5,SQ8"
    assert found.memory_bytes <= SQ8.memory_bytes
    assert found.recall["photos"] >= 0.95
    assert found.queries == {"photos": 200}
    assert "12.8 kB of embeddings are more than the 7.0 kB allowed" in many.lines[-2]
    assert any("--sketches" in line for line in many.lines)
    many.build(index=RABITQ)
    assert tuning(many).factory == "IVF5,RaBitQ"


def test_too_little_memory_is_refused_naming_what_is_needed(many: Any) -> None:
    with pytest.raises(GalleryError, match=r"allows 100 bytes; the smallest index of 200 photos needs 3,9\d\d"):
        many.build(index=IndexRequirements(memory_bytes=100))


def test_searches_of_a_gallery_with_lists_agree_with_exact_ones(many: Any) -> None:
    many.build()
    with many.open() as gallery:
        queries = [gallery.embedding(f"{number:03}") for number in range(0, 200, 10)]
        rows = np.arange(0, 200, 7)
        exact = [(gallery.search(query, k=5), gallery.search(query, k=5, rows=rows)) for query in queries]
    many.build(index=IndexRequirements(recall=1.0, memory_bytes=7_000))
    with many.open() as gallery:
        assert gallery.lists is not None
        for query, (all_hits, some_hits) in zip(queries, exact, strict=True):
            assert gallery.search(query, k=5) == all_hits
            found = gallery.search(query, k=5, rows=rows)
            assert [hit.photo_id for hit in found] == [hit.photo_id for hit in some_hits]
            assert [hit.score for hit in found] == pytest.approx([hit.score for hit in some_hits], abs=1e-6)


def test_lists_are_carried_over_when_photos_come_and_go(listed: Any, monkeypatch: Any) -> None:
    first = tuning(listed)
    (listed.photos / "050.png").unlink()
    listed.add("000 new.png", "zzz new.png", first_seed=700)
    with monkeypatch.context() as patch:
        patch.setattr(index_choice, "train_lists", None)
        listed.build(index=SQ8)
    found = tuning(listed)
    assert (found.trained_on, found.added_since, found.factory) == (first.trained_on, 2, first.factory)
    assert not any("trained anew" in line for line in listed.lines)
    with listed.open() as gallery:
        for photo_id in ("000 new", "000", "049", "051", "zzz new"):
            assert gallery.search(gallery.embedding(photo_id), k=1)[0].photo_id == photo_id
        assert gallery.item("050") is None


def test_lists_are_trained_anew_when_the_gallery_has_doubled_and_it_says_so(listed: Any) -> None:
    listed.add(*(f"more {number:03}.png" for number in range(210)), first_seed=1000)
    listed.build(index=IndexRequirements(memory_bytes=15_000))
    assert "The lists are trained anew: there are 410 photos, 200 when they were trained" in listed.lines
    assert tuning(listed).trained_on == 410


def test_lists_of_another_encoder_are_trained_anew_and_it_says_so(listed: Any) -> None:
    listed.build(index=SQ8, precision="int8")
    assert "The lists are trained anew: another encoder made the embeddings" in listed.lines


def test_lists_outlive_a_new_name_of_the_bundle(listed: Any, fake: Any, monkeypatch: Any) -> None:
    renamed = replace(fake.fake_model(fake.FakeEncoder()), name="renamed")
    listed.add("one more.png", first_seed=500)
    settings = BuildSettings(listed.photos, listed.out, index=SQ8)
    monkeypatch.setattr(index_choice, "train_lists", None)
    report = build_gallery(settings, model=renamed, progress=SilentProgress())
    assert (report.published, report.num_encoded) == (True, 1)


def test_lists_are_trained_anew_when_new_photos_make_them_slow(listed: Any, monkeypatch: Any) -> None:
    path = folder(listed) / "manifest.json"
    manifest = json.loads(path.read_text())
    break_seal(manifest)
    manifest["tuning"]["trained_nprobe"] = 0  # as if less than one list had been enough
    path.write_text(sealed_text(manifest))
    listed.add("one more.png", first_seed=500)
    listed.build(index=SQ8)
    assert any(
        line.startswith("The lists are trained anew: with the new photos they need nprobe") for line in listed.lines
    )
    assert tuning(listed).added_since == 0


def test_another_recall_is_tuned_for_though_no_photo_changed(many: Any) -> None:
    many.build(index=IndexRequirements(recall=0.3, memory_bytes=7_000))
    little = tuning(many)
    report = many.build(index=IndexRequirements(recall=0.99, memory_bytes=7_000))
    assert report.published
    assert tuning(many).nprobe > little.nprobe
    assert not many.build(index=IndexRequirements(recall=0.99, memory_bytes=7_000)).published


def test_recall_is_measured_with_drawings_when_there_are_some(many: Any, fake: Any) -> None:
    drawings = np.random.default_rng(5).standard_normal((20, fake.DIMENSION)).astype(np.float32)
    drawings /= np.linalg.norm(drawings, axis=1, keepdims=True)
    many.build(index=IndexRequirements(memory_bytes=7_000, sketches=lambda: drawings))
    found = tuning(many)
    assert found.queries == {"photos": 200, "sketches": 20}
    assert set(found.recall) == {"photos", "sketches"}
    assert " on 20 sketches at nprobe " in many.lines[-2]


def test_drawings_that_are_given_later_are_tuned_with_though_no_photo_changed(many: Any, fake: Any) -> None:
    drawings = np.eye(fake.DIMENSION, dtype=np.float32)
    many.build(index=SQ8)
    with_drawings = replace(SQ8, sketches=lambda: drawings)
    assert many.build(index=with_drawings).published
    assert set(tuning(many).recall) == {"photos", "sketches"}
    assert not many.build(index=with_drawings).published


def spoil(workshop: Any, change: Any) -> None:
    """Changes the inverted lists of a generation as a fault of ours would, so that sizes still fit."""
    path = folder(workshop) / "approximate.faiss"
    index = faiss.read_index(str(path))
    change(index)
    faiss.write_index(index, str(path))


def test_a_code_of_another_embedding_is_found(listed: Any) -> None:
    def swap(index: Any) -> None:
        ids = faiss.rev_swig_ptr(index.invlists.get_ids(0), index.invlists.list_size(0))
        ids[0], ids[1] = ids[1], ids[0]

    spoil(listed, swap)
    with (
        Gallery(folder(listed), hashed=()) as gallery,
        pytest.raises(GalleryError, match="does not fit the embedding in row"),
    ):
        check_gallery(gallery)


def test_a_photo_that_no_list_holds_is_found(listed: Any) -> None:
    def lose(index: Any) -> None:
        size = index.invlists.list_size(0)
        ids = faiss.rev_swig_ptr(index.invlists.get_ids(0), size)
        codes = faiss.rev_swig_ptr(index.invlists.get_codes(0), size * index.code_size)
        ids[0] = ids[1]
        codes[: index.code_size] = codes[index.code_size : 2 * index.code_size]

    spoil(listed, lose)
    with Gallery(folder(listed), hashed=()) as gallery, pytest.raises(GalleryError, match="times, expected once"):
        check_gallery(gallery)


@pytest.mark.parametrize("place", [0, 0.5, 0.99])
def test_a_changed_byte_in_the_lists_is_found_at_opening_and_by_a_rebuild(listed: Any, place: float) -> None:
    path = folder(listed) / "approximate.faiss"
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 1
    path.write_bytes(data)
    with pytest.raises(GalleryError, match=r"approximate\.faiss is damaged"):
        listed.open()
    listed.add("one more.png", first_seed=500)
    listed.build(index=SQ8)
    assert any("embedded anew" in line and "approximate.faiss is damaged" in line for line in listed.lines)
    assert tuning(listed).factory == "IVF5,SQ8"


def test_missing_lists_are_noticed_at_opening(listed: Any) -> None:
    (folder(listed) / "approximate.faiss").unlink()
    with pytest.raises(GalleryError, match=r"approximate\.faiss is missing"):
        listed.open()
