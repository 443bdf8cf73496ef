"""Connected components without a library: labels run along edges until nothing changes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.reading.filters import Levels, Mask

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Components:
    """The connected parts of a mask, in C parts of N pixels.

    Attributes:
        rows: (N,) of each pixel.
        columns: (N,) of each pixel.
        labels: (N,) the part that each pixel belongs to, from 0.
        boxes: (C, 4) left, upper, right, lower; the last two are exclusive.
        sizes: (C,) pixels.
    """

    rows: Numbers
    columns: Numbers
    labels: Numbers
    boxes: Numbers
    sizes: Numbers

    def mask_of(self, chosen: NDArray[np.bool_], shape: tuple[int, ...]) -> Mask:
        """The pixels of the chosen parts, (C,) bool, as a mask of the given shape."""
        mask = np.zeros(shape, np.bool_)
        picked = chosen[self.labels]
        mask[self.rows[picked], self.columns[picked]] = True
        return mask


def components_of(mask: Mask) -> Components:
    """Finds the parts of a mask that touch, at corners too."""
    rows, columns = np.nonzero(mask)
    number = np.full((mask.shape[0] + 1, mask.shape[1] + 2), -1, np.int64)
    number[rows, columns + 1] = np.arange(len(rows))
    pairs = []
    for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):
        other = number[rows + down, columns + 1 + right]
        here = np.flatnonzero(other >= 0)
        pairs.append((here, other[here]))
    starts, ends = (np.concatenate(side) for side in zip(*pairs, strict=True))
    labels = joined(len(rows), starts, ends)
    count = int(labels.max(initial=-1)) + 1
    return Components(rows, columns, labels, _boxes(rows, columns, labels, count), np.bincount(labels, minlength=count))


def similar_regions(levels: Levels, tolerance: float) -> Numbers:
    """Numbers the regions within which no step between neighbours is above the tolerance; (H, W), from 0."""
    index = np.arange(levels.size).reshape(levels.shape)
    across = np.abs(np.diff(levels, axis=1)) <= tolerance
    down = np.abs(np.diff(levels, axis=0)) <= tolerance
    starts = np.concatenate([index[:, :-1][across], index[:-1][down]])
    ends = np.concatenate([index[:, 1:][across], index[1:][down]])
    return joined(levels.size, starts, ends).reshape(levels.shape)


def joined(count: int, starts: Numbers, ends: Numbers) -> Numbers:
    """Labels `count` nodes, from 0, so that the two ends of every edge share one; (count,)."""
    parents = np.arange(count)
    while len(starts):
        one, other = parents[starts], parents[ends]
        apart = one != other
        starts, ends, one, other = starts[apart], ends[apart], one[apart], other[apart]
        lower = np.minimum(one, other)
        np.minimum.at(parents, np.maximum(one, other), lower)
        while not np.array_equal(parents, parents[parents]):
            parents = parents[parents]
    return np.unique(parents, return_inverse=True)[1].astype(np.int64)


def _boxes(rows: Numbers, columns: Numbers, labels: Numbers, count: int) -> Numbers:
    boxes = np.empty((count, 4), np.int64)
    boxes[:, :2], boxes[:, 2:] = np.iinfo(np.int64).max, 0
    np.minimum.at(boxes[:, 0], labels, columns)
    np.minimum.at(boxes[:, 1], labels, rows)
    np.maximum.at(boxes[:, 2], labels, columns + 1)
    np.maximum.at(boxes[:, 3], labels, rows + 1)
    return boxes
