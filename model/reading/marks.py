"""Marks beside a drawing: smudges in a corner, lines of writing, lines along an edge, the dots of dotted paper."""

import numpy as np
from numpy.typing import NDArray

from model.reading.components import Components, components_of
from model.reading.filters import Mask, grown

_GAP = 0.025  # of the sheet's side: parts nearer than twice this belong together
_EDGE = 0.08  # of the sheet's side: a mark begins as near to the edge as this
_BAND = 0.17  # of the sheet's side: a mark ends as near to the edge as this
_CLEARANCE = 0.04  # of the sheet's side: between a mark and the drawing
_CORNER = 0.45  # of the sheet's side: a corner mark is no longer than this
_MIN_LETTERS = 4
_LONG = 0.5  # of the sheet's side: the edge of a board, not the ground under a mug
_LINE = 0.07  # of its length: so thin is a line along the edge
_DOT = 0.017  # of the sheet's side
_MIN_DOTS = 40

Chosen = NDArray[np.bool_]


def without_marks(ink: Mask, box: tuple[int, int, int, int]) -> Mask:
    """Removes marks near the edges of a sheet that stand apart from everything else.

    Args:
        ink: (H, W).
        box: the sheet's left, upper, right and lower end.
    """
    parts = components_of(ink)
    if len(parts.sizes) < 2:
        return ink
    dots = _dots(parts, box)
    if dots.any() and not dots.all():
        return without_marks(parts.mask_of(~dots, ink.shape), box)
    gap = max(1, round(_GAP * max(box[2] - box[0], box[3] - box[1])))
    groups = _grouped(parts, ink, gap)
    chosen = _marks(parts, groups, box)
    return parts.mask_of(~chosen, ink.shape) if chosen.any() else ink


def _dots(parts: Components, box: tuple[int, int, int, int]) -> Chosen:
    """Finds the parts that are dots, where there are many."""
    small = max(3.0, _DOT * max(box[2] - box[0], box[3] - box[1]))
    sides = np.maximum(parts.boxes[:, 2] - parts.boxes[:, 0], parts.boxes[:, 3] - parts.boxes[:, 1])
    dots = sides <= small
    return dots if dots.sum() >= _MIN_DOTS else np.zeros_like(dots)


def _grouped(parts: Components, ink: Mask, gap: int) -> NDArray[np.int64]:
    """The group of each part, (C,): parts with less than twice the gap between them share one."""
    near = components_of(grown(ink, gap))
    where = np.full(ink.shape, -1, np.int64)
    where[near.rows, near.columns] = near.labels
    groups = np.zeros(len(parts.sizes), np.int64)
    groups[parts.labels] = where[parts.rows, parts.columns]
    return groups


def _marks(parts: Components, groups: NDArray[np.int64], box: tuple[int, int, int, int]) -> Chosen:
    """Finds the parts that are marks: all groups in a band along one edge, when the rest keeps its distance."""
    left, upper, right, lower = box
    width, height = right - left, lower - upper
    boxes = (parts.boxes - [left, upper, left, upper]) / [width, height, width, height]
    count = int(groups.max()) + 1
    begins, ends = np.full((count, 2), np.inf), np.zeros((count, 2))
    np.minimum.at(begins, groups, boxes[:, :2])
    np.maximum.at(ends, groups, boxes[:, 2:])
    marks = np.zeros(count, np.bool_)
    for near, far, across_near, across_far in (
        (begins[:, 1], ends[:, 1], begins[:, 0], ends[:, 0]),
        (1 - ends[:, 1], 1 - begins[:, 1], begins[:, 0], ends[:, 0]),
        (begins[:, 0], ends[:, 0], begins[:, 1], ends[:, 1]),
        (1 - ends[:, 0], 1 - begins[:, 0], begins[:, 1], ends[:, 1]),
    ):
        band = (far <= _BAND) & ~marks
        rest = ~band & ~marks
        if not band.any() or not rest.any() or near[band].min() > _EDGE:
            continue
        if near[rest].min() < far[band].max() + _CLEARANCE:
            continue
        length = across_far[band].max() - across_near[band].min()
        in_corner = min(across_near[band].min(), 1 - across_far[band].max()) <= _EDGE and length <= _CORNER
        letters = int(band[groups].sum())
        depth = far[band].max() - near[band].min()
        if in_corner or (length > _LONG and depth < _LINE * length) or (letters >= _MIN_LETTERS and length > 2 * depth):
            marks |= band
    return marks[groups]
