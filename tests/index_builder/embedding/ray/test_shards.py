"""Shards: whole or not at all, taken only for photos that are still the same, deleted once recorded."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fsspec.implementations.local import LocalFileSystem

from index_builder.embedding.local import encode_readings
from index_builder.embedding.ray.shards import Shards, take_shards
from index_builder.embedding.ray.table import from_table, to_table
from index_builder.gallery.errors import GalleryError
from index_builder.photos.read import PhotoReading, read_photo
from index_builder.photos.scan import PhotoScan, Problem
from index_builder.progress import SilentProgress
from index_builder.work.store import WorkStore

NAMES = ["a.png", "b.png", "c.png"]


@pytest.fixture
def model(fake: Any) -> Any:
    return fake.fake_model(fake.FakeEncoder())


@pytest.fixture
def shards(workshop: Any, model: Any, tmp_path: Path) -> Shards:
    return open_shards(workshop, model, tmp_path / "shards")


def open_shards(workshop: Any, model: Any, folder: Path, **other: Any) -> Shards:
    return Shards(folder.as_uri(), **{"model": model, "root": workshop.photos, "out": workshop.out} | other)


def files(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "shards").rglob("*") if path.is_file()]


def embedded(workshop: Any, model: Any, names: list[str]) -> Any:
    """What a worker makes of photos."""
    results = []
    for name in names:
        reading = read_photo(workshop.photos, name, claim=lambda _: True, prepare=model.prepare, image_size_px=32)
        vector = None if reading.decoded is None else encode_readings([reading], model.open_encoder(), model)[0]
        results.append((reading, vector))
    return to_table(results, model.embedding_dim)


def take(workshop: Any, shards: Shards) -> tuple[list[str], int, list[str]]:
    """What a build takes: the paths that are still pending then, the embeddings, and what it says."""
    progress = SilentProgress()
    store = WorkStore(workshop.out / "work.sqlite")
    store.add_photos(PhotoScan(workshop.photos))
    take_shards(store, shards, progress)
    pending = list(store.pending())
    (number,) = store.database.execute("SELECT count(*) FROM embedded").fetchone()
    store.close()
    return pending, number, progress.lines


def test_a_table_gives_back_what_it_was_made_of(workshop: Any, model: Any) -> None:
    workshop.add("a.png")
    (reading, vector), *_ = from_table(embedded(workshop, model, ["a.png"]))
    original = read_photo(workshop.photos, "a.png", claim=lambda _: True, prepare=model.prepare, image_size_px=32)
    assert original.decoded is not None
    assert reading.decoded is not None
    assert vector.tobytes() == encode_readings([original], model.open_encoder(), model).tobytes()
    assert vector.dtype == np.float32
    for name in ("thumbnail", "perceptual_hash", "width_px", "height_px", "media_type", "warning"):
        assert getattr(reading.decoded, name) == getattr(original.decoded, name)
    for name in ("path", "size_bytes", "mtime_ns", "content_sha256", "problem"):
        assert getattr(reading, name) == getattr(original, name)


@pytest.mark.parametrize(
    "reading",
    [
        PhotoReading("a.png", problem=Problem("missing", "The file cannot be read.")),
        PhotoReading("a.png", 3, 4, "digest", problem=Problem("not_an_image", "This is no image.")),
    ],
)
def test_a_table_gives_problems_back(reading: PhotoReading) -> None:
    assert list(from_table(to_table([(reading, None)], 16))) == [(reading, None)]


def test_what_shards_hold_is_recorded_and_they_are_deleted(
    workshop: Any, model: Any, shards: Shards, tmp_path: Path
) -> None:
    workshop.add(*NAMES)
    shards.write(shards.name(NAMES[:2]), embedded(workshop, model, NAMES[:2]))
    assert len(files(tmp_path)) == 1
    next_run = open_shards(workshop, model, tmp_path / "shards")
    pending, number, said = take(workshop, next_run)
    assert pending == ["c.png"]
    assert number == 2
    assert said == ["Taken from 1 shards of an earlier run: 2 embeddings"]
    assert files(tmp_path) == []


def test_a_photo_that_changed_since_is_embedded_again(workshop: Any, model: Any, shards: Shards, photo: Any) -> None:
    workshop.add(*NAMES)
    shards.write(shards.name(NAMES), embedded(workshop, model, NAMES))
    status = (workshop.photos / "b.png").stat()
    os.utime(workshop.photos / "b.png", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    photo(workshop.photos / "c.png", 77)
    (workshop.photos / "a.png").unlink()
    assert take(workshop, shards)[:2] == (["b.png", "c.png"], 0)


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: b"", lambda data: flipped(data)])
def test_a_damaged_shard_is_said_and_deleted(
    workshop: Any, model: Any, shards: Shards, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    workshop.add(*NAMES)
    shards.write(shards.name(NAMES), embedded(workshop, model, NAMES))
    (shard,) = files(tmp_path)
    shard.write_bytes(damage(shard.read_bytes()))
    pending, number, said = take(workshop, shards)
    assert (pending, number) == (NAMES, 0)
    assert "Of the shards 1 could not be read; their photos are embedded again" in said
    assert files(tmp_path) == []


def flipped(data: bytes) -> bytes:
    """One bit of a thumbnail is wrong."""
    place = data.index(b"JFIF") + 300
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def test_shards_of_another_encoder_folder_or_gallery_are_not_taken(
    workshop: Any, model: Any, fake: Any, shards: Shards, tmp_path: Path
) -> None:
    workshop.add(*NAMES)
    shards.write(shards.name(NAMES), embedded(workshop, model, NAMES))
    others: list[dict[str, Any]] = [
        {"model": fake.fake_model(fake.FakeEncoder(), name="other")},
        {"model": fake.fake_model(fake.FakeEncoder(), precision="int8")},
        {"root": tmp_path / "elsewhere"},
        {"out": tmp_path / "other-gallery"},
    ]
    for other in others:
        assert open_shards(workshop, other.pop("model", model), tmp_path / "shards", **other).names() == []
    assert len(open_shards(workshop, model, tmp_path / "shards").names()) == 1


def test_a_worker_that_dies_while_it_writes_leaves_no_shard(
    workshop: Any, model: Any, shards: Shards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.add(*NAMES)

    def write_half(self: LocalFileSystem, path: str, data: bytes) -> None:
        Path(path).write_bytes(data[: len(data) // 2])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LocalFileSystem, "pipe_file", write_half)
        with pytest.raises(KeyboardInterrupt):
            shards.write(shards.name(NAMES), embedded(workshop, model, NAMES))
    assert len(files(tmp_path)) == 1
    assert shards.names() == []
    shards.clear()
    assert files(tmp_path) == []


def test_a_batch_has_one_name_in_a_run_and_another_in_the_next(workshop: Any, model: Any, tmp_path: Path) -> None:
    one, other = (open_shards(workshop, model, tmp_path / "shards") for _ in range(2))
    assert one.name(NAMES) == one.name(NAMES)
    assert len({one.name(NAMES), one.name(NAMES[:2]), one.name(["a.pngb.png", "c.png"]), other.name(NAMES)}) == 4
    assert one.read(one.name(NAMES)) is None


def test_a_table_of_another_shape_is_no_shard(workshop: Any, shards: Shards) -> None:
    shards.write(shards.name(NAMES), pa.table({"path": NAMES}))
    assert shards.read(shards.name(NAMES)) is None


@pytest.mark.parametrize("url", ["nonsense://bucket/shards", "file:///dev/null/shards"])
def test_a_url_that_cannot_be_used_is_said_at_once(workshop: Any, url: str) -> None:
    workshop.add(*NAMES)
    with pytest.raises(GalleryError, match=f"--shards {url} cannot be used .*; give a URL of fsspec"):
        workshop.build(engine="ray", shards=url)
