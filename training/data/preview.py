"""A contact sheet of a dataset: photos with their sketches beside them, to see what a run will learn from."""

from pathlib import Path

from PIL import Image

from index_builder.photos.read import MAX_PHOTO_PIXELS
from model.images import decode_image, flatten_on_white
from training.data.dataset import Split

ROWS, COLUMNS, CELL_PX, GAP_PX = 10, 6, 160, 6


def contact_sheet(split: Split) -> Image.Image:
    """Ten photos evenly spread over a split, each in a row with up to five of its sketches; mode "RGB"."""
    step = max(1, len(split.items) // ROWS)
    chosen = split.items[::step][:ROWS]
    sheet = Image.new("RGB", (COLUMNS * (CELL_PX + GAP_PX), len(chosen) * (CELL_PX + GAP_PX)), "white")
    for row, item in enumerate(chosen):
        for column, path in enumerate((item.photo, *item.sketches)[:COLUMNS]):
            sheet.paste(square_thumbnail(path, CELL_PX), (column * (CELL_PX + GAP_PX), row * (CELL_PX + GAP_PX)))
    return sheet


def square_thumbnail(path: Path, size_px: int) -> Image.Image:
    """An image file centred on a white square, shrunk to fit and never enlarged; mode "RGB"."""
    image = flatten_on_white(decode_image(path.read_bytes(), max_pixels=MAX_PHOTO_PIXELS)).convert("RGB")
    image.thumbnail((size_px, size_px))
    cell = Image.new("RGB", (size_px, size_px), "white")
    cell.paste(image, ((size_px - image.width) // 2, (size_px - image.height) // 2))
    return cell
