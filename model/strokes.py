"""Ink on a binary raster: how wide its strokes are, and how to make them wider or thinner without breaking them."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Ink = NDArray[np.bool_]  # (H, W), True where there is ink


def set_stroke_width(ink: Ink, *, width_px: int) -> Ink:
    """Redraws a binary line drawing with strokes of about `width_px` pixels.

    Thick strokes are peeled evenly from both sides until they reach their centre line, which keeps every line
    connected; then all lines are thickened to the wanted width.

    Args:
        ink: (H, W) bool, True where there is ink.
        width_px: wanted width in pixels, an odd number.

    Returns:
        (H, W) bool.
    """
    centre = centre_lines(ink)
    if width_px == 1:
        return centre
    grown = Image.fromarray(centre.astype(np.uint8) * 255, "L").filter(ImageFilter.MaxFilter(width_px))
    return np.asarray(grown) > 0


def centre_lines(ink: Ink) -> Ink:
    """Thins ink to lines one pixel wide, by the parallel algorithm of Zhang and Suen (CACM 27(3), 1984).

    Args:
        ink: (H, W) bool, True where there is ink.

    Returns:
        (H, W) bool: the centre line of every stroke, as connected as the ink was.
    """
    grid = np.pad(ink, 1).astype(np.uint8)
    flat, row = grid.reshape(-1), grid.shape[1]
    neighbours = np.array([-row, 1 - row, 1, row + 1, row, row - 1, -1, -row - 1])  # clockwise from the one above
    left = np.flatnonzero(flat)  # only ink is looked at: a drawing is mostly paper
    while True:
        before = len(left)
        for removable in _REMOVABLE:
            code = np.packbits(flat[left[:, None] + neighbours], axis=1, bitorder="little")[:, 0]
            removed = removable[code]
            flat[left[removed]] = 0
            left = left[~removed]
        if len(left) == before:
            return grid[1:-1, 1:-1].astype(np.bool_)


def _removable_patterns(*, first_pass: bool) -> NDArray[np.bool_]:
    """For each of the 256 neighbourhoods: whether one pass of Zhang and Suen's algorithm removes the pixel."""
    table = np.zeros(256, np.bool_)
    for code in range(256):
        above, _, right, _, below, _, left, _ = ring = [code >> bit & 1 for bit in range(8)]
        rises = sum(ring[i] == 0 and ring[(i + 1) % 8] == 1 for i in range(8))
        if first_pass:
            open_side = above * right * below == 0 and right * below * left == 0
        else:
            open_side = above * right * left == 0 and above * below * left == 0
        table[code] = 2 <= sum(ring) <= 6 and rises == 1 and open_side
    return table


_REMOVABLE = (_removable_patterns(first_pass=True), _removable_patterns(first_pass=False))
