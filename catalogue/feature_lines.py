"""The lines of an object that could be drawn from a viewpoint: contours of smooth surfaces, edges, rims, thin bars.

Lines are found per part in space, tested for visibility by ray casting and returned in image coordinates.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from catalogue.camera import Camera
from catalogue.curves import resample
from catalogue.geometry import Array, Indices, Part, Solid, dot, unit
from catalogue.tracing import Flags, Tracer

SPACING = 0.01
MASK_CELLS = 96


@dataclass(frozen=True)
class FeatureLine:
    """A candidate stroke.

    Attributes:
        points: (n, 2) in image coordinates, [0, 1] inside the frame, y down.
        part: index of the part.
        outline: share of its points that lie on the outer outline of the object.
        hidden: whether it lies behind something.
        thin: the centre line of a bar too thin to be drawn with two lines.
    """

    points: Array
    part: int
    outline: float
    hidden: bool
    thin: bool


@dataclass(frozen=True)
class _Candidate:
    points: Array
    part: int
    tolerance: float
    thin: bool


def extract(solid: Solid, tracer: Tracer, camera: Camera, *, thin_radius: float = 0.009) -> list[FeatureLine]:
    """All lines of a solid as seen by a camera.

    Args:
        solid: the object.
        tracer: the same object, ready for ray casting.
        camera: the viewpoint.
        thin_radius: bars whose projected half width is below this (in image sizes) become single lines.
    """
    bounds = solid.bounds()
    reach = float(np.linalg.norm(bounds[1] - bounds[0]))
    candidates = [
        each for k, part in enumerate(solid.parts) for each in _candidates(part, k, camera, reach, thin_radius)
    ]
    if not candidates:
        return []
    flat = [camera.project(each.points) for each in candidates]
    visible = _visible(candidates, tracer, camera, reach)
    near_outline = _outline_test(tracer, camera)
    lines = []
    for each, places, seen in zip(candidates, flat, visible, strict=True):
        for start, end, value in _runs(seen):
            piece = places[start:end]
            lines.append(FeatureLine(piece, each.part, float(near_outline(piece).mean()), not value, each.thin))
    return lines


def _candidates(part: Part, index: int, camera: Camera, reach: float, thin_radius: float) -> list[_Candidate]:
    surface = part.surface
    if surface.axis is not None:
        middle = surface.axis[len(surface.axis) // 2]
        depth = 1.0 if camera.parallel else max(float((middle - camera.position) @ camera.forward), 1e-6)
        if surface.axis_radius * camera.zoom / depth < thin_radius:
            return [_Candidate(_evenly(surface.axis, camera), index, 0.004 * reach + 2.2 * surface.axis_radius, True)]
    found = [
        _Candidate(_evenly(line, camera), index, 0.004 * reach + surface.line_depth, False) for line in surface.lines
    ]
    if surface.contours:
        towards = camera.towards(surface.vertices)
        chains = contour_chains(surface.vertices, surface.normals, surface.faces, towards)
        found += [_Candidate(_evenly(chain, camera), index, 0.014 * reach, False) for chain in chains]
    return [each for each in found if len(each.points) >= 3]


def _evenly(line: Array, camera: Camera) -> Array:
    """The polyline with points about SPACING apart in the image; empty when it is a mere dot."""
    flat = camera.project(line)
    length = float(np.linalg.norm(np.diff(flat, axis=0), axis=1).sum())
    if length < 1.5 * SPACING:
        return line[:0]
    return resample(line, max(4, int(length / SPACING) + 1))


def contour_chains(vertices: Array, normals: Array, faces: Indices, towards: Array) -> list[Array]:
    """Polylines (n, 3) where the smooth surface turns away from the viewer.

    Args:
        vertices: (V, 3).
        normals: (V, 3).
        faces: (F, 3).
        towards: (V, 3) unit directions to the viewer.
    """
    facing = dot(normals, towards)
    facing = np.where(np.abs(facing) < 1e-9, 1e-9, facing)
    sign = facing[faces] > 0
    rows = np.flatnonzero(sign.any(axis=1) & ~sign.all(axis=1))
    if len(rows) == 0:
        return []
    corners = faces[rows]
    pairs = np.stack([corners, np.roll(corners, -1, axis=1)], axis=-1)
    crossing = (facing[pairs] > 0).sum(axis=-1) == 1
    edges = np.sort(pairs[crossing], axis=-1)
    keys, place = np.unique(edges[:, 0] * len(vertices) + edges[:, 1], return_inverse=True)
    a, b = keys // len(vertices), keys % len(vertices)
    share = (facing[a] / (facing[a] - facing[b]))[:, None]
    points = vertices[a] + share * (vertices[b] - vertices[a])
    return [points[chain] for chain in _chain(place.reshape(-1, 2), len(keys)) if len(chain) > 2]


def _chain(segments: Indices, count: int) -> list[list[int]]:
    """Segments between numbered points joined to chains; a closed chain repeats its first point."""
    neighbours: list[list[int]] = [[] for _ in range(count)]
    for a, b in segments.tolist():
        neighbours[a].append(b)
        neighbours[b].append(a)
    unused = np.ones(count, dtype=bool)
    chains = []
    starts = [k for k in range(count) if len(neighbours[k]) == 1] + list(range(count))
    for start in starts:
        if not unused[start]:
            continue
        chain, current = [start], start
        unused[start] = False
        while (following := next((k for k in neighbours[current] if unused[k]), None)) is not None:
            chain.append(following)
            unused[following] = False
            current = following
        if len(chain) > 3 and start in neighbours[current]:
            chain.append(start)
        chains.append(chain)
    return chains


def _visible(candidates: list[_Candidate], tracer: Tracer, camera: Camera, reach: float) -> list[Flags]:
    points = np.concatenate([each.points for each in candidates])
    lengths = [len(each.points) for each in candidates]
    tolerance = np.repeat([each.tolerance for each in candidates], lengths)
    towards = camera.towards(points)
    away = np.linalg.norm(points - camera.position, axis=1)
    distance = np.full(len(points), 4 * reach) if camera.parallel else away
    seen = tracer.first_distance(points + distance[:, None] * towards, -towards) > distance - tolerance
    return np.split(seen, np.cumsum(lengths)[:-1])


def _runs(seen: Flags) -> list[tuple[int, int, bool]]:
    """Stretches (start, end, visible) of at least three points; shorter ones take their neighbours' value."""
    value = seen.copy()
    for _ in range(2):
        changes = np.flatnonzero(np.diff(value)) + 1
        bounds = [0, *changes.tolist(), len(value)]
        for a, b in itertools.pairwise(bounds):
            if b - a <= 2 and b - a < len(value):
                value[a:b] = not value[a]
    changes = np.flatnonzero(np.diff(value)) + 1
    bounds = [0, *changes.tolist(), len(value)]
    return [(a, b, bool(value[a])) for a, b in itertools.pairwise(bounds) if b - a >= 3]


class _outline_test:  # noqa: N801 - reads as a function where it is used
    """Tells which image points lie on the outer outline of the object."""

    def __init__(self, tracer: Tracer, camera: Camera) -> None:
        row, column = np.divmod(np.arange(MASK_CELLS**2), MASK_CELLS)
        places = (np.stack([column, row], axis=1) + 0.5) / MASK_CELLS
        inside = np.isfinite(tracer.first_distance(*camera.rays(places))).reshape(MASK_CELLS, MASK_CELLS)
        padded = np.pad(inside, 1)
        near = np.zeros_like(inside)
        for shift in ((0, 1), (2, 1), (1, 0), (1, 2)):
            near |= padded[shift[0] : shift[0] + MASK_CELLS, shift[1] : shift[1] + MASK_CELLS] != inside
        self._near = near

    def __call__(self, points: Array) -> Flags:
        cells = np.clip((points * MASK_CELLS).astype(np.int64), 0, MASK_CELLS - 1)
        return np.asarray(self._near[cells[:, 1], cells[:, 0]])


def tangents(points: Array) -> Array:
    """Unit directions (n, 2) along a polyline."""
    return unit(np.gradient(points, axis=0))
