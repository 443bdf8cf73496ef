"""Photos that look the same though their bytes differ: saved again, scaled, compressed. Found by a perceptual hash.

The hash says which of the 256 lowest frequencies of the grey picture lie above their median. Of 120 real shoe photos,
each compressed hard, halved and scaled to 80 %, no copy differed by more than 10 bits (95 % by at most 6), and no two
photos by less than 20.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

HASH_BYTES = 32
MAX_DIFFERENT_BITS = 10
_SIDE_PX = 64
_NUM_FREQUENCIES = 16
_NOISE = 0.5  # rounding alone must not set a bit where the picture holds nothing of a frequency
_NUM_PARTS = 16  # of 16 bits: hashes that differ in fewer bits than there are parts agree in one of them


def perceptual_hash(image: Image.Image) -> bytes:
    """The 32-byte hash of a picture; nearly the same for the same picture in another size or compression."""
    grey = np.asarray(image.convert("L").resize((_SIDE_PX, _SIDE_PX), Image.Resampling.BOX), np.float32)
    frequencies = _cosines() @ grey @ _cosines().T
    lower, upper = np.sort(frequencies, axis=None)[[frequencies.size // 2 - 1, frequencies.size // 2]]
    median = (lower + upper) / np.float32(2)  # as np.median, in a third of its time
    return np.packbits(frequencies > median + _NOISE).tobytes()


def near_duplicate_groups(hashes: NDArray[np.uint8]) -> list[list[int]]:
    """Groups rows whose hashes differ by at most `MAX_DIFFERENT_BITS`, directly or by way of others of the group.

    Args:
        hashes: (N, 32) uint8.

    Returns:
        The groups of two and more rows, each in rising order, in the order of their first rows.
    """
    unique, rows_of = np.unique(hashes, axis=0, return_inverse=True)
    parent = np.arange(len(unique))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = node = parent[parent[node]]
        return node

    for one, other in _close_pairs(unique):
        parent[max(root(one), root(other))] = min(root(one), root(other))
    groups: dict[int, list[int]] = {}
    for row, node in enumerate(rows_of.reshape(-1)):
        groups.setdefault(root(int(node)), []).append(row)
    return [group for group in groups.values() if len(group) > 1]


def near_duplicates_of(
    hashes: NDArray[np.uint8], others: NDArray[np.uint8], *, max_different_bits: int = MAX_DIFFERENT_BITS
) -> NDArray[np.int64]:
    """Finds the rows that look like one of some other pictures, such as training photos like those of a test set.

    Args:
        hashes: (N, 32) uint8, of `perceptual_hash`.
        others: (M, 32) uint8.
        max_different_bits: how many of the 256 bits may differ.

    Returns:
        (F,) int64, the found rows of `hashes` in rising order.
    """
    is_near = np.zeros(len(hashes), np.bool_)
    for other in others:
        is_near |= np.bitwise_count(hashes ^ other).sum(axis=1) <= max_different_bits
    return np.flatnonzero(is_near)


def _close_pairs(hashes: NDArray[np.uint8]) -> Iterator[tuple[int, int]]:
    """Pairs of rows, the lower one first, each at least once."""
    import faiss  # only here: training asks for hashes alone, and may run without FAISS

    bits = 8 * HASH_BYTES // _NUM_PARTS
    # A table of one part at a time: those of all parts together take sixteen times the memory.
    for part in range(_NUM_PARTS if len(hashes) else 0):
        turned = np.ascontiguousarray(np.roll(hashes, -part * bits // 8, axis=1))
        index = faiss.IndexBinaryMultiHash(8 * HASH_BYTES, 1, bits)
        index.add(turned)
        limits, _, found = index.range_search(turned, MAX_DIFFERENT_BITS + 1)
        searched = np.repeat(np.arange(len(hashes)), np.diff(np.asarray(limits, np.int64)).astype(np.int64))
        is_pair = searched < found
        yield from zip(searched[is_pair].tolist(), found[is_pair].tolist(), strict=True)


@cache
def _cosines() -> NDArray[np.float32]:
    """(frequencies, pixels): the first rows of a discrete cosine transform."""
    pixels, frequencies = np.arange(_SIDE_PX), np.arange(_NUM_FREQUENCIES)[:, None]
    return np.cos(np.pi * (2 * pixels + 1) * frequencies / (2 * _SIDE_PX)).astype(np.float32)
