"""Ray casting against a solid with Embree: nearest hits for pictures, occlusion for shadows and hidden lines."""

from dataclasses import dataclass

import numpy as np
from embreex import mesh_construction, rtcore_scene
from numpy.typing import NDArray

from catalogue.geometry import Array, Indices, Solid, dot

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Hits:
    """Nearest hits of n rays; fields other than `hit` are meaningful where `hit` is true.

    Attributes:
        hit: (n,).
        distance: (n,) along the unit direction.
        normals: (n, 3) interpolated, unit length, turned towards the ray's origin; zero without a hit.
        parts: (n,) index of the part; -1 without a hit.
    """

    hit: Flags
    distance: Array
    normals: Array
    parts: Indices


class Tracer:
    """A solid ready for ray casting."""

    def __init__(self, solid: Solid) -> None:
        surfaces = [part.surface for part in solid.parts]
        starts = np.cumsum([0] + [len(surface.vertices) for surface in surfaces])
        self._faces = np.concatenate([s.faces + start for s, start in zip(surfaces, starts, strict=False)])
        self._normals = np.concatenate([s.normals for s in surfaces]).astype(np.float32)
        self._parts = np.repeat(np.arange(len(surfaces)), [len(s.faces) for s in surfaces])
        self._scene = rtcore_scene.EmbreeScene()
        vertices = np.concatenate([s.vertices for s in surfaces]).astype(np.float32)
        self._mesh = mesh_construction.TriangleMesh(self._scene, vertices, self._faces.astype(np.int32))

    def cast(self, origins: Array, directions: Array) -> Hits:
        """Nearest hits of rays with unit directions, each (n, 3)."""
        answer = self._scene.run(_single(origins), _single(directions), query="INTERSECT", output=1)
        hit = answer["primID"] >= 0
        rows = np.flatnonzero(hit)
        faces = answer["primID"][rows]
        u, v = answer["u"][rows, None], answer["v"][rows, None]
        corners = self._faces[faces]
        shading = (1 - u - v) * self._normals[corners[:, 0]] + u * self._normals[corners[:, 1]]
        shading = shading + v * self._normals[corners[:, 2]]
        facing = np.where(dot(shading, directions[rows]) > 0, -1.0, 1.0) / np.maximum(
            np.sqrt(dot(shading, shading)), 1e-9
        )
        normals = np.zeros((len(hit), 3))
        normals[rows] = shading * facing[:, None]
        parts = np.full(len(hit), -1, dtype=np.int64)
        parts[rows] = self._parts[faces]
        return Hits(hit, answer["tfar"].astype(np.float64), normals, parts)

    def first_distance(self, origins: Array, directions: Array) -> Array:
        """Distance (n,) to the nearest hit, infinite where there is none."""
        answer = self._scene.run(_single(origins), _single(directions), query="INTERSECT", output=1)
        return np.where(answer["primID"] >= 0, answer["tfar"], np.inf).astype(np.float64)

    def blocked(self, origins: Array, directions: Array, reach: float = 1e6) -> Flags:
        """Whether anything lies within `reach` along each ray (n,)."""
        limits = np.full(len(origins), reach, dtype=np.float32)
        answer = self._scene.run(_single(origins), _single(directions), limits, query="OCCLUDED")
        return np.asarray(answer == 0)


def _single(rows: Array) -> NDArray[np.float32]:
    return np.ascontiguousarray(rows, dtype=np.float32)
