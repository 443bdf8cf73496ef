"""A drawing on a page of paper, as pixels between 0 and 1, and the small pieces that all kinds of corruption share."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Page = NDArray[np.floating[Any]]  # (H, W) or (H, W, 3), 1 white
Corruption = Callable[[Image.Image, int, np.random.Generator], Image.Image]
"""A drawing (mode "L", black on white), a strength from 0 to 2 and the source of chance become a file's picture."""

MARGIN = 0.18  # of the drawing's side: the paper around it


def page_of(drawing: Image.Image) -> Image.Image:
    """The drawing with paper around it; mode "L"."""
    around = round(max(drawing.size) * MARGIN)
    page = Image.new("L", (drawing.width + 2 * around, drawing.height + 2 * around), 255)
    page.paste(drawing, (around, around))
    return page


def pixels_of(drawing: Image.Image) -> Page:
    """The drawing with paper around it; (H, W) float32, 1 white."""
    return np.asarray(page_of(drawing), np.float32) / np.float32(255)


def picture_of(pixels: Page) -> Image.Image:
    """Pixels between 0 and 1 as an image of mode "RGB"."""
    return Image.fromarray((np.clip(pixels, 0, 1) * 255).round().astype(np.uint8)).convert("RGB")


def coordinates(pixels: Page) -> tuple[Page, Page]:
    """How far down and how far right each pixel lies, from 0 to 1; each (H, W)."""
    rows, columns = np.mgrid[: pixels.shape[0], : pixels.shape[1]].astype(np.float32)
    return rows / pixels.shape[0], columns / pixels.shape[1]


def smooth_noise(shape: tuple[int, ...], random: np.random.Generator, *, cells: int) -> Page:
    """Noise between -1 and 1 whose blobs are as wide as one of `cells` parts of the page; (H, W)."""
    coarse = Image.fromarray(random.uniform(-1, 1, (cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize((shape[1], shape[0]), Image.Resampling.BICUBIC))
