"""A contact sheet of a dataset: photos with their sketches beside them, to see what a run will learn from."""

from pathlib import Path

from PIL import Image

from model.images import decode_image, flatten_on_white
from training.dataset import MAX_PIXELS, Split

ROWS, COLUMNS, CELL_PX, GAP_PX = 10, 6, 160, 6


def contact_sheet(split: Split) -> Image.Image:
    """Ten photos evenly spread over a split, each in a row with up to five of its sketches; mode "RGB"."""
    step = max(1, len(split.items) // ROWS)
    chosen = split.items[::step][:ROWS]
    sheet = Image.new("RGB", (COLUMNS * (CELL_PX + GAP_PX), len(chosen) * (CELL_PX + GAP_PX)), "white")
    for row, item in enumerate(chosen):
        for column, path in enumerate((item.photo, *item.sketches)[:COLUMNS]):
            sheet.paste(_cell(path), (column * (CELL_PX + GAP_PX), row * (CELL_PX + GAP_PX)))
    return sheet


def _cell(path: Path) -> Image.Image:
    image = flatten_on_white(decode_image(path.read_bytes(), max_pixels=MAX_PIXELS)).convert("RGB")
    image.thumbnail((CELL_PX, CELL_PX))
    cell = Image.new("RGB", (CELL_PX, CELL_PX), "white")
    cell.paste(image, ((CELL_PX - image.width) // 2, (CELL_PX - image.height) // 2))
    return cell
