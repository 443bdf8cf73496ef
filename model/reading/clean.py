"""A quick look that spares clean drawings the rest: ink on even paper, with nothing around it."""

import numpy as np
from PIL import Image

from model.reading.filters import Mask

_NEAR = 10  # levels of 255 around the paper's own: JPEG noise, tints
_MIN_PAPER = 0.6  # of the page
_MAX_FAINT = 0.04  # of the page: between paper and ink
_MAX_BORDER = 0.08  # of the outermost line of pixels: ink may touch it
_FULL_LINE = 0.5  # of a row or a column: a frame, a ruled line
_INK = 0.3  # of the darkest stroke, as in `Preprocessing`
_GRID = 32
_EDGE_CELLS = 3
_AREA_PX = 8  # on a small page a dot of the pen is no area


def is_clean(grey: Image.Image) -> bool:
    """Tells whether a drawing, mode "L", needs no more than to be cropped. Says False where it cannot be sure."""
    border = np.sort(np.frombuffer(_border(grey), np.uint8))
    paper = int(border[len(border) // 2])
    off_border = len(border) - int(
        np.searchsorted(border, paper + _NEAR, "right") - np.searchsorted(border, paper - _NEAR)
    )
    if off_border > _MAX_BORDER * len(border):
        return False
    levels = grey.histogram()
    near = sum(levels[max(0, paper - _NEAR) : paper + _NEAR + 1])
    num_pixels = grey.width * grey.height
    if near == num_pixels:
        return True  # blank
    darkest, lightest = (level for level in _ends(levels))
    dark_ink = paper >= 128
    edge = round(_INK * (paper - darkest if dark_ink else lightest - paper))
    inked = sum(levels[: max(0, paper - edge)] if dark_ink else levels[paper + edge + 1 :])
    other_way = sum(levels[paper + _NEAR + 1 :] if dark_ink else levels[: max(0, paper - _NEAR)])
    faint = num_pixels - near - inked - other_way
    if near < _MIN_PAPER * num_pixels or other_way > 0.002 * num_pixels or faint > _MAX_FAINT * num_pixels:
        return False
    pixels = np.asarray(grey)
    return _is_alone(pixels < paper - edge if dark_ink else pixels > paper + edge)


def _border(grey: Image.Image) -> bytes:
    """The outermost line of pixels."""
    width, height = grey.size
    edges = [(0, 0, width, 1), (0, height - 1, width, height), (0, 0, 1, height), (width - 1, 0, width, height)]
    return b"".join(grey.crop(edge).tobytes() for edge in edges)


def _ends(levels: list[int]) -> tuple[int, int]:
    """The first and the last level that occurs."""
    darkest = next(level for level in range(256) if levels[level])
    return darkest, next(level for level in range(255, -1, -1) if levels[level])


def _is_alone(ink: Mask) -> bool:
    """Tells whether ink has no long straight lines, no areas, and nothing near the edges of the page."""
    height, width = ink.shape
    if np.count_nonzero(ink, axis=1).max() > _FULL_LINE * width:
        return False
    if np.count_nonzero(ink, axis=0).max() > _FULL_LINE * height:
        return False
    cell = -(-max(height, width) // _GRID)
    picture = Image.fromarray(ink.view(np.uint8) * np.uint8(255))
    if np.count_nonzero(np.asarray(picture.reduce(max(cell, _AREA_PX))) > 250) > 2:
        return False
    cells = np.asarray(picture.reduce(cell))
    inked = cells > 0
    return not (_has_mark(np.any(inked, axis=1)) or _has_mark(np.any(inked, axis=0)))


def _has_mark(lines: np.ndarray) -> bool:
    """Tells whether something near an end of the page is followed by a gap, given which lines of cells hold ink."""
    inked = np.flatnonzero(lines)
    gaps = np.flatnonzero(np.diff(inked) > 1)
    if len(gaps) == 0:
        return False
    first, last = inked[gaps[0]], inked[gaps[-1] + 1]
    at_start = inked[0] < _EDGE_CELLS and first < 2 * _EDGE_CELLS
    return bool(at_start or (inked[-1] >= len(lines) - _EDGE_CELLS and last >= len(lines) - 2 * _EDGE_CELLS))
