"""Where the sheet lies in the picture, and how light its paper is at every place."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from model.reading.components import Numbers, similar_regions
from model.reading.filters import Levels, Mask, cell_medians, filled_in, median_of_nine, shrunk

_CELLS = 64  # along the longer side
_MIN_CELL_PX = 8  # twice a stroke: the strokes of a small picture must not make regions of their own
_STEP = 0.09  # between neighbouring cells: light changes more slowly, a sheet ends more suddenly
_THIN = 3  # cells: a stroke at the edge may be as thick
_MIN_SHARE = 0.1  # of the picture: smaller regions are no sheet
_SHADOW = 0.35  # how much darker than the lit part a shadow may be
_DRAWN = 0.02  # of the most drawn region: what has less is bare
_INK = 0.2  # how far from the paper ink is at least, as a share of the levels


@dataclass(frozen=True)
class Sheet:
    """A sheet in a picture.

    Attributes:
        inside: (H, W) True on the sheet.
        paper: (H, W) the paper's level, from 0 to 1, as if nothing were drawn on it.
        cell: side of the cells it was found on, in pixels: how exact its edge is.
    """

    inside: Mask
    paper: Levels
    cell: int


def find_sheet(levels: Levels) -> Sheet:
    """Finds the sheet: the largest even region that something is drawn on, and all that it surrounds.

    Args:
        levels: (H, W), 0 black to 1 white.
    """
    cell = max(_MIN_CELL_PX, -(-max(levels.shape) // _CELLS))
    coarse = median_of_nine(cell_medians(levels, cell))
    regions = similar_regions(coarse, _STEP)
    chosen = _region_of_paper(levels, coarse, regions, cell)
    hull = _with_thin_side(_hull(chosen))
    edge = shrunk(hull, 1) if not hull.all() else hull
    paper = _enlarged(filled_in(coarse, chosen), levels.shape, cell)
    inside = np.repeat(np.repeat(edge, cell, axis=0), cell, axis=1)[: levels.shape[0], : levels.shape[1]]
    return Sheet(inside, paper, cell)


def _region_of_paper(levels: Levels, coarse: Levels, regions: Numbers, cell: int) -> Mask:
    """The cells of the sheet's paper: one region, or several where a shadow falls on it."""
    sizes = np.bincount(regions.ravel())
    candidates = np.flatnonzero(sizes >= _MIN_SHARE * regions.size)
    if len(candidates) == 0:
        return np.asarray(regions == int(sizes.argmax()))
    distance = _share_far_from_paper(levels, coarse, cell)
    drawn = {int(label): float(distance[shrunk(regions == label, 2)].sum()) for label in candidates}
    most = max(*drawn.values(), 1e-6)
    best = max(drawn, key=lambda label: sizes[label] * (0.1 + drawn[label] / most))
    chosen = regions == best
    level = float(np.median(coarse[chosen]))
    for label, inked in drawn.items():
        other = float(np.median(coarse[regions == label]))
        is_shaded = inked > _DRAWN * most and min(level, other) > _SHADOW * max(level, other)
        # Paper of the same brightness on both sides of a closed line is one sheet.
        if label != best and (is_shaded or abs(level - other) < _STEP / 2):
            chosen |= regions == label
    return np.asarray(chosen)


def _share_far_from_paper(levels: Levels, coarse: Levels, cell: int) -> Levels:
    """How many pixels of each cell are far from the cell's level, as a share."""
    rows, columns = coarse.shape
    own = np.repeat(np.repeat(coarse, cell, axis=0), cell, axis=1)[: levels.shape[0], : levels.shape[1]]
    far = np.zeros((rows * cell, columns * cell), np.float32)
    far[: levels.shape[0], : levels.shape[1]] = np.abs(levels - own) > _INK
    return np.asarray(far.reshape(rows, cell, columns, cell).mean(axis=(1, 3), dtype=np.float32))


def _hull(mask: Mask) -> Mask:
    """The convex hull of a mask: sheets and canvases have no bays, what looks like one is ink."""
    rows = np.flatnonzero(mask.any(axis=1))
    ends = mask.argmax(axis=1)[rows], mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)[rows]  # corners are ends of rows
    points = sorted({point for end in ends for point in zip(end.tolist(), rows.tolist(), strict=True)})
    corners = _half_hull(points)[:-1] + _half_hull(points[::-1])[:-1]
    picture = Image.new("1", (mask.shape[1], mask.shape[0]))
    if len(corners) > 1:
        ImageDraw.Draw(picture).polygon(corners, fill=1, outline=1)
    return np.asarray(picture) | mask


def _with_thin_side(sheet: Mask) -> Mask:
    """Gives a strip at one side alone back to the sheet: `without_frames` tells a band from a stroke at the edge."""
    rows, columns = np.flatnonzero(sheet.any(axis=1)), np.flatnonzero(sheet.any(axis=0))
    height, width = sheet.shape
    missing = (rows[0], height - 1 - rows[-1], columns[0], width - 1 - columns[-1])
    if sum(side > 0 for side in missing) != 1 or max(missing) > _THIN:
        return sheet
    whole = sheet.copy()
    whole[: missing[0]], whole[height - missing[1] :] = True, True
    whole[:, : missing[2]], whole[:, width - missing[3] :] = True, True
    return whole


def _half_hull(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """One side of the convex hull of points in order (Andrew's monotone chain, 1979)."""
    hull: list[tuple[int, int]] = []
    for x, y in points:
        while len(hull) > 1 and _turn(hull[-2], hull[-1], (x, y)) <= 0:
            hull.pop()
        hull.append((x, y))
    return hull


def _turn(one: tuple[int, int], two: tuple[int, int], three: tuple[int, int]) -> int:
    return (two[0] - one[0]) * (three[1] - one[1]) - (two[1] - one[1]) * (three[0] - one[0])


def _enlarged(coarse: Levels, shape: tuple[int, ...], cell: int) -> Levels:
    size = coarse.shape[1] * cell, coarse.shape[0] * cell
    return np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BILINEAR))[: shape[0], : shape[1]]
