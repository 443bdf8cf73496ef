"""A small real gallery, an encoder that looks at the ink, and the service around them, in process and over a socket."""

import io
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from index_builder.build import build_gallery
from index_builder.embedding.photo_encoder import PhotoModel
from index_builder.gallery.folder_gallery import current_generation, open_gallery
from index_builder.progress import SilentProgress
from index_builder.settings import BuildSettings
from model.bundle import Bundle
from model.preprocess import Preprocessing, prepare_sketch
from service.access.api_keys import make_key
from service.app import create_app
from service.process.listening import address, listen
from service.process.server import server_config
from service.search.engine import SearchEngine
from service.search.live_gallery import LiveGallery
from service.settings import Settings

Points = list[tuple[float, float]]
CELLS = 28  # the fake embedding is the ink in CELLS × CELLS squares


class InkEncoder:
    """Embeds where the ink is, so that different drawings find different photos. No learning, no ONNX."""

    provider = "FakeExecutionProvider"
    precision = "fp32"

    def __init__(self) -> None:
        self.bundle = Bundle(
            path=Path("fake-bundle"),
            name="fake",
            embedding_dim=CELLS * CELLS,
            preprocessing=Preprocessing(),
            encoders={"photo": {}, "sketch": {}},
            default_precisions={"photo": "fp32", "sketch": "fp32"},
            info={"trained": "never"},
        )

    def encode(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        ink = images.max() - images.mean(axis=1)
        cell = ink.shape[1] // CELLS
        cells = ink.reshape(len(ink), CELLS, cell, CELLS, cell).mean(axis=(2, 4))
        blurred = sum(np.roll(cells, (dy, dx), (1, 2)) for dy in (-1, 0, 1) for dx in (-1, 0, 1))
        vectors = np.asarray(blurred, np.float32).reshape(len(ink), -1)
        vectors -= vectors.mean(axis=1, keepdims=True)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _polygon(corners: int, *, inner: float = 1.0, turn: float = 0.0) -> Points:
    steps = corners if inner == 1.0 else 2 * corners
    radius = [1.0 if inner == 1.0 or i % 2 == 0 else inner for i in range(steps + 1)]
    angle = [turn - math.pi / 2 + 2 * math.pi * i / steps for i in range(steps + 1)]
    return [(r * math.cos(a), r * math.sin(a)) for r, a in zip(radius, angle, strict=True)]


SHAPES: dict[str, list[Points]] = {
    "circle": [_polygon(48)],
    "square": [_polygon(4, turn=math.pi / 4)],
    "triangle": [_polygon(3)],
    "star": [_polygon(5, inner=0.4)],
    "cross": [[(-1, 0), (1, 0)], [(0, -1), (0, 1)]],
    "arrow": [[(-1, 0), (1, 0)], [(0.4, -0.5), (1, 0), (0.4, 0.5)]],
    "zigzag": [[(-1, 0.5), (-0.5, -0.5), (0, 0.5), (0.5, -0.5), (1, 0.5)]],
    "house": [[(-0.8, 0), (-0.8, 1), (0.8, 1), (0.8, 0), (0, -1), (-0.8, 0), (0.8, 0)]],
}
DETAILS: dict[str, list[Points]] = {
    "plain": [],
    "dotted": [[(0.3 * x, 0.3 * y) for x, y in _polygon(16)]],
    "striped": [[(-0.7, 0.3), (0.7, 0.3)], [(-0.7, 0.6), (0.7, 0.6)]],
}
# An id may hold whatever a file name may: these two are served and linked like any other.
RENAMED = {"circle-dotted": "Möbel & Söhne/100 % 丸?#;+", "star-plain": "shapes/%2e%2e%2f\nstar\n"}


def draw(name: str, *, ink: str = "black", paper: str = "white", mode: str = "RGB") -> Image.Image:
    """A drawing such as "star-dotted", 240 × 240."""
    shape, _, detail = name.partition("-")
    image = Image.new(mode, (240, 240), paper)
    pen = ImageDraw.Draw(image)
    for line in SHAPES[shape] + DETAILS[detail]:
        pen.line([(120 + 90 * x, 120 + 90 * y) for x, y in line], fill=ink, width=5)
    return image


def encoded(image: Image.Image, file_format: str = "PNG") -> bytes:
    stream = io.BytesIO()
    image.save(stream, file_format)
    return stream.getvalue()


def draw_photos(folder: Path) -> None:
    """24 drawings as coloured "photos"; the two of RENAMED have unusual names."""
    for number, name in enumerate(f"{shape}-{detail}" for shape in SHAPES for detail in DETAILS):
        path = folder / (RENAMED.get(name, f"shapes/{name}") + ".jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        photo = draw(name, ink="white", paper=f"hsl({15 * number}, 60%, 30%)").resize((480, 480))
        path.write_bytes(encoded(photo, "JPEG"))


def build(photos: Path, out: Path) -> None:
    """Builds a gallery with the real index builder; photos are embedded by their white lines."""
    encoder = InkEncoder()
    model = PhotoModel(
        name=encoder.bundle.name,
        fingerprint=encoder.bundle.fingerprint,
        precision=encoder.precision,
        embedding_dim=encoder.bundle.embedding_dim,
        image_size_px=encoder.bundle.preprocessing.image_size_px,
        prepare=lambda image: prepare_sketch(image, encoder.bundle.preprocessing),
        open_encoder=lambda: encoder,
    )
    metadata = out.with_name("metadata.csv")
    metadata.write_text("photo_id,shape,price\nshapes/house-plain,house,12.5\n", encoding="utf-8")
    settings = BuildSettings(photos=photos, out=out, metadata=metadata, num_workers=1)
    build_gallery(settings, model=model, progress=SilentProgress())


def open_live_gallery(out: Path) -> LiveGallery:
    bundle = InkEncoder().bundle
    return LiveGallery(lambda: open_gallery(out, bundle=bundle), lambda: current_generation(out))


@pytest.fixture(scope="session", autouse=True)
def _test_hosts() -> Iterator[None]:
    """Test clients call the service "testserver", which is not a name of this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKETCH_SEARCH_ALLOWED_HOSTS", "testserver,localhost,127.0.0.1,x")
        yield


@pytest.fixture(scope="session")
def settings() -> Settings:
    return Settings(max_upload_bytes=200_000, max_batch_bytes=400_000, max_batch_sketches=4, max_pixels=4_000_000)


@pytest.fixture(scope="session")
def gallery_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery of 24 photos; the photos lie beside it."""
    folder = tmp_path_factory.mktemp("shapes")
    draw_photos(folder / "photos")
    build(folder / "photos", folder / "gallery")
    return folder / "gallery"


@pytest.fixture
def encoder() -> InkEncoder:
    return InkEncoder()


@pytest.fixture
def engine(gallery_folder: Path, encoder: InkEncoder, settings: Settings) -> Iterator[SearchEngine]:
    engine = SearchEngine(encoder, open_live_gallery(gallery_folder), max_pixels=settings.max_pixels)
    yield engine
    engine.close()


@pytest.fixture
def client(settings: Settings, engine: SearchEngine) -> Iterator[TestClient]:
    with TestClient(create_app(settings, engine=engine)) as client:
        yield client


@pytest.fixture(scope="session")
def sketch() -> Callable[[str], bytes]:
    """The drawing of one of the photos, as a PNG: sketch("star-dotted")."""
    return lambda name: encoded(draw(name))


@contextmanager
def serve(gallery_folder: Path, settings: Settings) -> Iterator[str]:
    """Runs the service over a gallery; yields its address."""
    engine = SearchEngine(InkEncoder(), open_live_gallery(gallery_folder), max_pixels=50_000_000)
    with listen("127.0.0.1", 0) as listener:
        server = uvicorn.Server(server_config(create_app(settings, engine=engine), settings))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 10
        while not server.started:
            assert time.monotonic() < deadline, "the service did not start"
            time.sleep(0.01)
        yield address(listener)
        server.should_exit = True
        thread.join(timeout=10)
    engine.close()


@pytest.fixture(scope="session")
def live_service(gallery_folder: Path) -> Iterator[str]:
    """The address of a running service over the 24 photos, such as "http://127.0.0.1:43210"."""
    with serve(gallery_folder, Settings()) as url:
        yield url


@pytest.fixture(scope="session")
def impatient_service(gallery_folder: Path) -> Iterator[str]:
    """The address of one that has half a second of patience with slow clients."""
    with serve(gallery_folder, Settings(slow_client_seconds=0.5)) as url:
        yield url


@pytest.fixture(scope="session")
def keyed_service(gallery_folder: Path) -> Iterator[tuple[str, str]]:
    """The address of one that asks for an API key, and a key."""
    key, kept = make_key("visitors", "search")
    with serve(gallery_folder, Settings(api_keys=kept.entry())) as url:
        yield url, key


@pytest.fixture
def serving(gallery_folder: Path) -> Callable[[Settings], AbstractContextManager[str]]:
    """Runs a service with settings of the test's own: with serving(Settings(...)) as address."""
    return lambda settings: serve(gallery_folder, settings)
