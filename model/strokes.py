"""Ink on a binary raster: how wide its strokes are, and how to make them wider or thinner without breaking them.

A raster is held as one large integer, a bit for each pixel, row after row: a shift aligns every pixel with a neighbour
and one logical operation treats all pixels at once, which is some twenty times as fast as arrays of bytes.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

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
    raster = _Raster.of(ink, margin=width_px // 2 + 1)
    return raster.with_bits(_grown(_thinned(raster.bits, raster.row), raster.row, width_px // 2)).to_ink()


def centre_lines(ink: Ink) -> Ink:
    """Thins ink to lines one pixel wide, by the parallel algorithm of Zhang and Suen (CACM 27(3), 1984).

    Args:
        ink: (H, W) bool, True where there is ink.

    Returns:
        (H, W) bool: the centre line of every stroke, as connected as the ink was.
    """
    return set_stroke_width(ink, width_px=1)


def with_blank_border(ink: Ink, width_px: int) -> Ink:
    """The ink, (H, W), with `width_px` blank pixels on every side; `numpy.pad` takes ten times as long."""
    height, width = ink.shape
    wider = np.zeros((height + 2 * width_px, width + 2 * width_px), np.bool_)
    wider[width_px : width_px + height, width_px : width_px + width] = ink
    return wider


@dataclass(frozen=True)
class _Raster:
    """A raster in one integer, with blank pixels around it so that a shift never carries ink into another row.

    Attributes:
        bits: the pixels; the first pixel of the first row is the highest bit.
        height: in pixels, without the margin.
        width: likewise.
        margin: blank pixels on every side.
    """

    bits: int
    height: int
    width: int
    margin: int

    @classmethod
    def of(cls, ink: Ink, *, margin: int) -> Self:
        height, width = ink.shape
        return cls(
            int.from_bytes(np.packbits(with_blank_border(ink, margin)).tobytes()), height, width, margin
        )._aligned()

    @property
    def row(self) -> int:
        """Bits of one row."""
        return self.width + 2 * self.margin

    def with_bits(self, bits: int) -> Self:
        return type(self)(bits, self.height, self.width, self.margin)

    def to_ink(self) -> Ink:
        rows = self.height + 2 * self.margin
        size = rows * self.row
        packed = (self.bits << -size % 8).to_bytes((size + 7) // 8)
        pixels = np.unpackbits(np.frombuffer(packed, np.uint8), count=size).reshape(rows, self.row)
        inner = slice(self.margin, -self.margin)
        return np.ascontiguousarray(pixels[inner, inner]).view(np.bool_)

    def _aligned(self) -> Self:
        # packbits fills the last byte up with zeros, below the last pixel.
        return self.with_bits(self.bits >> -((self.height + 2 * self.margin) * self.row) % 8)


def _thinned(ink: int, row: int) -> int:
    first_pass, passes_in_vain = True, 0
    while passes_in_vain < 2:
        removed = ink & _removable(ink, row, first_pass=first_pass)
        ink ^= removed
        first_pass, passes_in_vain = not first_pass, 0 if removed else passes_in_vain + 1
    return ink


def _removable(ink: int, row: int, *, first_pass: bool) -> int:
    """Where one pass of Zhang and Suen's algorithm removes ink; elsewhere, and where there is none, it means nothing.

    That is where two to six neighbours are inked, just one of them, going around, comes after a blank one, and a
    certain side is open.
    """
    above, below, left, right = ink >> row, ink << row, ink >> 1, ink << 1
    ring = (above, above << 1, right, below << 1, below, below >> 1, left, above >> 1)  # clockwise
    one_rise = more_rises = pair = 0
    crowded = -1
    previous = ring[-1]
    for neighbour in ring:
        both = neighbour & previous
        rise = neighbour ^ both
        more_rises |= one_rise & rise
        one_rise |= rise
        pair |= both
        crowded &= neighbour | previous
        previous = neighbour
    # With one rise the inked neighbours are a single run: two or more hold a pair, six or fewer leave a pair of blanks.
    closed = right & below & (above | left) if first_pass else above & left & (right | below)
    candidates = one_rise & pair
    return candidates ^ candidates & (more_rises | crowded | closed)


def _grown(ink: int, row: int, radius: int) -> int:
    """Every pixel within `radius` of ink in either direction: a square brush."""
    for _ in range(radius):
        ink |= ink << 1 | ink >> 1
    for _ in range(radius):
        ink |= ink << row | ink >> row
    return ink
