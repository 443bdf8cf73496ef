"""Procedural colour patterns in object space: wood grain, leather, weave, stripes, checks, glaze, planks, concrete."""

import functools

import numpy as np

from catalogue.geometry import Array
from catalogue.materials import Material

LATTICE = 32


@functools.cache
def _lattice() -> Array:
    return np.random.default_rng(20240229).random(LATTICE**3)


def noise(points: Array, frequency: float | Array) -> Array:
    """Smooth value noise in [0, 1] of points (n, 3), one random value per lattice cell of size 1 / frequency."""
    table = _lattice()
    scaled = points * frequency
    cell = np.floor(scaled)
    t = scaled - cell
    t = t * t * (3 - 2 * t)
    low = cell.astype(np.int64) % LATTICE
    high = (low + 1) % LATTICE
    low[:, 0] *= LATTICE * LATTICE
    high[:, 0] *= LATTICE * LATTICE
    low[:, 1] *= LATTICE
    high[:, 1] *= LATTICE
    value = np.zeros(len(points))
    for x, wx in ((low[:, 0], 1 - t[:, 0]), (high[:, 0], t[:, 0])):
        for y, wy in ((low[:, 1], 1 - t[:, 1]), (high[:, 1], t[:, 1])):
            wxy, xy = wx * wy, x + y
            value += wxy * ((1 - t[:, 2]) * table[xy + low[:, 2]] + t[:, 2] * table[xy + high[:, 2]])
    return value


def albedo(material: Material, points: Array, grain_axis: int) -> Array:
    """Linear RGB (n, 3) of a material at points (n, 3) of the object.

    Args:
        material: what it is made of.
        points: positions in metres.
        grain_axis: coordinate along which wood grain runs.
    """
    if material.texture == "none" or len(points) == 0:
        return np.broadcast_to(material.colour, points.shape)
    amount = _PATTERNS[material.texture](points, material.scale, grain_axis)[:, None]
    return np.asarray(material.colour + (material.second - material.colour) * amount, dtype=np.float64)


def _grain(points: Array, scale: float, axis: int) -> Array:
    stretch = np.full(3, scale)
    stretch[axis] = scale * 0.07
    wander = noise(points, stretch * 0.9)
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * (wander * 4.5 + points[:, (axis + 1) % 3] * scale * 0.5))
    fibres = noise(points, stretch * 9)
    return np.asarray(0.42 * rings**2 + 0.3 * (fibres - 0.3), dtype=np.float64)


def _mottle(points: Array, scale: float, _: int) -> Array:
    return 0.28 * noise(points, scale) + 0.3 * (noise(points, scale * 4.3) - 0.35)


def _weave(points: Array, scale: float, _: int) -> Array:
    phase = points * (scale * np.pi)
    threads = np.abs(np.sin(phase[:, 0] + phase[:, 2])) * np.abs(np.sin(phase[:, 1] + phase[:, 2] * 0.5))
    return 0.55 * threads + 0.35 * noise(points, scale * 0.4)


def _brushed(points: Array, scale: float, axis: int) -> Array:
    stretch = np.full(3, scale * 4)
    stretch[axis] = scale * 0.1
    return noise(points, stretch)


def _soft_square(phase: Array) -> Array:
    return np.asarray(np.clip(0.5 + 6.0 * np.sin(2 * np.pi * phase), 0.0, 1.0), dtype=np.float64)


def _stripes(points: Array, scale: float, axis: int) -> Array:
    across = points[:, 0] + 0.35 * points[:, 2] if axis != 0 else points[:, 2] + 0.2 * points[:, 1]
    return 0.85 * _soft_square(across * scale)


def _checks(points: Array, scale: float, _: int) -> Array:
    first = _soft_square((points[:, 0] + points[:, 2]) * scale * 0.6)
    second = _soft_square((points[:, 1] + 0.5 * points[:, 2]) * scale * 0.6)
    return 0.45 * first + 0.45 * second


def _speckle(points: Array, scale: float, _: int) -> Array:
    fine, coarse = noise(points, scale * 26), noise(points, scale * 11)
    return np.asarray(np.clip((fine - 0.8) * 7, 0, 0.9) + np.clip((coarse - 0.86) * 7, 0, 0.8), dtype=np.float64)


def _bands(points: Array, scale: float, _: int) -> Array:
    wavy = points[:, 1] + 0.006 * noise(points, 60.0)
    return 0.9 * _soft_square(wavy * scale * 0.8)


_PATTERNS = {
    "grain": _grain,
    "mottle": _mottle,
    "weave": _weave,
    "brushed": _brushed,
    "stripes": _stripes,
    "checks": _checks,
    "speckle": _speckle,
    "bands": _bands,
}
