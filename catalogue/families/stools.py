"""Stools: round, square and saddle seats on three or four legs, a frame or a column, low ones and bar stools."""

from dataclasses import dataclass

import numpy as np

from catalogue.curves import circle, line, points, rectangle, spline, superellipse
from catalogue.family import Family, Views
from catalogue.geometry import MAIN, SECONDARY, Array, Part, Solid
from catalogue.materials import Finish, fabric, leather, metallic, painted, wooden
from catalogue.parameters import choice, measure
from catalogue.primitives import beam, lathe, slab, tube


@dataclass(frozen=True)
class StoolParameters:
    """Sizes in metres."""

    height: float = measure(0.32, 0.82, "top of the seat above the floor")
    seat: str = choice(("round", "square", "oval", "rounded"), "outline of the seat")
    seat_width: float = measure(0.28, 0.44, "width of the seat")
    thickness: float = measure(0.02, 0.11, "thickness of the seat; thick ones are upholstered")
    legs: str = choice(("three", "four", "four", "column", "crossed", "frame"), "what it stands on")
    leg_width: float = measure(0.018, 0.045, "thickness of a leg")
    splay: float = measure(0.95, 1.5, "how far the feet stand out against the seat")
    rest: str = choice(("none", "ring", "bars"), "foot rest")
    rest_height: float = measure(0.2, 0.45, "height of the foot rest against that of the seat")
    back: str = choice(("none", "none", "none", "rail"), "a low back")


def _outline(p: StoolParameters) -> Array:
    half = p.seat_width / 2
    if p.seat in ("round", "oval"):
        return superellipse(half * (1.25 if p.seat == "oval" else 1.0), half, 2.0)
    return rectangle(p.seat_width, p.seat_width, 0.1 if p.seat == "rounded" else 0.01)


def _feet(p: StoolParameters) -> list[tuple[float, float]]:
    count = 3 if p.legs == "three" else 4
    turns = np.radians(np.arange(count) * 360 / count + (90 if count == 3 else 45))
    r = 0.36 * p.seat_width
    return [(float(r * np.cos(t)), float(r * np.sin(t))) for t in turns]


def _legs(p: StoolParameters) -> list[Part]:
    top = p.height - p.thickness + 0.005
    if p.legs == "column":
        r = 0.55 * p.seat_width
        foot = points((0, 0), (r, 0), (r, 0.012), (0.25 * r, 0.035), (0.028, 0.06), (0.028, top), (0, top))
        return [Part("column", lathe(foot, sides=32), "legs", MAIN)]
    parts = []
    for k, (x, z) in enumerate(_feet(p)):
        head, foot = np.array([x, top, z]), np.array([x * p.splay, 0.0, z * p.splay])
        if p.legs == "crossed":
            foot = np.array([-x * p.splay, 0.0, z * p.splay])
        leg = beam(tuple(head), tuple(foot), p.leg_width, p.leg_width, taper=0.7 if p.legs != "frame" else 1.0)
        parts.append(Part(f"leg {k + 1}", leg, "legs", MAIN))
    if p.legs == "frame":
        feet = [np.array([x * p.splay, 0.012, z * p.splay]) for x, z in _feet(p)]
        for k in range(4):
            bar = beam(tuple(feet[k]), tuple(feet[(k + 1) % 4]), p.leg_width, p.leg_width, facing=(0, 1, 0))
            parts.append(Part(f"runner {k + 1}", bar, "legs", SECONDARY))
    return parts


def _rest(p: StoolParameters) -> list[Part]:
    if p.rest == "none" or p.legs == "crossed":
        return []
    share = p.rest_height
    spread = p.splay + (1 - p.splay) * share
    y = share * p.height
    if p.rest == "ring" or p.legs == "column":
        r = (0.36 * spread if p.legs != "column" else 0.4) * p.seat_width
        return [Part("ring", tube(circle(r, 40, y=y), 0.009, closed=True, sides=10), "metal", SECONDARY)]
    at = [(x * spread, y, z * spread) for x, z in _feet(p)]
    pairs = zip(at, at[1:] + at[:1], strict=True)
    return [
        Part(f"bar {k + 1}", tube(line(a, b, 6), 0.3 * p.leg_width, sides=10), "legs", SECONDARY)
        for k, (a, b) in enumerate(pairs)
    ]


def _back(p: StoolParameters) -> list[Part]:
    if p.back == "none":
        return []
    half, z, top = 0.45 * p.seat_width, -0.42 * p.seat_width, p.height + 0.2
    rail = spline(points((-half, top, 0.4 * z), (-0.6 * half, top, z), (0.6 * half, top, z), (half, top, 0.4 * z)), 24)
    posts = [
        Part(f"post {k + 1}", tube(line((x, p.height - 0.01, 0.9 * z), (x, top, z), 6), 0.01, sides=10), "legs", MAIN)
        for k, x in enumerate((-0.5 * half, 0.5 * half))
    ]
    return [Part("rail", tube(rail, 0.028, flatness=0.4, up=(0, 0, 1)), "seat", MAIN), *posts]


def build(p: StoolParameters) -> Solid:
    """The stool of the given parameters."""
    soft = p.thickness > 0.05
    top = slab(_outline(p), p.thickness, bevel=0.4 * p.thickness if soft else 0.005, dome=0.02 if soft else 0.0)
    seat = Part("seat", top.moved(y=p.height), "seat", MAIN)
    return Solid((seat, *_legs(p), *_rest(p), *_back(p)))


def finish(p: StoolParameters, rng: np.random.Generator) -> Finish:
    """Wooden, painted or upholstered seat; wooden, painted or metal legs."""
    seat = (fabric(rng) if rng.random() < 0.5 else leather(rng)) if p.thickness > 0.05 else wooden(rng)
    legs = (wooden(rng), metallic(rng), painted(rng))[int(rng.integers(3))]
    return Finish({"body": seat, "seat": seat, "legs": legs, "metal": metallic(rng)})


def sibling_fields(p: StoolParameters) -> tuple[str, ...]:
    """What siblings may differ in."""
    names = ["height", "legs", "seat", "thickness"]
    if p.legs != "column":
        names.append("splay")
    return tuple(names)


def attributes(p: StoolParameters) -> dict[str, str]:
    """Readable attributes."""
    return {
        "style": "bar stool" if p.height > 0.58 else "stool",
        "size": "high" if p.height > 0.58 else "low",
        "back": p.back,
        "legs": p.legs,
    }


FAMILY = Family(
    "chairs",
    "stool",
    StoolParameters,
    build,
    finish,
    sibling_fields,
    attributes,
    Views((-45.0, 45.0), (4.0, 30.0), (1.0, 12.0)),
)
