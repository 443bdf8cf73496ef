"""The sketches that are sent: PNG files of a folder, or the pen drawings that come with the benchmarks."""

import io
import json
from pathlib import Path

from PIL import Image, ImageDraw

_PEN_DRAWINGS = Path(__file__).parents[1] / "pen_drawings.json"
# As the page sends them: see QUERY_SIZE_PX of service/page/paint.js.
_PAGE_SIZE_PX = 384
_MOST = 100


def read_sketches(folder: Path | None) -> list[bytes]:
    """PNG files, at most 100 of a folder in the order of their names; without a folder the ten pen drawings.

    Raises:
        ValueError: the folder holds none.
    """
    if folder is None:
        return [as_png(drawing["strokes"]) for drawing in json.loads(_PEN_DRAWINGS.read_text())]
    files = sorted(folder.rglob("*.png"))[:_MOST]
    if not files:
        raise ValueError(f"There are no PNG files in {folder}; give a folder of sketches.")
    return [file.read_bytes() for file in files]


def as_png(strokes: list[list[list[float]]], *, size_px: int = _PAGE_SIZE_PX) -> bytes:
    """Strokes with points in 0..1 as a PNG of the size and look that the page sends."""
    scale = 3
    image = Image.new("L", (size_px * scale, size_px * scale), 255)
    pen = ImageDraw.Draw(image)
    for stroke in strokes:
        pen.line([(x * image.width, y * image.height) for x, y in stroke], fill=0, width=4 * scale, joint="curve")
    stream = io.BytesIO()
    image.resize((size_px, size_px), Image.Resampling.BOX).convert("RGBA").save(stream, "PNG")
    return stream.getvalue()
