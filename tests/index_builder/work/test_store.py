from pathlib import Path

import pytest

from index_builder.photos.read import PhotoReading
from index_builder.photos.scan import FoundPhoto, Problem
from index_builder.work.store import WorkStore


@pytest.fixture
def store(tmp_path: Path) -> WorkStore:
    opened = WorkStore(tmp_path / "work.sqlite")
    opened.add_photos([FoundPhoto("a", "a.jpg", 10, 20), FoundPhoto("b", "b.jpg", 11, 21)])
    return opened


def test_a_photo_that_could_not_be_read_a_moment_ago_is_suspect_and_can_be_held(store: WorkStore) -> None:
    torn = Problem("truncated", "It is cut short.")
    store.record(PhotoReading("a.jpg", 10, 25, "f" * 64, problem=torn))
    assert store.suspects() == [("a.jpg", 10, 25, True)]
    assert store.hold(["a.jpg", "unknown.jpg"]) == ["a.jpg"]
    assert store.suspects() == []
    store.close()


def test_content_is_claimed_once_whether_it_is_written_yet_or_not(store: WorkStore) -> None:
    assert store.claim("f" * 64)
    assert not store.claim("f" * 64)
    store.record(PhotoReading("a.jpg", 10, 20, "f" * 64, problem=Problem("truncated", "It is cut short.")))
    assert not store.claim("f" * 64)
    store.commit()
    assert not store.claim("f" * 64)
    store.close()
