"""Ink on transparent paper: alpha is ink where the colours alone would lose some of it."""

from typing import cast

import numpy as np
from PIL import Image, ImageChops

from model.images import grey_on_white

_VISIBLE = 128  # of 255: from here on a pixel counts as covered
_LOST_SHARE = 0.03  # of the covered pixels: more than this is no matter of soft edges
_FAINT = 0.3  # of the darkest: as faint as paper
_PAGE_SHARE = 0.85  # of the picture: what covers more is a page with round corners
_GRID = 32


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
    covered = alpha.point(lambda level: 255 if level >= _VISIBLE else 0)
    levels = np.array(grey.histogram(covered))
    num_covered = int(levels.sum())
    if num_covered >= _PAGE_SHARE * image.width * image.height:
        return _on_own_paper(image, levels)
    if not _loses_ink(levels):
        return grey
    if _is_thin(covered) or _is_flat(grey, covered):
        return ImageChops.invert(alpha)
    return _on_own_paper(image, levels)


def _loses_ink(levels: np.ndarray) -> bool:
    """Tells whether white paper swallows covered pixels, given how many there are of each of the 256 levels."""
    contrast = 255 - int(np.flatnonzero(levels)[0])
    pale = 255 - round(_FAINT * contrast)
    return contrast < 24 or int(levels[pale:].sum()) > _LOST_SHARE * int(levels.sum())


def _is_thin(covered: Image.Image) -> bool:
    """Tells strokes from areas: few cells of a grid over the drawing are covered altogether."""
    cells = np.asarray(covered.crop(covered.getbbox()).resize((_GRID, _GRID), Image.Resampling.BOX))
    return int((cells >= 250).sum()) < 0.3 * int((cells > 0).sum())


def _is_flat(grey: Image.Image, covered: Image.Image) -> bool:
    values = np.asarray(grey)[np.asarray(covered) > 0]
    return int(values.max()) - int(values.min()) < 24


def _on_own_paper(image: Image.Image, levels: np.ndarray) -> Image.Image:
    """Lays the drawing on paper of its own median level."""
    paper = int(np.searchsorted(np.cumsum(levels), levels.sum() / 2))
    page = Image.new("L", image.size, paper)
    page.paste(image.convert("L"), mask=image.getchannel("A"))
    return page
