"""Surfaces and parts: triangle meshes that know their own drawn lines (edges, rims, seams) and what they are made of.

Units are metres, y is up, the floor is y = 0 and z points towards the default viewer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

MAIN, SECONDARY, DETAIL = 0, 1, 2


@dataclass(frozen=True)
class Surface:
    """A triangle mesh with smooth normals, plus the lines a person would draw on it.

    Attributes:
        vertices: (V, 3).
        normals: (V, 3), unit length; a vertex on a sharp edge appears once per side.
        faces: (F, 3) indices of vertices.
        lines: polylines (n, 3) that are always drawn where visible: edges, rims, seams.
        contours: whether the outline of the smooth surface is drawn too (false for boxes, whose edges say it all).
        line_depth: how far below the surface the lines may lie and still count as visible (sheets have two sides).
        axis: (n, 3) centre line of a thin tube and its radius, for drawing it as a single stroke.
    """

    vertices: Array
    normals: Array
    faces: Indices
    lines: tuple[Array, ...] = ()
    contours: bool = True
    line_depth: float = 0.0
    axis: Array | None = None
    axis_radius: float = 0.0

    def mapped(self, matrix: Array, offset: Sequence[float] | Array = (0.0, 0.0, 0.0)) -> "Surface":
        """The surface under x -> matrix @ x + offset; matrix (3, 3) must be invertible."""
        shift = np.asarray(offset, dtype=np.float64)
        normals = self.normals @ np.linalg.inv(matrix)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
        return replace(
            self,
            vertices=self.vertices @ matrix.T + shift,
            normals=normals,
            lines=tuple(line @ matrix.T + shift for line in self.lines),
            axis=None if self.axis is None else self.axis @ matrix.T + shift,
        )

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> "Surface":
        """The surface shifted."""
        return self.mapped(np.eye(3), (x, y, z))

    def turned(self, axis: str, degrees: float) -> "Surface":
        """The surface rotated about a coordinate axis ("x", "y" or "z") through the origin."""
        return self.mapped(rotation(axis, degrees))

    def with_lines(self, lines: Iterable[Array]) -> "Surface":
        """The surface with other drawn lines."""
        return replace(self, lines=tuple(lines))


@dataclass(frozen=True)
class Part:
    """A named piece of an object.

    Attributes:
        name: what a person would call it; strokes of one part share its proportion error.
        surface: the geometry.
        slot: which entry of the item's finish colours it.
        level: MAIN, SECONDARY or DETAIL: how early a person draws it, and whether a novice draws it at all.
    """

    name: str
    surface: Surface
    slot: str = "body"
    level: int = MAIN


@dataclass(frozen=True)
class Solid:
    """An object: its parts, as built by a family."""

    parts: tuple[Part, ...] = field(default=())

    def bounds(self) -> Array:
        """(2, 3): lowest and highest corner."""
        points = np.concatenate([part.surface.vertices for part in self.parts])
        return np.stack([points.min(axis=0), points.max(axis=0)])

    def standing(self) -> "Solid":
        """The object moved so that its lowest point touches the floor."""
        low = float(self.bounds()[0, 1])
        return Solid(tuple(replace(part, surface=part.surface.moved(y=-low)) for part in self.parts))

    def all_vertices(self) -> Array:
        """(V, 3) vertices of all parts."""
        return np.concatenate([part.surface.vertices for part in self.parts])


def rotation(axis: str, degrees: float) -> Array:
    """(3, 3) matrix of a right-handed turn about "x", "y" or "z"."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = cosine
    matrix[first, second], matrix[second, first] = -sine, sine
    return matrix


def unit(vectors: Array) -> Array:
    """Vectors scaled to length one along the last axis; zero stays zero."""
    lengths = np.sqrt(np.einsum("...k,...k->...", vectors, vectors))[..., None]
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float64)


def dot(first: Array, second: Array) -> Array:
    """Inner products along the last axis (einsum: a plain sum over three numbers is several times slower)."""
    return np.asarray(np.einsum("...k,...k->...", first, second))


def merge(surfaces: Iterable[Surface]) -> Surface:
    """One surface from several; the axis of a tube is lost, so keep thin tubes as parts of their own."""
    pieces = tuple(surfaces)
    offsets = np.cumsum([0] + [len(piece.vertices) for piece in pieces])
    return Surface(
        vertices=np.concatenate([piece.vertices for piece in pieces]),
        normals=np.concatenate([piece.normals for piece in pieces]),
        faces=np.concatenate([piece.faces + offset for piece, offset in zip(pieces, offsets, strict=False)]),
        lines=tuple(line for piece in pieces for line in piece.lines),
        contours=any(piece.contours for piece in pieces),
    )


def mirrored(surface: Surface, axis: str = "z") -> Surface:
    """The mirror image across the plane where the coordinate `axis` is zero."""
    matrix = np.eye(3)
    index = "xyz".index(axis)
    matrix[index, index] = -1.0
    return surface.mapped(matrix)
