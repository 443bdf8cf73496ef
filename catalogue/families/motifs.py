"""Small line drawings that decorate cups and that people add to their sketches; strokes in [-1, 1], y up."""

import itertools
from collections.abc import Mapping

import numpy as np

from catalogue.curves import points, spline
from catalogue.geometry import Array


def motif(name: str) -> tuple[Array, ...]:
    """The strokes (n, 2) of a motif; none for "none".

    Raises:
        KeyError: there is no motif of this name.
    """
    return _MOTIFS[name]


def _heart() -> Array:
    t = np.linspace(0, 2 * np.pi, 40)
    x, y = 16 * np.sin(t) ** 3, 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([x, y], axis=1) / 17.0


def _star(tips: int = 5) -> Array:
    turn = np.pi / 2 + np.arange(2 * tips + 1) * np.pi / tips
    radius = np.where(np.arange(2 * tips + 1) % 2 == 0, 1.0, 0.42)
    corners = np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1)
    return np.concatenate([np.linspace(a, b, 5)[:-1] for a, b in itertools.pairwise(corners)] + [corners[:1]])


def _circle(radius: float, x: float = 0.0, y: float = 0.0) -> Array:
    turn = np.linspace(0, 2 * np.pi, 24)
    return np.stack([x + radius * np.cos(turn), y + radius * np.sin(turn)], axis=1)


def _flower() -> tuple[Array, ...]:
    turn = np.linspace(0, 2 * np.pi, 80)
    radius = 0.68 + 0.3 * np.cos(5 * turn)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1), _circle(0.24)


def _face() -> tuple[Array, ...]:
    smile = spline(points((-0.45, -0.25), (0.0, -0.55), (0.45, -0.25)), 14)
    return _circle(1.0), _circle(0.1, -0.35, 0.3), _circle(0.1, 0.35, 0.3), smile


def _zigzag(y: float) -> Array:
    x = np.linspace(-1, 1, 49)
    return np.stack([x, y + 0.22 * (2 * np.abs(np.mod(3 * x, 2) - 1) - 1)], axis=1)


def _wave(y: float) -> Array:
    x = np.linspace(-1, 1, 40)
    return np.stack([x, y + 0.16 * np.sin(3 * np.pi * x)], axis=1)


def _letters() -> tuple[Array, ...]:
    dense = [
        points((-0.95, -0.4), (-0.75, 0.4), (-0.55, -0.4)),
        points((-0.4, 0.4), (-0.4, -0.4), (0.0, -0.4)),
        points((0.15, -0.4), (0.15, 0.4), (0.5, 0.4), (0.5, 0.0), (0.15, 0.0)),
        points((0.7, -0.4), (0.95, 0.4)),
    ]
    return tuple(np.concatenate([np.linspace(a, b, 6) for a, b in itertools.pairwise(line)]) for line in dense)


def _steam() -> tuple[Array, ...]:
    y = np.linspace(-1, 1, 26)
    return tuple(np.stack([x + 0.14 * np.sin(1.5 * np.pi * y + x), y], axis=1) for x in (-0.5, 0.0, 0.5))


_MOTIFS: Mapping[str, tuple[Array, ...]] = {
    "none": (),
    "heart": (_heart(),),
    "star": (_star(),),
    "flower": _flower(),
    "face": _face(),
    "zigzag": (_zigzag(0.35), _zigzag(-0.35)),
    "waves": (_wave(0.4), _wave(0.0), _wave(-0.4)),
    "letters": _letters(),
    "steam": _steam(),
}
