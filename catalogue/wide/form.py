"""Forms of the wide world: an item's solid mirrored, stretched, tapered and sheared, alike for a group of siblings."""

from dataclasses import dataclass, replace

import numpy as np

from catalogue.geometry import Array, Solid, Surface


@dataclass(frozen=True)
class Change:
    """How a solid is changed: x -> taper(matrix @ x).

    Attributes:
        matrix: (3, 3), with a mirror image across x = 0 in it or not.
        taper: (2,) relative change of x and z from the middle to the top.
    """

    matrix: Array
    taper: Array


def draw_change(rng: np.random.Generator) -> Change:
    """A moderate change; half of all items face the other way."""
    stretch = np.exp(np.clip(rng.normal(0.0, 0.12, 3), -0.3, 0.3))
    matrix = np.diag(stretch)
    matrix[0, 1] = float(np.clip(rng.normal(0.0, 0.05), -0.12, 0.12))
    taper = np.clip(rng.normal(0.0, 0.1, 2), -0.25, 0.25)
    if rng.random() < 0.5:
        matrix = np.diag([-1.0, 1.0, 1.0]) @ matrix
    return Change(matrix, taper)


def changed(solid: Solid, change: Change) -> Solid:
    """The solid under a change."""
    low, high = solid.bounds()[:, 1]
    middle, height = (low + high) / 2, max(float(high - low), 1e-6)

    def tapered(points: Array) -> Array:
        scale = 1.0 + change.taper * ((points[:, 1:2] - change.matrix[1, 1] * middle) / height)
        return np.asarray(points * np.stack([scale[:, 0], np.ones(len(points)), scale[:, 1]], axis=1), dtype=np.float64)

    def shaped(surface: Surface) -> Surface:
        moved = surface.mapped(change.matrix)
        return replace(
            moved,
            vertices=tapered(moved.vertices),
            lines=tuple(tapered(each) for each in moved.lines),
            axis=None if moved.axis is None else tapered(moved.axis),
        )

    return Solid(tuple(replace(part, surface=shaped(part.surface)) for part in solid.parts))
