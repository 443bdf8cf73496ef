"""Small filters on arrays: the middle and the extreme of a neighbourhood, and holes filled from around."""

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.float32]  # (H, W)
Mask = NDArray[np.bool_]  # (H, W)


def cell_medians(levels: Levels, cell: int) -> Levels:
    """The median of each cell of `cell` × `cell` pixels, the last ones repeated at the edge; (⌈H/cell⌉, ⌈W/cell⌉)."""
    height, width = levels.shape
    padded = np.pad(levels, ((0, -height % cell), (0, -width % cell)), mode="edge")
    rows, columns = padded.shape[0] // cell, padded.shape[1] // cell
    blocks = padded.reshape(rows, cell, columns, cell).swapaxes(1, 2).reshape(rows, columns, cell * cell)
    middle = cell * cell // 2
    return np.partition(blocks, middle, axis=2)[..., middle]


def median_of_nine(levels: Levels) -> Levels:
    """The median of each pixel and its eight neighbours; (H, W)."""
    padded = np.pad(levels, 1, mode="edge")
    height, width = levels.shape
    shifted = [padded[row : row + height, column : column + width] for row in range(3) for column in range(3)]
    return np.asarray(np.partition(np.stack(shifted), 4, axis=0)[4])


def mean_of_nine(levels: Levels) -> Levels:
    """The mean of each pixel and its eight neighbours; (H, W)."""
    padded = np.pad(levels, 1, mode="edge")
    across = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    return np.asarray((across[:-2] + across[1:-1] + across[2:]) / np.float32(9))


def grown(mask: Mask, radius: int) -> Mask:
    """Every pixel within `radius` of the mask in either direction; nothing lies outside the picture; (H, W)."""
    for axis in (0, 1):
        reached, reach = mask, 0
        while reach < radius:
            step = min(reach + 1, radius - reach)
            reached = reached | _shifted(reached, step, axis) | _shifted(reached, -step, axis)
            reach += step
        mask = reached
    return mask


def shrunk(mask: Mask, radius: int) -> Mask:
    """Takes `radius` pixels from every edge of a mask, but none at the edges of the picture; (H, W)."""
    return ~grown(~mask, radius)


def filled_in(levels: Levels, known: Mask) -> Levels:
    """Gives unknown pixels the mean of the known ones around them, from near to far; (H, W)."""
    values, known = np.where(known, levels, 0).astype(np.float32), known.copy()
    while not known.all() and known.any():
        weight = mean_of_nine(known.astype(np.float32))
        near = ~known & (weight > 1e-6)
        values[near] = (mean_of_nine(values) / np.maximum(weight, 1e-6))[near]
        known |= near
    return values


def _shifted(mask: Mask, by: int, axis: int) -> Mask:
    moved = np.zeros_like(mask)
    size = mask.shape[axis]
    if abs(by) >= size:
        return moved
    source, target = [slice(None)] * 2, [slice(None)] * 2
    source[axis] = slice(max(0, -by), size - max(0, by))
    target[axis] = slice(max(0, by), size - max(0, -by))
    moved[tuple(target)] = mask[tuple(source)]
    return moved
