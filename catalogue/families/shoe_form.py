"""Parameters of shoes and the form they share: sole, heel elevation, and the upper from sole edge to collar.

All shoes share it; straps, laces, panels and seams are curves on the same upper.
"""

from dataclasses import dataclass

import numpy as np

from catalogue.curves import smoothstep
from catalogue.geometry import Array
from catalogue.parameters import choice, flag, measure

LENGTH = 0.27
FULL = np.linspace(0.0, 2 * np.pi, 65)


@dataclass(frozen=True)
class ShoeParameters:
    """Sizes in metres."""

    style: str = choice(("sneaker", "sneaker", "boot", "boot", "pump", "pump", "sandal", "loafer"), "kind of shoe")
    toe: float = measure(-0.5, 0.6, "shape of the toe: negative square, 0 round, positive pointed")
    heel_height: float = measure(0.02, 0.095, "height of the heel of pumps, boots and sandals")
    heel_shape: str = choice(("block", "stiletto", "wedge", "cone"), "shape of the heel")
    sole: float = measure(0.006, 0.030, "thickness of the sole")
    shaft: float = measure(0.05, 0.24, "height of a boot's shaft above the ankle")
    laces: int = choice((0, 3, 5, 7), "rows of laces")
    straps: int = choice((1, 2, 3), "straps of a sandal, or bars over a pump")
    ankle_strap: bool = flag("a strap around the ankle of pumps and sandals")
    stripe: str = choice(("none", "one", "two", "three", "swoosh"), "stripes on the side")
    toe_cap: bool = flag("a separate toe cap")
    heel_panel: bool = flag("a separate panel around the heel")
    collar: float = measure(-0.014, 0.022, "collar height against the usual height of the style")
    buckle: bool = flag("a buckle on the strap or the shaft")
    pull_tab: bool = flag("a loop at the back of the collar")


@dataclass(frozen=True)
class Last:
    """The form a shoe is built on. The heel is at x = 0, the toe at x = LENGTH; angles run from the toe (0).

    Attributes:
        toe: 0 round, positive pointed, negative square.
        heel: heel elevation in metres.
        collar: height of the collar above the sole.
        dip: how much lower the collar is at the sides.
        throat: x of the front end of the opening, as a share of LENGTH.
        width: half width at the ball.
        toe_height: height of the toe box.
        thickness: sole thickness under the ball.
    """

    toe: float
    heel: float
    collar: float
    dip: float
    throat: float
    width: float
    toe_height: float
    thickness: float

    def elevation(self, x: Array) -> Array:
        """Height of the upper side of the sole at x."""
        rise = 1.0 - smoothstep(0.16, 0.74, x / LENGTH)
        spring = 0.010 * smoothstep(0.72, 1.05, x / LENGTH)
        return np.asarray(self.thickness + self.heel * rise + spring, dtype=np.float64)

    def sole(self, angle: Array, *, grow: float = 0.0) -> Array:
        """(n, 2) outline of the sole in x and z at angles from the toe."""
        c, s = np.cos(angle), np.sin(angle)
        x = LENGTH * (0.5 + 0.5 * np.sign(c) * np.abs(c) ** 0.9)
        share = x / LENGTH
        ball = 0.62 + 0.38 * np.sin(np.pi * np.clip((share - 0.18) / 0.98, 0, 1)) ** 1.4
        power = np.where(c > 0, 0.86 + 0.9 * np.maximum(self.toe, 0) - 0.35 * np.maximum(-self.toe, 0), 0.82)
        z = self.width * ball * np.sign(s) * np.abs(s) ** power
        x = x + np.where(c > 0, 0.05 * max(self.toe, 0.0) * c**6, 0.0)
        return np.stack([x + grow * c, z + grow * s], axis=1)

    def opening(self, angle: Array) -> Array:
        """(n, 3) collar at angles from the front."""
        c, s = np.cos(angle), np.sin(angle)
        front, back = self.throat * LENGTH, 0.010
        x = (front + back) / 2 + (front - back) / 2 * c
        level = self.elevation(np.full_like(x, 0.2 * LENGTH)) if self.collar > 0.09 else self.elevation(x)
        low = 1.0 - np.clip(c, 0, 1) * np.clip((self.throat - 0.52) * 1.9, 0, 0.45)
        y = level + self.collar * low - self.dip * s**2
        return np.stack([x, y, 0.66 * self.width * s], axis=1)

    def upper(self, angle: Array, rise: Array) -> Array:
        """(a, r, 3) points of the upper at angles from the toe and rises from 0 (sole) to 1 (collar)."""
        flat = self.sole(angle)
        base = np.stack([flat[:, 0], self.elevation(flat[:, 0]), flat[:, 1]], axis=1)
        top = self.opening(angle)
        front = np.clip(np.cos(angle), 0, 1)[:, None] ** 1.5
        drop = top[:, 1:2] - base[:, 1:2]
        lift = front * self.toe_height * 1.25 + (1 - front) * 0.5 * drop
        first = base + np.array([0, 1.0, 0]) * lift
        first[:, 0] += 0.012 * front[:, 0] * (1 - 2 * max(self.toe, 0))
        toward = (base - top) * np.array([0.2, 0.0, 0.0]) - np.array([0.0, 0.5, 0.0]) * drop
        second = top + toward * front - np.array([0, 0.42, 0]) * drop * (1 - front)
        t = rise[None, :, None]
        weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
        return np.asarray(
            sum(w * p[:, None] for w, p in zip(weights, (base, first, second, top), strict=True)), dtype=np.float64
        )

    def outward(self, points: Array, amount: float) -> Array:
        """Grid points (a, r, 3) moved off the surface."""
        across, along = np.gradient(points, axis=0), np.gradient(points, axis=1)
        normal = np.cross(across, along)
        normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
        middle = np.array([0.4 * LENGTH, 0.0, 0.0])
        sign = np.sign(((points - middle) * normal).sum(axis=-1, keepdims=True).sum())
        return np.asarray(points + sign * amount * normal, dtype=np.float64)
