"""Straight lines along the sheet's edge, and frames drawn inside it."""

import numpy as np
from numpy.typing import NDArray

from model.reading.components import Components, components_of
from model.reading.filters import Mask

_ZONE = 0.04  # of the sheet's side: as near to its edge nothing is drawn that matters
_ALONG = 0.55  # of the sheet's side: how long a line along the edge is
_FRAME = 0.6  # of the sheet's sides: how large a frame is
_SOFT = 2  # pixels: the rim of a line
_STRAIGHT = 0.95  # of a frame's pixels lie along its box


def without_frames(ink: Mask, inside: Mask) -> Mask:
    """Removes what runs along the sheet's edge, and frames around the whole drawing.

    Args:
        ink: (H, W).
        inside: (H, W), the sheet.
    """
    box = box_of(inside)
    kept = _without_edge_lines(ink, box)
    parts = components_of(kept)
    if len(parts.sizes) < 2:
        return kept if kept.any() else ink
    frames = _in_edge_zone(parts, box) | _are_frames(parts, box)
    remaining = kept & ~parts.mask_of(frames, kept.shape)
    return remaining if remaining.any() else ink


def box_of(mask: Mask) -> tuple[int, int, int, int]:
    """Left, upper, right and lower end of a mask, which must not be empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _without_edge_lines(ink: Mask, box: tuple[int, int, int, int]) -> Mask:
    """Peels rows and columns that are mostly ink off the sheet's edges, unless a drawing stands on the only one."""
    left, upper, right, lower = box
    cut = ink[upper:lower, left:right]
    peeled = cut.copy()
    sides = [_peel(view, peeled_view) for view, peeled_view in zip(_four_ways(cut), _four_ways(peeled), strict=True)]
    if sum(side > 0 for side in sides) == 1:
        side = int(np.argmax(sides))
        below = sides[side] + _SOFT
        if _four_ways(cut)[side][below : below + 3].any():
            return ink
    kept = ink.copy()
    kept[upper:lower, left:right] = peeled
    return kept


def _four_ways(mask: Mask) -> tuple[Mask, Mask, Mask, Mask]:
    """Views of a mask in which the first row is its top, its bottom, its left and its right edge."""
    return mask, mask[::-1], mask.T, mask.T[::-1]


def _peel(cut: Mask, peeled: Mask) -> int:
    """Clears the rows near the top up to the last one that is mostly ink; returns how many."""
    depth = max(2, round(_ZONE * len(cut)))
    full = np.flatnonzero(cut[:depth].mean(axis=1) >= _ALONG)
    if len(full) == 0:
        return 0
    last = int(full[-1])
    while last + 1 < len(cut) // 4 and cut[last + 1].mean() >= _ALONG:
        last += 1
    peeled[: last + 1] = False
    return last + 1


def _in_edge_zone(parts: Components, box: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    """Finds the parts that lie near the edge altogether and run along it."""
    left, upper, right, lower = box
    width, height = right - left, lower - upper
    zone_x, zone_y = max(3, _ZONE * width), max(3, _ZONE * height)
    near = (
        (parts.columns < left + zone_x)
        | (parts.columns >= right - zone_x)
        | (parts.rows < upper + zone_y)
        | (parts.rows >= lower - zone_y)
    )
    all_near = np.bincount(parts.labels, near, minlength=len(parts.sizes)) == parts.sizes
    long = ((parts.boxes[:, 2] - parts.boxes[:, 0]) > 0.3 * width) | (
        (parts.boxes[:, 3] - parts.boxes[:, 1]) > 0.3 * height
    )
    return np.asarray(all_near & long)


def _are_frames(parts: Components, box: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    """Finds the parts that are rectangles around most of the sheet with something else inside."""
    left, upper, right, lower = box
    frames = np.zeros(len(parts.sizes), np.bool_)
    widths, heights = parts.boxes[:, 2] - parts.boxes[:, 0], parts.boxes[:, 3] - parts.boxes[:, 1]
    for part in np.flatnonzero((widths > _FRAME * (right - left)) & (heights > _FRAME * (lower - upper))):
        x0, y0, x1, y1 = (int(end) for end in parts.boxes[part])
        rows, columns = parts.rows[parts.labels == part], parts.columns[parts.labels == part]
        thickness = max(3, round(0.02 * max(x1 - x0, y1 - y0)))
        away = np.minimum(np.minimum(columns - x0, x1 - 1 - columns), np.minimum(rows - y0, y1 - 1 - rows))
        within = ((parts.boxes[:, :2] > [x0, y0]) & (parts.boxes[:, 2:] < [x1, y1])).all(axis=1)
        others = int(parts.sizes[within].sum())
        frames[part] = (away < thickness).mean() >= _STRAIGHT and others > 0.1 * parts.sizes[part]
    return frames
