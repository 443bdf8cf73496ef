"""Writes one item of a catalogue to its folder: photo and sketches, each aside first and renamed when complete."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from catalogue.items import Item, describe, design_item, render_photo
from catalogue.sketch import Sketch, Sketcher, rasterise
from catalogue.worlds import SHOP

JPEG_QUALITY = 88
WORLD_VERSION = 1  # the same for the wide world, which may change while the shop stays
DESIGN_VERSION = 1  # raise when the same seed gives other items, so that old and new never mix in one folder


@dataclass(frozen=True)
class Request:
    """What to write.

    Attributes:
        out: folder of the catalogue.
        num_items: items over all families.
        seed: of the whole catalogue.
        split: "train", "test" or "demo".
        num_sketches: sketches per item.
        image_size_px: side of the photos.
        sketch_size_px: side of the sketch images.
        world: "shop" or "wide".
    """

    out: Path
    num_items: int
    seed: int
    split: str
    num_sketches: int
    image_size_px: int
    sketch_size_px: int = 288
    world: str = SHOP.name

    def __post_init__(self) -> None:
        if self.num_items < 1:
            raise ValueError(f"items is {self.num_items}, expected at least 1; ask for one or more items")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}, expected 0 or more; choose another seed")
        if self.num_sketches < 0:
            raise ValueError(f"sketches is {self.num_sketches}, expected 0 or more; choose another number")
        if self.image_size_px < 32:
            raise ValueError(f"image size is {self.image_size_px} px, expected at least 32; choose a larger one")

    def fingerprint(self) -> dict[str, Any]:
        """What decides the content, for recognising a finished folder."""
        world = {} if self.world == SHOP.name else {"world": self.world, "world_version": WORLD_VERSION}
        return world | {
            "design_version": DESIGN_VERSION,
            "seed": self.seed,
            "split": self.split,
            "num_items": self.num_items,
            "num_sketches": self.num_sketches,
            "image_size_px": self.image_size_px,
            "sketch_size_px": self.sketch_size_px,
        }


def photo_path(item: Item) -> str:
    """Path of an item's photo below the catalogue's folder."""
    return f"photos/{item.family.name}/{item.id}.jpg"


def sketch_path(item: Item, number: int) -> str:
    """Path of an item's number-th sketch (from 0) below the catalogue's folder."""
    return f"sketches/{item.family.name}/{item.id}-{number + 1}.png"


def write_item(request: Request, index: int) -> dict[str, Any]:
    """Writes the files of one item that do not exist yet and returns its manifest entry.

    The strokes are written last, so their presence means that the item is complete.
    """
    item = design_item(request.split, index, seed=request.seed, world=request.world)
    strokes_file = request.out / "work" / f"{item.id}.jsonl"
    if not strokes_file.exists():
        photo = request.out / photo_path(item)
        if not photo.exists():
            save_image(render_photo(item, image_size_px=request.image_size_px), photo)
        sketcher = Sketcher(item)
        lines = []
        for number in range(request.num_sketches):
            sketch = sketcher.draw(number)
            width = sketch.pen_width * request.sketch_size_px
            picture = rasterise(sketch.strokes, image_size_px=request.sketch_size_px, pen_width_px=width)
            save_image(picture, request.out / sketch_path(item, number))
            lines.append(_stroke_line(item, number, sketch))
        write_text("".join(lines), strokes_file)
    return manifest_entry(item, request)


def manifest_entry(item: Item, request: Request) -> dict[str, Any]:
    """The item as the manifest lists it."""
    return {
        "id": item.id,
        "category": item.family.name,
        "split": item.split,
        "photo": photo_path(item),
        "sketches": [sketch_path(item, number) for number in range(request.num_sketches)],
    } | describe(item)


def _stroke_line(item: Item, number: int, sketch: Sketch) -> str:
    strokes = [[[round(float(x), 4), round(float(y), 4)] for x, y in stroke] for stroke in sketch.strokes]
    record = {"id": item.id, "sketch": sketch_path(item, number), "strokes": strokes}
    return json.dumps(record, separators=(",", ":")) + "\n"


def save_image(image: Image.Image, path: Path) -> None:
    """Writes a JPEG or PNG aside and renames it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".part")
    if path.suffix == ".jpg":
        image.save(aside, format="JPEG", quality=JPEG_QUALITY, subsampling=0)
    else:
        image.save(aside, format="PNG")
    aside.replace(path)


def write_text(text: str, path: Path) -> None:
    """Writes a UTF-8 text aside and renames it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".part")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)
