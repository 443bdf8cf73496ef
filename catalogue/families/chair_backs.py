"""Backs and arm rests of chairs: slats, rungs, spindles, panels, crosses and hoops, leaning and bowed."""

import numpy as np

from catalogue.curves import spline
from catalogue.families.chair_parameters import ChairParameters
from catalogue.geometry import MAIN, SECONDARY, Part, Surface
from catalogue.primitives import beam, sheet, tube

# Where the posts of the back stand: shares of the seat's width and depth from its middle, so that they meet the seat.
PLACES = {"square": (0.45, 0.45), "rounded": (0.4, 0.43), "round": (0.33, 0.37), "trapezoid": (0.34, 0.45)}


def _half(p: ChairParameters) -> float:
    return PLACES[p.seat_shape][0] * p.seat_width


def back(p: ChairParameters) -> list[Part]:
    """Posts, rails and what fills them."""
    half = _half(p)
    if p.back == "hoop":
        return _hoop(p)
    if p.back == "panel":
        return [Part("back", _panel(p), "seat", MAIN), *_posts(p, 0.5)]
    rails = [Part("top rail", _rail(p, 0.94, 0.07, arch=0.05 if p.top_rail == "arched" else 0.0), "frame", MAIN)]
    bow = 0.05
    if p.back == "ladder":
        rails += [
            Part(f"rung {k + 1}", _rail(p, float(s), 0.04), "frame", SECONDARY)
            for k, s in enumerate(np.linspace(0.16, 0.8, p.rungs))
        ]
    if p.back in ("slats", "spindles"):
        if p.back == "slats":
            rails.append(Part("lower rail", _rail(p, 0.14, 0.04), "frame", SECONDARY))
        low, width = (0.14, 0.032) if p.back == "slats" else (0.0, 0.012)
        for k, x in enumerate(np.linspace(-half, half, p.rungs + 2)[1:-1]):
            path = np.array([_back_point(p, float(x), float(s), bow=bow) for s in np.linspace(low, 0.93, 10)])
            slat = tube(path, width / 2, flatness=0.4 if p.back == "slats" else 1.0, up=(0, 0, 1), power=5, sides=12)
            rails.append(Part(f"slat {k + 1}", slat, "frame", SECONDARY))
    if p.back == "cross":
        for k, (a, b) in enumerate(((-half, half), (half, -half))):
            ends = _back_point(p, a, 0.06), _back_point(p, b, 0.88)
            rails.append(Part(f"cross {k + 1}", beam(*ends, 0.035, 0.014), "frame", SECONDARY))
    return rails + _posts(p, 1.0)


def _back_point(p: ChairParameters, x: float, share: float, *, bow: float = 0.05) -> tuple[float, float, float]:
    """A point of the back: x across, share of its height; the back leans and is bowed in plan."""
    up = share * p.back_height
    lean = np.tan(np.radians(p.back_lean)) * up
    curve = bow * (1 - (2 * x / p.seat_width) ** 2) * share
    return x, p.seat_height - 0.01 + up, -PLACES[p.seat_shape][1] * p.seat_depth - lean - curve


def _rail(p: ChairParameters, share: float, height: float, *, arch: float = 0.0) -> Surface:
    half = _half(p)
    across = np.linspace(-half, half, 15)
    bump = arch * (1 - (across / half) ** 2)
    path = np.array([_back_point(p, float(x), share) for x in across]) + np.stack([bump * 0, bump, bump * 0], axis=1)
    return tube(path, height / 2, flatness=0.36, up=(0, 0, 1), power=5, sides=20)


def _posts(p: ChairParameters, share: float) -> list[Part]:
    posts = []
    for number, x in enumerate((_half(p), -_half(p))):
        a, b = _back_point(p, x, -0.05), _back_point(p, x, share)
        posts.append(Part(f"post {number + 1}", beam(a, b, p.leg_width * 0.85, p.leg_width * 0.85, taper=0.8), "frame"))
    return posts


def _panel(p: ChairParameters) -> Surface:
    arch = 0.07 if p.top_rail == "arched" else 0.0
    across = np.linspace(-1, 1, 13)
    rows = []
    for share in np.linspace(0.1, 1.0, 9):
        row = np.array([_back_point(p, float(u) * 1.04 * _half(p), float(share)) for u in across])
        row[:, 1] += arch * (1 - across**2) * share
        rows.append(row)
    return sheet(np.stack(rows) + np.array([0, 0, 0.02]), 0.03 + 0.25 * p.cushion)


def _hoop(p: ChairParameters) -> list[Part]:
    half = _half(p)
    turn = np.linspace(np.pi, 0, 30)
    xs, shares = half * np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** 0.7, np.sin(turn) ** 0.8
    hoop = np.array([_back_point(p, float(x), float(s)) for x, s in zip(xs, shares, strict=True)])
    parts = [Part("hoop", tube(hoop, 0.4 * p.leg_width, up=(0, 0, 1)), "frame", MAIN)]
    for k, x in enumerate(np.linspace(-half, half, p.rungs + 2)[1:-1]):
        top = float((1 - abs(x / half) ** (2 / 0.7)) ** 0.4)
        path = np.array([_back_point(p, float(x), float(s)) for s in np.linspace(0, top, 10)])
        parts.append(Part(f"spindle {k + 1}", tube(path, 0.006, sides=8), "frame", SECONDARY))
    return parts


def arms(p: ChairParameters) -> list[Part]:
    """Arm rests and their props."""
    parts = []
    for number, side in enumerate((1.0, -1.0)):
        x = side * 1.04 * _half(p)
        back = np.array(_back_point(p, x, min(0.22 / p.back_height, 0.8)))
        front = np.array([x * 1.04, p.seat_height + (0.2 if p.arms == "straight" else 0.17), 0.3 * p.seat_depth])
        middle = (back + front) / 2 + (
            side * (0.055 if p.arms == "curved" else 0.01),
            0.06 if p.arms == "curved" else 0.0,
            0.0,
        )
        path = spline(np.stack([back, middle, front]), 16)
        arm = tube(path, 0.024, flatness=0.45, power=4)
        prop = beam(tuple(front - (0, 0.01, 0.03)), (x * 0.96, p.seat_height - 0.02, 0.25 * p.seat_depth), 0.024, 0.024)
        parts += [
            Part(f"arm {number + 1}", arm, "frame", MAIN),
            Part(f"arm prop {number + 1}", prop, "frame", SECONDARY),
        ]
    return parts
