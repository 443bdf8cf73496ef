"""A quick look that spares clean drawings the rest: ink on even paper, with nothing around it."""

import numpy as np
from PIL import Image

_NEAR = 10  # levels of 255 around the paper's own: JPEG noise, tints
_MIN_PAPER = 0.6  # of the page
_MAX_FAINT = 0.04  # of the page: between paper and ink
_MAX_BORDER = 0.08  # of the outermost line of pixels: ink may touch it
_FULL_LINE = 0.5  # of a row or a column: a frame, a ruled line
_INK = 0.3  # of the darkest stroke, as in `Preprocessing`
_GRID = 32
_EDGE_CELLS = 3


def is_clean(grey: Image.Image) -> bool:
    """Tells whether a drawing, mode "L", needs no more than to be cropped. Says False where it cannot be sure."""
    levels = np.array(grey.histogram())
    num_pixels = grey.width * grey.height
    border = _border_levels(grey)
    paper = int(np.searchsorted(np.cumsum(border), border.sum() / 2))
    low, high = max(0, paper - _NEAR), paper + _NEAR + 1
    present = np.flatnonzero(levels)
    dark_ink = paper >= 128
    contrast = paper - int(present[0]) if dark_ink else int(present[-1]) - paper
    other_way = levels[high:] if dark_ink else levels[:low]
    edge = round(_INK * contrast)
    faint = levels[paper - edge : low] if dark_ink else levels[high : paper + edge]
    if (
        levels[low:high].sum() < _MIN_PAPER * num_pixels
        or border[low:high].sum() < (1 - _MAX_BORDER) * border.sum()
        or other_way.sum() > 0.002 * num_pixels
        or faint.sum() > _MAX_FAINT * num_pixels
    ):
        return contrast < 2 * _NEAR and levels[low:high].sum() == num_pixels
    steps = np.arange(256) < paper - edge if dark_ink else np.arange(256) > paper + edge
    return _is_alone(grey.point((steps * 255).tolist()))


def _border_levels(grey: Image.Image) -> np.ndarray:
    """How many pixels of the outermost line have each of the 256 levels; (256,)."""
    width, height = grey.size
    edges = [(0, 0, width, 1), (0, height - 1, width, height), (0, 0, 1, height), (width - 1, 0, width, height)]
    pixels = b"".join(grey.crop(edge).tobytes() for edge in edges)
    return np.bincount(np.frombuffer(pixels, np.uint8), minlength=256)


def _is_alone(ink: Image.Image) -> bool:
    """Tells whether ink, 255 on 0, has no long straight lines, no areas, and nothing near the edges of the page."""
    across = np.asarray(ink.resize((1, ink.height), Image.Resampling.BOX))
    down = np.asarray(ink.resize((ink.width, 1), Image.Resampling.BOX))
    if across.max() > 255 * _FULL_LINE or down.max() > 255 * _FULL_LINE:
        return False
    cells = np.asarray(ink.resize((_GRID, _GRID), Image.Resampling.BOX))
    if (cells > 250).sum() > 2:
        return False
    inked = cells > 0
    rows, columns = inked.any(axis=1), inked.any(axis=0)
    return not (_has_mark(rows) or _has_mark(columns))


def _has_mark(lines: np.ndarray) -> bool:
    """Tells whether something near an end of the page is followed by a gap, given which lines of cells hold ink."""
    inked = np.flatnonzero(lines)
    gaps = np.flatnonzero(np.diff(inked) > 1)
    if len(gaps) == 0:
        return False
    first, last = inked[gaps[0]], inked[gaps[-1] + 1]
    at_start = inked[0] < _EDGE_CELLS and first < 2 * _EDGE_CELLS
    return bool(at_start or (inked[-1] >= _GRID - _EDGE_CELLS and last >= _GRID - 2 * _EDGE_CELLS))
