"""Curves in the plane and in space: splines, arcs, rounded polygons, resampling. Points are rows, (n, 2) or (n, 3)."""

from collections.abc import Sequence

import numpy as np

from catalogue.geometry import Array


def points(*rows: Sequence[float]) -> Array:
    """Rows as an (n, d) array."""
    return np.asarray(rows, dtype=np.float64)


def arc_lengths(line: Array) -> Array:
    """(n,) distance travelled from the first point."""
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def resample(line: Array, count: int) -> Array:
    """`count` points at equal distances along the polyline."""
    travelled = arc_lengths(line)
    stations = np.linspace(0.0, travelled[-1], count)
    return np.stack([np.interp(stations, travelled, line[:, k]) for k in range(line.shape[1])], axis=1)


def spline(controls: Array, count: int = 32, *, closed: bool = False) -> Array:
    """A smooth curve through the controls (centripetal-like Catmull-Rom), `count` points at equal distances.

    A closed curve repeats its first point at the end.
    """
    if closed:
        padded = np.concatenate([controls[-1:], controls, controls[:2]])
    else:
        first, last = 2 * controls[0] - controls[1], 2 * controls[-1] - controls[-2]
        padded = np.concatenate([first[None], controls, last[None]])
    fraction = np.linspace(0.0, 1.0, 12, endpoint=False)[None, :, None]
    before, start, end, after = (padded[k : len(padded) - 3 + k, None, :] for k in range(4))
    quadratic = (2 * before - 5 * start + 4 * end - after) * fraction**2
    cubic = (-before + 3 * start - 3 * end + after) * fraction**3
    dense = 0.5 * (2 * start + (end - before) * fraction + quadratic + cubic)
    line = np.concatenate([dense.reshape(-1, controls.shape[1]), padded[-2][None]])
    return resample(line, count)


def bezier(controls: Array, count: int = 24) -> Array:
    """A cubic Bezier curve of four controls (4, d)."""
    t = np.linspace(0.0, 1.0, count)[:, None]
    weights = np.concatenate([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], axis=1)
    return np.asarray(weights @ controls, dtype=np.float64)


def circle(radius: float, count: int = 48, *, radius_z: float | None = None, y: float = 0.0) -> Array:
    """A closed horizontal ellipse (count + 1, 3); first and last point agree."""
    angle = np.linspace(0.0, 2 * np.pi, count + 1)
    depth = radius if radius_z is None else radius_z
    return np.stack([radius * np.cos(angle), np.full_like(angle, y), depth * np.sin(angle)], axis=1)


def superellipse(half_x: float, half_z: float, power: float, count: int = 48) -> Array:
    """A closed outline (count + 1, 2) between ellipse (power 2) and rectangle (power 8 and more)."""
    angle = np.linspace(0.0, 2 * np.pi, count + 1)
    cosine, sine = np.cos(angle), np.sin(angle)
    scale = (np.abs(cosine) ** power + np.abs(sine) ** power) ** (-1.0 / power)
    return np.stack([half_x * scale * cosine, half_z * scale * sine], axis=1)


def rounded_polygon(corners: Array, radius: float, *, steps: int = 5) -> Array:
    """A closed outline (n, d) of the corner points with quadratic rounding; first and last point agree."""
    pieces = []
    for before, corner, after in zip(np.roll(corners, 1, 0), corners, np.roll(corners, -1, 0), strict=True):
        to_before, to_after = before - corner, after - corner
        reach_before = min(radius / max(float(np.linalg.norm(to_before)), 1e-9), 0.48)
        reach_after = min(radius / max(float(np.linalg.norm(to_after)), 1e-9), 0.48)
        t = np.linspace(0.0, 1.0, steps + 1)[:, None]
        start, end = corner + to_before * reach_before, corner + to_after * reach_after
        pieces.append((1 - t) ** 2 * start + 2 * t * (1 - t) * corner + t**2 * end)
    return np.concatenate([*pieces, pieces[0][:1]])


def rectangle(width: float, depth: float, radius: float = 0.0) -> Array:
    """A closed rounded rectangle in the plane, (n, 2), centred on the origin."""
    x, z = width / 2, depth / 2
    return rounded_polygon(points((x, z), (-x, z), (-x, -z), (x, -z)), max(radius, 1e-4))


def line(start: Sequence[float] | Array, end: Sequence[float] | Array, count: int = 2) -> Array:
    """A straight polyline of `count` points."""
    return np.linspace(np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64), count)


def smoothstep(low: float, high: float, value: Array) -> Array:
    """0 below `low`, 1 above `high`, smooth in between."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float64)
