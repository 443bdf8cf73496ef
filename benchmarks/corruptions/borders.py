"""What surrounds a drawing: frames, bands, a window of an app, a table under the sheet."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.corruptions.page import Corruption, page_of, picture_of, smooth_noise


def _banded(drawing: Image.Image, shares: Sequence[float], dark: int = 24) -> Image.Image:
    """The page with dark bands at the left, the top, the right and the bottom, each a share of its side."""
    page = page_of(drawing)
    left, top, right, bottom = (round(share * page.width) for share in shares)
    picture = Image.new("RGB", (page.width + left + right, page.height + top + bottom), (dark, dark, dark + 4))
    picture.paste(page.convert("RGB"), (left, top))
    return picture


def hairline_frame(drawing: Image.Image, strength: int, _: np.random.Generator) -> Image.Image:
    """A dark line of 1, 2 or 4 pixels around everything."""
    page = page_of(drawing)
    ImageDraw.Draw(page).rectangle([0, 0, page.width - 1, page.height - 1], outline=20, width=(1, 2, 4)[strength])
    return page.convert("RGB")


def thick_frame(drawing: Image.Image, strength: int, _: np.random.Generator) -> Image.Image:
    share = (0.03, 0.08, 0.15)[strength]
    return _banded(drawing, (share, share, share, share))


def one_band(drawing: Image.Image, strength: int, random: np.random.Generator) -> Image.Image:
    shares = np.zeros(4)
    shares[random.integers(4)] = (0.02, 0.08, 0.2)[strength]
    return _banded(drawing, shares.tolist())


def two_bands(drawing: Image.Image, strength: int, random: np.random.Generator) -> Image.Image:
    """A letterbox."""
    share = (0.03, 0.1, 0.25)[strength]
    return _banded(drawing, (share, 0, share, 0) if random.random() < 0.5 else (0, share, 0, share))


def three_bands(drawing: Image.Image, strength: int, random: np.random.Generator) -> Image.Image:
    shares = np.full(4, (0.02, 0.07, 0.14)[strength])
    shares[random.integers(4)] = 0
    return _banded(drawing, shares.tolist())


def app_window(drawing: Image.Image, strength: int, _: np.random.Generator) -> Image.Image:
    """A white canvas with round corners in a dark app, with a bar of buttons above it."""
    page = page_of(drawing)
    around = round(page.width * (0.03, 0.07, 0.14)[strength])
    picture = Image.new("RGB", (page.width + 2 * around, page.height + 4 * around), (32, 33, 36))
    corners = Image.new("L", page.size, 0)
    ImageDraw.Draw(corners).rounded_rectangle([0, 0, page.width - 1, page.height - 1], page.width // 12, fill=255)
    picture.paste(page.convert("RGB"), (around, 3 * around), corners)
    pen = ImageDraw.Draw(picture)
    for button in range(4):
        left = around + button * 2 * around
        pen.ellipse([left, around, left + around, 2 * around], fill=(90 + 30 * button, 120, 160))
    return picture


def sheet_on_table(drawing: Image.Image, strength: int, random: np.random.Generator) -> Image.Image:
    """A sheet that lies a little turned on a dark table with grain."""
    page = page_of(drawing).convert("RGB")
    degrees = (0, 3, 8)[strength] * random.choice([-1, 1])
    side = round(page.width * 1.45)
    grain = smooth_noise((side, side), random, cells=40) * 0.05 + smooth_noise((side, side), random, cells=6) * 0.06
    table = picture_of(np.clip(0.3 + grain, 0, 1)[..., None] * np.array([1.0, 0.75, 0.55]))
    table.paste(page, ((side - page.width) // 2, (side - page.height) // 2))
    if not degrees:
        return table
    sheet = Image.new("L", table.size, 0)
    sheet.paste(255, ((side - page.width) // 2, (side - page.height) // 2), Image.new("L", page.size, 255))
    turned = table.rotate(degrees, Image.Resampling.BICUBIC)
    bare = picture_of(np.clip(0.3 + grain, 0, 1)[..., None] * np.array([1.0, 0.75, 0.55]))
    bare.paste(turned, mask=sheet.rotate(degrees, Image.Resampling.BICUBIC))
    return bare


def inner_frame(drawing: Image.Image, strength: int, _: np.random.Generator) -> Image.Image:
    """A frame drawn inside the sheet, as forms and sketch books have it."""
    page = page_of(drawing)
    away = round(page.width * (0.02, 0.04, 0.08)[strength])
    box = [away, away, page.width - 1 - away, page.height - 1 - away]
    ImageDraw.Draw(page).rectangle(box, outline=(60, 30, 0)[strength], width=(1, 2, 4)[strength])
    return page.convert("RGB")


def dark_canvas_on_white(drawing: Image.Image, strength: int, _: np.random.Generator) -> Image.Image:
    """A dark-mode canvas in a white web page."""
    page = page_of(drawing)
    around = round(page.width * (0.03, 0.08, 0.16)[strength])
    picture = Image.new("L", (page.width + 2 * around, page.height + 2 * around), 255)
    picture.paste(page.point(lambda level: 232 - level * 210 // 255), (around, around))
    return picture.convert("RGB")


BORDERS: dict[str, Corruption] = {
    "hairline frame": hairline_frame,
    "thick frame": thick_frame,
    "band on one side": one_band,
    "bands on two sides": two_bands,
    "bands on three sides": three_bands,
    "window of a dark app": app_window,
    "sheet on a dark table": sheet_on_table,
    "frame inside the sheet": inner_frame,
    "dark canvas on a white page": dark_canvas_on_white,
}
