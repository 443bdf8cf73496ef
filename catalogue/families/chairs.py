"""Chairs and stools: a seat on legs or a swivel base, with a back of slats, rungs, spindles, a panel or a hoop."""

from dataclasses import replace

import numpy as np

from catalogue.curves import line, points, rectangle, rounded_polygon, spline, superellipse
from catalogue.families.chair_backs import arms, back
from catalogue.families.chair_parameters import ChairParameters
from catalogue.family import Family, Views
from catalogue.geometry import DETAIL, MAIN, SECONDARY, Array, Part, Solid, Surface, merge
from catalogue.materials import Finish, fabric, leather, metallic, painted, wooden
from catalogue.primitives import beam, box, lathe, slab, tube


def _outline(p: ChairParameters) -> Array:
    w, d = p.seat_width, p.seat_depth
    if p.seat_shape == "round":
        return superellipse(w / 2, d / 2, 2.2)
    if p.seat_shape == "rounded":
        return rectangle(w, d, 0.12)
    if p.seat_shape == "trapezoid":
        from_front = points((w / 2, d / 2), (-w / 2, d / 2), (-w * 0.36, -d / 2), (w * 0.36, -d / 2))
        return rounded_polygon(from_front, 0.03)
    return rectangle(w, d, 0.02)


def _corners(p: ChairParameters) -> list[tuple[float, float]]:
    inset = 0.36 if p.seat_shape in ("round", "rounded") else 0.45
    x, z = inset * p.seat_width, inset * p.seat_depth
    narrow = 0.75 if p.seat_shape == "trapezoid" else 1.0
    return [(x, z), (-x, z), (-x * narrow, -z), (x * narrow, -z)]


def _legs(p: ChairParameters) -> list[Part]:
    top = p.seat_height - p.cushion + 0.004
    parts = []
    for number, (x, z) in enumerate(_corners(p)):
        spread = {"splayed": 1.28, "hairpin": 1.15, "turned": 1.1}.get(p.legs, 1.0)
        foot, head = (x * spread, 0.0, z * spread), (x * 0.95, top, z * 0.95)
        if p.legs == "turned":
            leg = _turned(head, foot, p.leg_width)
        elif p.legs == "hairpin":
            leg = _hairpin(head, foot)
        elif p.legs == "straight":
            leg = beam(head, foot, p.leg_width, p.leg_width)
        else:
            leg = beam(head, foot, p.leg_width * 1.15, p.leg_width * 1.15, taper=0.5)
        parts.append(Part(f"leg {number + 1}", leg, "legs", MAIN))
    return parts


def _turned(head: tuple[float, ...], foot: tuple[float, ...], width: float) -> Surface:
    share = np.array([0.0, 0.12, 0.16, 0.2, 0.5, 0.78, 0.82, 0.86, 1.0])
    radius = np.array([0.5, 0.55, 0.34, 0.6, 0.68, 0.5, 0.66, 0.38, 0.3]) * width
    path = line(head, foot, 36)
    return tube(path, np.interp(np.linspace(0, 1, 36), share, radius), sides=16)


def _hairpin(head: tuple[float, ...], foot: tuple[float, ...]) -> Surface:
    a, b = np.array(head), np.array(foot)
    side = np.array([0.05 * np.sign(b[0]), 0.0, -0.05 * np.sign(b[2])])
    low, middle = np.array([0, 0.012, 0]), np.array([0, 0.007, 0])
    path = spline(np.stack([a - side, b - side * 0.25 + low, b + middle, b + side * 0.25 + low, a + side]), 40)
    return tube(path, 0.007, sides=8)


def _sled(p: ChairParameters) -> list[Part]:
    inset = 0.36 if p.seat_shape in ("round", "rounded", "trapezoid") else 0.45
    top, x, z = p.seat_height - p.cushion, inset * p.seat_width, inset * p.seat_depth
    parts = []
    for number, side in enumerate((x, -x)):
        corners = points(
            (side, top, z),
            (side, 0.06, z * 1.06),
            (side, 0.012, z * 0.9),
            (side, 0.012, 0),
            (side, 0.012, -z * 0.9),
            (side, 0.06, -z * 1.06),
            (side, top, -z),
        )
        parts.append(Part(f"runner {number + 1}", tube(spline(corners, 44), 0.012, up=(1, 0, 0)), "legs", MAIN))
    return parts


def _swivel(p: ChairParameters) -> list[Part]:
    top = p.seat_height - p.cushion
    column = lathe(points((0.0, 0.06), (0.035, 0.06), (0.035, 0.2), (0.02, 0.2), (0.02, top), (0.0, top)), sides=24)
    parts = [Part("column", column, "legs", MAIN)]
    for number, turn in enumerate(np.radians(np.arange(5) * 72 + 18)):
        x, z = 0.3 * np.cos(turn), 0.3 * np.sin(turn)
        arm = beam((0, 0.1, 0), (x, 0.065, z), 0.05, 0.03, taper=0.6, facing=(0, 1, 0))
        parts.append(Part(f"foot {number + 1}", arm, "legs", MAIN))
        wheel = lathe(points((0.0, -0.012), (0.026, -0.012), (0.026, 0.012), (0.0, 0.012)), sides=20)
        placed = wheel.turned("z", 90).turned("y", -float(np.degrees(turn)) + 90).moved(x, 0.027, z)
        parts.append(Part(f"caster {number + 1}", placed, "casters", SECONDARY))
    return parts


def _stretchers(p: ChairParameters) -> list[Part]:
    height = 0.36 * p.seat_height
    spread = {"splayed": 1.18, "turned": 1.05}.get(p.legs, 0.98)
    at = [(x * spread, height, z * spread) for x, z in _corners(p)]
    if p.stretchers == "box":
        pairs = [(at[0], at[1]), (at[1], at[2]), (at[2], at[3]), (at[3], at[0])]
    else:
        left, right = np.mean([at[1], at[2]], axis=0), np.mean([at[0], at[3]], axis=0)
        pairs = [(at[1], at[2]), (at[3], at[0]), (tuple(left), tuple(right))]
    return [
        Part(f"stretcher {k + 1}", tube(line(a, b, 6), 0.45 * min(p.leg_width, 0.036), sides=10), "legs", SECONDARY)
        for k, (a, b) in enumerate(pairs)
    ]


def build(p: ChairParameters) -> Solid:
    """The chair of the given parameters."""
    thick = p.cushion > 0.05
    seat = slab(_outline(p), p.cushion, bevel=0.4 * p.cushion if thick else 0.006, dome=0.015 if thick else 0.0)
    parts = [Part("seat", seat.moved(y=p.seat_height), "seat", MAIN)]
    standing = {"sled": _sled, "swivel": _swivel}.get(p.legs, _legs)
    parts += standing(p)
    if p.stretchers != "none" and p.legs in ("straight", "tapered", "splayed", "turned"):
        parts += _stretchers(p)
    if p.legs in ("straight", "tapered"):
        apron = box((0.82 * p.seat_width, 0.05, 0.8 * p.seat_depth)).moved(y=p.seat_height - p.cushion - 0.022)
        if p.seat_shape in ("square", "trapezoid"):
            narrow = replace(
                apron, vertices=apron.vertices * (0.9, 1, 0.95), lines=tuple(e * (0.9, 1, 0.95) for e in apron.lines)
            )
            parts.append(Part("apron", merge([narrow]), "legs", DETAIL))
    if p.back != "none":
        parts += back(p)
        if p.arms != "none":
            parts += arms(p)
    return Solid(tuple(parts))


def finish(p: ChairParameters, rng: np.random.Generator) -> Finish:
    """Wooden, painted or metal frame; upholstered seat when thick."""
    if p.legs in ("hairpin", "sled", "swivel"):
        legs = metallic(rng) if rng.random() < 0.6 else painted(rng, ("black", "white", "grey"))
        frame = legs if p.legs == "sled" or rng.random() < 0.3 else wooden(rng)
    else:
        frame = legs = wooden(rng) if rng.random() < 0.7 else painted(rng)
    thick = p.cushion > 0.05
    seat = (
        (fabric(rng) if rng.random() < 0.6 else leather(rng))
        if thick
        else (frame if rng.random() < 0.6 else wooden(rng))
    )
    body = seat if thick else frame
    casters = painted(rng, ("black", "grey"), gloss=0.2)
    return Finish({"body": body, "seat": seat, "legs": legs, "frame": frame, "casters": casters})


def sibling_fields(p: ChairParameters) -> tuple[str, ...]:
    """What siblings may differ in."""
    names = ["seat_height", "seat_shape", "legs", "back"]
    if p.back != "none":
        names += ["back_height", "arms"]
    if p.back in ("slats", "ladder", "spindles", "hoop"):
        names += ["rungs", "rungs"]
    if p.legs in ("straight", "tapered", "splayed", "turned"):
        names += ["stretchers"]
    return tuple(dict.fromkeys(names))


def attributes(p: ChairParameters) -> dict[str, str]:
    """Readable attributes."""
    style = (
        "stool"
        if p.back == "none"
        else "office chair"
        if p.legs == "swivel"
        else "armchair"
        if p.arms != "none"
        else "chair"
    )
    return {"style": style, "size": "high" if p.seat_height > 0.55 else "low", "back": p.back, "legs": p.legs}


FAMILY = Family(
    "chairs",
    "chair",
    ChairParameters,
    build,
    finish,
    sibling_fields,
    attributes,
    Views((-50.0, 50.0), (8.0, 28.0), (2.0, 12.0)),
)
