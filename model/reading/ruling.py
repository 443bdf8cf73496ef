"""Ruled and squared paper: many straight lines at equal distances."""

import numpy as np

from model.reading.filters import Levels, Mask, grown
from model.reading.ink import Inked

_COVERED = 0.5  # of the sheet's width: a ruled line goes on
_MIN_LINES = 4
_MAX_THICKNESS = 0.02  # of the sheet's height
_DARKER = 0.18  # than the ruled line: the pen


def without_ruling(inked: Inked, inside: Mask) -> Inked:
    """Removes ruled lines, across and down, and keeps the strokes that cross them."""
    rows = _ruled_rows(inked.darkness, inside, inked.lowest)
    columns = _ruled_rows(inked.darkness.T, inside.T, inked.lowest)
    if not rows.any() and not columns.any():
        return inked
    ruled = np.zeros_like(inked.mask)
    kept = inked.mask & ~rows[:, None] & ~columns[None, :]
    for lines, transposed in ((rows, False), (columns, True)):
        if lines.any():
            ruled |= _ruled_pixels(inked, kept, lines, transposed=transposed)
    mask = inked.mask & ~ruled
    return Inked(np.where(ruled, 0, inked.darkness).astype(np.float32), mask, inked.lowest)


def _ruled_pixels(inked: Inked, kept: Mask, lines: np.ndarray, *, transposed: bool) -> Mask:
    darkness, strokes = (inked.darkness.T, kept.T) if transposed else (inked.darkness, kept)
    level = np.median(darkness, axis=1, keepdims=True)
    crossing = np.zeros_like(strokes)
    for start, end in _runs(lines):
        above, below = strokes[max(0, start - 1)], strokes[min(end, len(strokes) - 1)]
        wide_above, wide_below = grown(above[None], 1)[0], grown(below[None], 1)[0]
        crossing[start:end] = (above & wide_below) | (below & wide_above)
    ruled = lines[:, None] & (darkness <= level + _DARKER) & ~crossing
    return ruled.T if transposed else ruled


def _ruled_rows(darkness: Levels, inside: Mask, lowest: float) -> np.ndarray:
    """Marks the rows of ruled lines; none where there are few, thick ones, or ones at odd distances; (H,) bool."""
    none = np.zeros(len(darkness), np.bool_)
    wide = inside.sum(axis=1)
    covered = ((darkness > min(max(0.12, lowest), 0.6)) & inside).sum(axis=1)
    marked = (covered > _COVERED * wide) & (wide > 0.5 * wide.max())
    runs = _runs(marked)
    if len(runs) < _MIN_LINES or max(end - start for start, end in runs) > max(4, _MAX_THICKNESS * len(darkness)):
        return none
    steps = np.diff([(start + end) / 2 for start, end in runs])
    step = float(np.median(steps))
    regular = np.abs(steps / step - np.rint(steps / step)) < 0.2
    if regular.mean() < 0.7:
        return none
    # The soft rim of a line is a little paler than what counts as covered.
    rim = ((darkness > 0.05) & inside).sum(axis=1) > _COVERED * wide
    return np.asarray(marked | (grown(marked[None], 1)[0] & rim & (wide > 0)))


def _runs(marked: np.ndarray) -> list[tuple[int, int]]:
    """Start and exclusive end of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
