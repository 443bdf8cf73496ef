"""The service over a gallery in Milvus: the answers that files give, through new generations and an outage."""

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from index_builder.build import build_gallery
from index_builder.embedding.photo_encoder import PhotoModel
from index_builder.gallery.errors import GalleryError, GalleryUnavailableError, GpuError
from index_builder.gallery.folder_gallery import open_gallery
from index_builder.gallery.location import read_location
from index_builder.gallery.milvus.address import MilvusAddress
from index_builder.gallery.open import open_source
from index_builder.indexing.requirements import IndexRequirements
from index_builder.progress import SilentProgress
from index_builder.publishing.milvus import MilvusPublisher
from index_builder.settings import BuildSettings
from model.preprocess import prepare_sketch
from service.app import create_app
from service.process.watchdog import Watchdog
from service.search.engine import SearchEngine
from service.search.live_gallery import LiveGallery
from service.search.open import open_engine
from service.search.readiness import GalleryAwayError
from service.settings import Settings

NUMBERS = itertools.count()
HANG_SECONDS = 60


@dataclass
class Shop:
    """24 photos whose gallery is published to Milvus, each time with another revision in their metadata."""

    photos: Path
    out: Path
    place: str
    encoder: Any
    revisions: dict[str, int] = field(default_factory=dict)

    def publish(self, *, grace_seconds: float = 0.0) -> str:
        number = len(self.revisions) + 1
        ids = sorted(path.relative_to(self.photos).with_suffix("").as_posix() for path in self.photos.rglob("*.jpg"))
        lines = [json.dumps({"photo_id": photo_id, "revision": number}) for photo_id in ids]
        metadata = self.out.with_name("metadata.jsonl")
        metadata.write_text("\n".join(lines), encoding="utf-8")
        bundle = self.encoder.bundle
        model = PhotoModel(
            name=bundle.name,
            fingerprint=bundle.fingerprint,
            precision=self.encoder.precision,
            embedding_dim=bundle.embedding_dim,
            image_size_px=bundle.preprocessing.image_size_px,
            prepare=lambda image: prepare_sketch(image, bundle.preprocessing),
            open_encoder=lambda: self.encoder,
        )
        settings = BuildSettings(photos=self.photos, out=self.out, metadata=metadata, num_workers=1)
        name = build_gallery(settings, model=model, progress=SilentProgress()).generation
        self.revisions[name] = number  # before it can be answered from
        address = MilvusAddress.parse(self.place)
        publisher = MilvusPublisher(
            address, requirements=IndexRequirements(), progress=SilentProgress(), grace_seconds=grace_seconds
        )
        with open_gallery(self.out, bundle=None) as gallery:
            assert publisher.publish(gallery)
        publisher.close()
        return name

    def open(self) -> LiveGallery:
        source = open_source(read_location(self.place), bundle=self.encoder.bundle)
        return LiveGallery(source.open, source.current, on_close=source.close)


@pytest.fixture
def shop(milvus: Any, gallery_folder: Path, tmp_path: Path, encoder: Any) -> Shop:
    place = milvus.place(f"service_{next(NUMBERS)}")
    return Shop(gallery_folder.parent / "photos", tmp_path / "gallery", place, encoder)


@contextmanager
def serve(shop: Shop, **settings: Any) -> Iterator[TestClient]:
    engine = SearchEngine(shop.encoder, shop.open(), max_pixels=4_000_000)
    with TestClient(create_app(Settings(gallery_poll_seconds=0.05, **settings), engine=engine)) as client:
        yield client
    engine.close()


@pytest.fixture
def served(shop: Shop) -> Iterator[TestClient]:
    shop.publish()
    with serve(shop) as client:
        yield client


def scores(answer: dict[str, Any]) -> list[float]:
    """Takes the scores out of an answer."""
    return [result.pop("score") for result in answer.get("results", ())]


def test_the_service_answers_as_it_does_over_the_files(
    served: TestClient, shop: Shop, sketch: Callable[[str], bytes]
) -> None:
    files = LiveGallery(lambda: open_gallery(shop.out, bundle=shop.encoder.bundle), lambda: next(iter(shop.revisions)))
    engine = SearchEngine(shop.encoder, files, max_pixels=4_000_000)
    with TestClient(create_app(Settings(), engine=engine)) as plain:
        for ask in (
            lambda client: client.post("/search", files={"sketch": sketch("star-dotted")}, data={"k": 24}),
            lambda client: client.post(
                "/search", files={"sketch": sketch("arrow-plain")}, data={"filter": "revision=1"}
            ),
            lambda client: client.post(
                "/search", files={"sketch": sketch("arrow-plain")}, data={"filter": "revision>1"}
            ),
            lambda client: client.post("/search", files={"sketch": sketch("arrow-plain")}, data={"filter": "size=1"}),
            lambda client: client.get("/similar/shapes/house-plain"),
            lambda client: client.get("/similar/nobody"),
        ):
            over_milvus, over_files = ask(served), ask(plain)
            assert over_milvus.status_code == over_files.status_code
            given, expected = over_milvus.json(), over_files.json()
            assert given.pop("timings_ms", None) is not None or over_files.status_code != 200
            expected.pop("timings_ms", None)
            # Each sketch is encoded anew, and while another one is, the encoder sums in another order.
            assert scores(given) == pytest.approx(scores(expected), abs=1e-5)
            assert given == expected
        for path in ("/photos/shapes/house-plain", "/thumbnails/shapes/house-plain", "/thumbnails/nobody"):
            assert (served.get(path).status_code, served.get(path).headers.get("etag")) == (
                plain.get(path).status_code,
                plain.get(path).headers.get("etag"),
            )
        info, expected = served.get("/info").json()["gallery"], plain.get("/info").json()["gallery"]
        assert info == {**expected, "index_device": "milvus"}
    engine.close()


def test_generations_are_switched_under_load_without_a_failed_or_mixed_answer(
    served: TestClient, shop: Shop, sketch: Callable[[str], bytes]
) -> None:
    stop = threading.Event()
    problems: list[Any] = []
    seen: dict[str, int] = {}

    def search_on(path: str | None) -> None:
        try:
            while not stop.is_set():
                if path is None:
                    response = served.post("/search", files={"sketch": sketch("star-plain")}, data={"k": 5})
                else:
                    response = served.get(path)
                answer = response.json()
                if response.status_code != 200:
                    problems.append(answer)
                    return
                generation = answer["gallery"]["generation"]
                if {result["metadata"]["revision"] for result in answer["results"]} != {shop.revisions[generation]}:
                    problems.append(answer)
                seen[generation] = seen.get(generation, 0) + 1
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=search_on, args=(path,)) for path in (None, None, "/similar/shapes/house-plain")]
    for thread in threads:
        thread.start()
    for _ in range(4):
        shop.publish(grace_seconds=1.0)
    stop.set()
    for thread in threads:
        thread.join()
    assert problems == []
    assert set(seen) == set(shop.revisions)
    assert sum(seen.values()) > 20


def test_while_milvus_is_down_the_service_says_so_and_it_recovers_without_a_restart(
    own_milvus: Any,
    gallery_folder: Path,
    tmp_path: Path,
    encoder: Any,
    sketch: Callable[[str], bytes],
    caplog: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.search.readiness._SHARED_SECONDS", 0.0)
    shop = Shop(gallery_folder.parent / "photos", tmp_path / "gallery", own_milvus.place("down"), encoder)
    shop.publish()
    with serve(shop) as client:
        assert client.get("/readyz").status_code == 200
        own_milvus.stop()
        refused = client.post("/search", files={"sketch": sketch("star-plain")})
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "5"
        assert refused.json()["error"]["code"] == "gallery_unavailable"
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["error"]["message"] == "The database that holds the gallery does not answer."
        for path in ("/thumbnails/shapes/house-plain", "/photos/shapes/house-plain", "/similar/shapes/house-plain"):
            assert client.get(path).json()["error"]["code"] == "gallery_unavailable"
        assert client.get("/healthz").status_code == 200
        wait_until(lambda: client.get("/info").json()["gallery"]["problem"])
        assert "Milvus at 127.0.0.1" in caplog.text
        assert caplog.text.count("requests could not be answered") == 1
        own_milvus.start()
        wait_until(lambda: client.get("/readyz").status_code == 200)
        assert client.post("/search", files={"sketch": sketch("star-plain")}).status_code == 200
        wait_until(lambda: client.get("/info").json()["gallery"]["problem"] is None)
        name = shop.publish(grace_seconds=1.0)
        assert client.get("/info").json()["gallery"]["generation"] == name


def wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + HANG_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_the_watchdog_does_not_end_a_process_because_milvus_is_down() -> None:
    class Away:
        deadline_seconds = 1.0

        async def check(self) -> None:
            raise GalleryAwayError("away")

    class Drain:
        begun = False

    ended: list[str] = []
    readiness: Any = Away()
    drain: Any = Drain()
    watchdog = Watchdog(readiness, drain, patience_seconds=0.05, give_up=ended.append)

    async def watch() -> None:
        watchdog.start(asyncio.get_running_loop())
        await asyncio.sleep(0.5)
        watchdog.stop()

    asyncio.run(watch())
    assert ended == []


def test_a_service_whose_milvus_does_not_answer_does_not_start_and_says_why(milvus_packages: None) -> None:
    with pytest.raises(GalleryUnavailableError, match=r"Milvus at 127\.0\.0\.1:1 cannot answer for the gallery shoes"):
        open_engine(Settings(gallery="milvus://127.0.0.1:1/shoes", device="cpu", decoder_processes=0))


def test_milvus_itself_decides_where_it_searches(milvus: Any) -> None:
    with pytest.raises(GpuError, match="is searched by Milvus"):
        open_engine(Settings(gallery=milvus.place("shoes"), device="cpu", index_device="cuda"))


def test_a_gallery_that_is_not_there_is_an_error_with_the_command_to_build_it(milvus: Any) -> None:
    with pytest.raises(GalleryError, match=r"There is no gallery milvus://.*--store milvus://"):
        open_engine(Settings(gallery=milvus.place("nothing"), device="cpu"))
