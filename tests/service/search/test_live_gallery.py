import json
import logging
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from index_builder.gallery.errors import GalleryError
from index_builder.gallery.folder_gallery import current_generation, open_gallery
from model.seal import break_seal, sealed_text
from service.app import create_app
from service.search.engine import SearchEngine
from service.search.live_gallery import LiveGallery
from service.settings import Settings


@dataclass(frozen=True)
class Entry:
    photo_id: str
    score: float = 0.5
    path: Path = Path("nowhere.jpg")
    content_sha256: str = ""
    media_type: str = "image/jpeg"
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass
class NamedGallery:
    """Every id, score and item tells the generation, and reading after closing fails."""

    generation: str
    size: int = 3
    dimension: int = 784
    device: str = "cpu"
    closed: bool = False

    columns: tuple[()] = ()

    def select(self, filters: Sequence[str], /) -> None:
        assert not filters

    def search(self, embedding: NDArray[np.float32], /, *, k: int, rows: None = None) -> list[Entry]:
        assert not self.closed
        return [Entry(f"{self.generation}/{n}") for n in range(min(k, self.size))]

    def item(self, photo_id: str, /) -> Entry | None:
        assert not self.closed
        assert photo_id.startswith(self.generation + "/"), "generations were mixed"
        return Entry(photo_id)

    def embedding(self, photo_id: str, /) -> NDArray[np.float32] | None:
        return None

    def thumbnail(self, photo_id: str, /) -> bytes | None:
        return None

    def close(self) -> None:
        assert not self.closed
        self.closed = True


class Shelf:
    """A "disk" whose current generation a test can change or damage."""

    def __init__(self) -> None:
        self.name = "g0"
        self.damage: Exception | None = None
        self.opened: list[NamedGallery] = []

    def open(self) -> NamedGallery:
        if self.damage:
            raise self.damage
        self.opened.append(NamedGallery(self.name))
        return self.opened[-1]

    def current(self) -> str:
        return self.name


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def live(shelf: Shelf) -> LiveGallery:
    return LiveGallery(shelf.open, shelf.current)


def test_a_new_generation_is_taken_over_and_the_old_one_closed(shelf: Shelf, live: LiveGallery) -> None:
    assert not live.refresh()
    shelf.name = "g1"
    assert live.refresh()
    assert not live.refresh()
    with live.lease() as gallery:
        assert gallery.generation == "g1"
    assert [opened.closed for opened in shelf.opened] == [True, False]


def test_an_old_generation_stays_open_until_its_last_reader_is_done(shelf: Shelf, live: LiveGallery) -> None:
    with live.lease() as first, live.lease() as second:
        shelf.name = "g1"
        live.refresh()
        assert first is second
        assert first.generation == "g0"
        assert not shelf.opened[0].closed
    assert shelf.opened[0].closed


def test_closing_waits_for_readers_and_may_be_repeated(shelf: Shelf, live: LiveGallery) -> None:
    with live.lease():
        live.close()
        assert not shelf.opened[0].closed
    assert shelf.opened[0].closed
    live.close()


def test_a_first_generation_that_cannot_be_opened_is_an_error(shelf: Shelf) -> None:
    shelf.damage = GalleryError("There is no gallery.")
    with pytest.raises(GalleryError, match="no gallery"):
        LiveGallery(shelf.open, shelf.current)


@pytest.mark.parametrize("damage", [GalleryError("index.faiss is cut short."), RuntimeError("odd")])
def test_a_damaged_generation_is_reported_once_and_the_old_one_stays_served(
    shelf: Shelf, live: LiveGallery, damage: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.name, shelf.damage = "g1", damage
    with caplog.at_level(logging.ERROR):
        assert not live.refresh()
        assert not live.refresh()
    assert live.problem == "Generation g1 cannot be served, the log says why; still serving g0."
    assert caplog.text.count("cannot be served") == 1
    assert str(damage) in caplog.text
    with live.lease() as gallery:
        assert gallery.generation == "g0"
    shelf.name, shelf.damage = "g2", None
    assert live.refresh()
    assert live.problem is None


def test_a_refused_generation_is_not_opened_again_at_once(shelf: Shelf, live: LiveGallery) -> None:
    attempts: list[str] = []
    shelf.name, shelf.damage = "g1", GalleryError("damaged.")
    live._open_current = lambda: (attempts.append(shelf.name), shelf.open())[1]
    for _ in range(5):
        live.refresh()
    assert attempts == ["g1"]


def test_generations_change_under_load_without_a_failed_or_mixed_answer(
    shelf: Shelf, live: LiveGallery, engine: SearchEngine, sketch: Callable[[str], bytes]
) -> None:
    busy = SearchEngine(engine.encoder, live, max_pixels=100_000, concurrent_encodes=4)
    stop = threading.Event()
    problems: list[BaseException] = []
    seen: set[str] = set()

    def search_on() -> None:
        try:
            while not stop.is_set():
                ranking = busy.search(sketch("star-plain"), k=3)
                assert {photo.photo_id.split("/")[0] for photo in ranking.photos} == {ranking.generation}
                seen.add(ranking.generation)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=search_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(1, 101):
        shelf.name = f"g{number}"
        assert live.refresh()
        stop.wait(0.005)
    stop.set()
    for thread in threads:
        thread.join()
    assert not problems
    assert len(seen) > 3
    assert all(opened.closed for opened in shelf.opened[:-1])


@pytest.fixture
def copied(gallery_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(gallery_folder, tmp_path / "gallery"))


@pytest.fixture
def copied_client(copied: Path, engine: SearchEngine) -> Iterator[TestClient]:
    """A service over a gallery on disk that looks for a new generation every 20 ms."""
    live = LiveGallery(lambda: open_gallery(copied, bundle=None), lambda: current_generation(copied))
    over_copy = SearchEngine(engine.encoder, live, max_pixels=100_000)
    with TestClient(create_app(Settings(gallery_poll_seconds=0.02), engine=over_copy)) as client:
        yield client
    over_copy.close()


def publish_copy(gallery: Path, name: str) -> Path:
    old = gallery / "generations" / current_generation(gallery)
    new = Path(shutil.copytree(old, old.with_name(name)))
    manifest = new / "manifest.json"
    values = {**json.loads(manifest.read_text()), "generation": name}
    break_seal(values)
    manifest.write_text(sealed_text(values))
    (gallery / "CURRENT").write_text(name)
    return new


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(300):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen within 3 seconds")


def test_a_running_service_takes_over_a_new_generation(
    copied_client: TestClient, copied: Path, sketch: Callable[[str], bytes]
) -> None:
    publish_copy(copied, "next")
    wait_until(lambda: copied_client.get("/info").json()["gallery"]["generation"] == "next")
    answer = copied_client.post("/search", files={"sketch": sketch("star-dotted")}).json()
    assert answer["gallery"]["generation"] == "next"
    assert answer["results"][0]["photo_id"] == "shapes/star-dotted"


def test_a_running_service_keeps_the_old_generation_when_the_new_one_is_damaged_and_says_so(
    copied_client: TestClient, copied: Path, sketch: Callable[[str], bytes]
) -> None:
    before = copied_client.get("/info").json()["gallery"]["generation"]
    good = current_generation(copied)
    new = publish_copy(copied, "damaged")
    (new / "index.faiss").write_bytes(b"rubbish")
    wait_until(lambda: copied_client.get("/info").json()["gallery"]["problem"] is not None)
    info = copied_client.get("/info").json()["gallery"]
    assert info["generation"] == before
    assert "still serving" in info["problem"]
    assert str(copied) not in info["problem"]
    assert copied_client.post("/search", files={"sketch": sketch("star-dotted")}).status_code == 200
    assert copied_client.get("/readyz").status_code == 200
    (copied / "CURRENT").write_text(good)
    wait_until(lambda: copied_client.get("/info").json()["gallery"]["problem"] is None)
