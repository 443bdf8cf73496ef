import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from index_builder.build import build_gallery
from index_builder.gallery.folder_gallery import Gallery, open_gallery
from index_builder.progress import SilentProgress
from index_builder.publishing.generation import BuildReport
from index_builder.settings import BuildSettings


def _load(name: str) -> ModuleType:
    # Test folders are no packages, so a neighbour is loaded by its path.
    spec = importlib.util.spec_from_file_location(f"index_builder_tests_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_FAKE = _load("fake_model")
_VECTORS = _load("vectors_on_disk")


@pytest.fixture(scope="session")
def disk() -> Iterator[ModuleType]:
    yield _VECTORS
    for opened in _VECTORS.OPENED:
        opened.close()


@pytest.fixture(scope="session")
def fake() -> ModuleType:
    return _FAKE


def picture(seed: int, size: tuple[int, int] = (48, 36)) -> Image.Image:
    """A colourful picture that no other seed gives."""
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(blocks).resize(size, Image.Resampling.NEAREST)


def save_photo(path: Path, seed: int, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(seed).save(path, **options)
    return path


@pytest.fixture(scope="session")
def photo() -> Callable[..., Path]:
    return save_photo


@pytest.fixture(scope="session")
def draw() -> Callable[..., Image.Image]:
    return picture


@dataclass
class Workshop:
    """A folder of photos, a gallery beside it, and everything that was said and encoded so far."""

    photos: Path
    out: Path
    lines: list[str] = field(default_factory=list)
    num_encoded: int = 0

    def add(self, *names: str, first_seed: int = 0) -> None:
        for seed, name in enumerate(names, start=first_seed):
            save_photo(self.photos / name, seed)

    def build(
        self, *, encoder: Any = None, name: str = "fake", precision: str = "fp32", **settings: Any
    ) -> BuildReport:
        encoder = encoder or _FAKE.FakeEncoder()
        encoder.precision = precision
        progress = SilentProgress()
        values = {"photos": self.photos, "out": self.out, "num_workers": 2, **settings}
        try:
            model = _FAKE.fake_model(encoder, name=name, precision=precision)
            return build_gallery(BuildSettings(**values), model=model, progress=progress)
        finally:
            self.lines = progress.lines
            self.num_encoded = encoder.num_encoded

    def open(self) -> Gallery:
        return open_gallery(self.out, bundle=None)

    def ids(self) -> list[str]:
        with self.open() as gallery:
            return [row[0] for row in gallery.query("SELECT photo_id FROM items ORDER BY row")]

    def content(self) -> dict[str, tuple[Any, ...]]:
        """All that the gallery answers, photo by photo."""
        with self.open() as gallery:
            rows = list(gallery.query("SELECT photo_id, row, path, content_sha256, width_px, metadata FROM items"))
            return {
                row[0]: (*row[1:], gallery.thumbnail(row[0]), gallery.embedding_at(row[1]).tobytes()) for row in rows
            }


def new_workshop(folder: Path) -> Workshop:
    (folder / "photos").mkdir()
    return Workshop(folder / "photos", folder / "gallery")


@pytest.fixture(scope="session")
def make_workshop() -> Callable[[Path], Workshop]:
    return new_workshop


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return new_workshop(tmp_path)
