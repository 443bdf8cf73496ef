"""Two processes of the service over one gallery, while generations are published: what clients of both can rely on."""

import contextlib
import json
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from index_builder.build import build_gallery
from index_builder.embedding.photo_encoder import PhotoModel
from index_builder.gallery.folder_gallery import current_generation, open_gallery
from index_builder.progress import SilentProgress
from index_builder.settings import BuildSettings
from model.bundle import default_bundle_path, read_bundle

HANG_SECONDS = 60


@dataclass
class Shop:
    """A folder of photos, its gallery, and the photo ids of every generation that was ever published."""

    photos: Path
    gallery: Path
    generations: dict[str, set[str]] = field(default_factory=dict)

    def publish(self) -> str:
        model = PhotoModel.from_bundle(read_bundle(default_bundle_path()), device="cpu")
        settings = BuildSettings(photos=self.photos, out=self.gallery, num_workers=1)
        build_gallery(settings, model=model, progress=SilentProgress())
        name = current_generation(self.gallery)
        with open_gallery(self.gallery, bundle=None) as opened:
            self.generations[name] = {row[0] for row in opened.query("SELECT photo_id FROM items")}
        return name


@pytest.fixture
def shop(gallery_folder: Path, tmp_path: Path) -> Shop:
    shutil.copytree(gallery_folder.parent / "photos", tmp_path / "photos")
    return Shop(tmp_path / "photos", tmp_path / "gallery")


@pytest.fixture
def replica(shop: Shop) -> Iterator[Callable[[], str]]:
    """Starts another process over the gallery of the shop; returns its address once it is ready."""
    with contextlib.ExitStack() as stack:

        def start() -> str:
            command = [
                sys.executable,
                "-m",
                "service",
                "--gallery",
                str(shop.gallery),
                "--port",
                "0",
                "--device",
                "cpu",
            ]
            root, pipe = Path(__file__).parents[2], subprocess.PIPE
            process = stack.enter_context(
                subprocess.Popen(
                    [*command, "--gallery-poll-seconds", "0.1", "--encoder-threads", "1"],
                    cwd=root,
                    stdout=pipe,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
            )
            stack.callback(process.kill)
            assert process.stdout
            found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert found
            wait_until(lambda: _answers(found[0]))
            return found[0]

        yield start


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + HANG_SECONDS
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def _answers(address: str) -> bool:
    try:
        return httpx2.get(f"{address}/readyz", timeout=20).status_code == 200
    except httpx2.HTTPError:
        return False


def served(address: str) -> str:
    return str(httpx2.get(f"{address}/info", timeout=20).json()["gallery"]["generation"])


class Visitor(threading.Thread):
    """Searches one replica after the other, and keeps what they answered."""

    def __init__(self, addresses: list[str], sketch: bytes) -> None:
        super().__init__(daemon=True)
        self.addresses, self.sketch = addresses, sketch
        self.answers: list[tuple[str, str, set[str]]] = []
        self.failures: list[str] = []
        self.leaving = threading.Event()

    def run(self) -> None:
        with httpx2.Client(timeout=HANG_SECONDS) as client:
            while not self.leaving.is_set():
                for address in self.addresses:
                    self.ask(client, address)

    def ask(self, client: httpx2.Client, address: str) -> None:
        try:
            answer = client.post(f"{address}/search", files={"sketch": self.sketch}, data={"k": "100"})
        except httpx2.HTTPError as error:
            self.failures.append(repr(error))
            return
        if answer.status_code != 200:
            self.failures.append(answer.text)
            return
        content = answer.json()
        generation, size = content["gallery"]["generation"], content["gallery"]["size"]
        found = {result["photo_id"] for result in content["results"]}
        if size != len(found):
            self.failures.append(json.dumps(content["gallery"]))
        self.answers.append((address, generation, found))


def test_replicas_answer_from_whole_generations_never_go_back_and_end_up_alike(
    shop: Shop, replica: Callable[[], str], sketch: Callable[[str], bytes]
) -> None:
    names = [shop.publish()]
    addresses = [replica(), replica()]
    visitor = Visitor(addresses, sketch("star-dotted"))
    visitor.start()
    wait_until(lambda: len(visitor.answers) >= len(addresses))
    photos = sorted(shop.photos.rglob("*.jpg"))
    for number in range(4):
        photos[number].unlink()
        shutil.copy(photos[-1], shop.photos / f"added-{number}.jpg")
        names.append(shop.publish())
        wait_until(lambda: all(served(address) == names[-1] for address in addresses))
        settled = len(visitor.answers)
        wait_until(lambda at=settled: bool(visitor.failures) or len(visitor.answers) >= at + 6)  # type: ignore[misc]
        assert visitor.failures == []
        assert {generation for _, generation, _ in visitor.answers[settled + 2 :]} == {names[-1]}
    visitor.leaving.set()
    visitor.join(HANG_SECONDS)

    assert visitor.failures == []
    for _, generation, found in visitor.answers:
        assert found == shop.generations[generation]
    for address in addresses:
        seen = [names.index(generation) for asked, generation, _ in visitor.answers if asked == address]
        assert seen == sorted(seen), "a replica went back to an older generation"
        assert set(seen) == set(range(5))


def test_a_replica_that_starts_during_publishing_serves_what_is_current(
    shop: Shop, replica: Callable[[], str], sketch: Callable[[str], bytes]
) -> None:
    shop.publish()
    stop = threading.Event()

    def keep_publishing() -> None:
        number = 0
        while not stop.is_set():
            shutil.copy(next(shop.photos.rglob("*.jpg")), shop.photos / f"more-{number}.jpg")
            shop.publish()
            number += 1

    publishing = threading.Thread(target=keep_publishing)
    publishing.start()
    try:
        late = replica()
        answer = httpx2.post(f"{late}/search", files={"sketch": sketch("star-dotted")}, timeout=HANG_SECONDS)
    finally:
        stop.set()
        publishing.join(HANG_SECONDS)
    assert answer.status_code == 200
    wait_until(lambda: served(late) == current_generation(shop.gallery))
