"""Ink on transparent paper: alpha is ink where the colours alone would lose some of it."""

from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from model.images import grey_on_white

_VISIBLE = 128  # of 255: from here on a pixel counts as covered
_LOST_SHARE = 0.03  # of the covered pixels: more than this is no matter of soft edges
_FAINT = 0.3  # of the darkest: as faint as paper
_PAGE_SHARE = 0.85  # of the picture: what covers more is a page with round corners
_GRID = 32
_SAMPLES, _ENOUGH = 80, 60


def grey_of_any_alpha(image: Image.Image) -> Image.Image:
    """The grey, mode "L", of a drawing of mode "RGB" or "RGBA", with paper where nothing covers it.

    Dark ink comes out as `grey_on_white` gives it. Where ink would vanish on white, its alpha is the ink; a page whose
    corners are cut off keeps its own paper.
    """
    if image.mode != "RGBA":
        return image.convert("L")
    alpha = image.getchannel("A")
    lowest, highest = cast("tuple[int, int]", alpha.getextrema())
    grey = grey_on_white(image)
    if lowest == 255 or highest < _VISIBLE:
        return grey
    share, levels = _covered_levels(grey, alpha)
    if share >= _PAGE_SHARE:
        return _on_own_paper(image, levels)
    if not _loses_ink(levels):
        return grey
    covered = alpha.point(lambda level: 255 if level >= _VISIBLE else 0)
    if _is_thin(covered) or _is_flat(grey, covered):
        return ImageChops.invert(alpha)
    return _on_own_paper(image, levels)


def _covered_levels(grey: Image.Image, alpha: Image.Image) -> tuple[float, NDArray[np.uint8]]:
    """The share of covered pixels and their greys, in order; from samples where these are enough."""
    small = (_SAMPLES, _SAMPLES)
    few = np.asarray(alpha.resize(small, Image.Resampling.NEAREST)) >= _VISIBLE
    if few.sum() >= _ENOUGH:
        return float(few.mean()), np.sort(np.asarray(grey.resize(small, Image.Resampling.NEAREST))[few])
    every = np.asarray(alpha) >= _VISIBLE
    return float(every.mean()), np.sort(np.asarray(grey)[every])


def _loses_ink(levels: NDArray[np.uint8]) -> bool:
    """Tells whether white paper swallows covered pixels, given their greys in order."""
    contrast = 255 - int(levels[0])
    num_pale = len(levels) - int(np.searchsorted(levels, 255 - _FAINT * contrast))
    return contrast < 24 or num_pale > _LOST_SHARE * len(levels)


def _is_thin(covered: Image.Image) -> bool:
    """Tells strokes from areas: few cells of a grid over the drawing are covered altogether."""
    cells = np.asarray(covered.crop(covered.getbbox()).resize((_GRID, _GRID), Image.Resampling.BOX))
    return int((cells >= 250).sum()) < 0.3 * int((cells > 0).sum())


def _is_flat(grey: Image.Image, covered: Image.Image) -> bool:
    values = np.asarray(grey)[np.asarray(covered) > 0]
    return int(values.max()) - int(values.min()) < 24


def _on_own_paper(image: Image.Image, levels: NDArray[np.uint8]) -> Image.Image:
    """Lays the drawing on paper of its own median level."""
    page = Image.new("L", image.size, int(levels[len(levels) // 2]))
    page.paste(image.convert("L"), mask=image.getchannel("A"))
    return page
