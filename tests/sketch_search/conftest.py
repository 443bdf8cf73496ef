"""A few rendered products, which the tests of the front door share: drawn once, indexed once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

import sketch_search


def shape(number: int, *, fill: str | None) -> Image.Image:
    """A box or a ball on white, filled as a photo or in outline as a sketch."""
    image = Image.new("RGB", (240, 240), "white")
    draw = ImageDraw.Draw(image)
    box = (40, 40 + 12 * number, 200, 200 - 12 * number)
    (draw.ellipse if number % 2 else draw.rectangle)(box, fill=fill, outline="black", width=3)
    return image


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four photos, two of them in a folder below."""
    folder = tmp_path_factory.mktemp("front") / "photos"
    (folder / "more").mkdir(parents=True)
    for number in range(4):
        name = f"thing-{number}.jpg" if number < 2 else f"more/thing-{number}.png"
        shape(number, fill="tan").save(folder / name)
    (folder / "notes.txt").write_text("no photo")
    return folder


@pytest.fixture(scope="session")
def drawing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sketch of the second photo."""
    path = tmp_path_factory.mktemp("drawn") / "drawing.png"
    shape(1, fill=None).save(path)
    return path


@pytest.fixture(scope="session")
def table(photos: Path) -> Path:
    """Metadata of the photos."""
    path = photos.parent / "items.csv"
    path.write_text("photo_id,price\nthing-0,5\nthing-1,10\nmore/thing-2,20\nmore/thing-3,30\n")
    return path


@pytest.fixture(scope="session")
def gallery_folder(photos: Path, table: Path) -> Path:
    """A gallery of the photos."""
    folder = photos.parent / "gallery"
    sketch_search.build_gallery(photos, folder, metadata=table, quiet=True, num_workers=1).close()
    return folder


@pytest.fixture
def gallery(gallery_folder: Path) -> Iterator[sketch_search.Gallery]:
    """That gallery, open."""
    opened = sketch_search.open_gallery(gallery_folder)
    assert isinstance(opened, sketch_search.Gallery)
    with opened:
        yield opened
