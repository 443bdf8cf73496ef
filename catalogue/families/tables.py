"""Tables: round, oval and rectangular tops on legs, trestles, a pedestal or hairpins, with drawers and shelves."""

from dataclasses import dataclass

import numpy as np

from catalogue.curves import line, points, rectangle, spline, superellipse
from catalogue.family import Family, Views
from catalogue.geometry import DETAIL, MAIN, SECONDARY, Array, Part, Solid
from catalogue.materials import Finish, metallic, painted, wooden
from catalogue.parameters import choice, flag, measure
from catalogue.primitives import beam, box, lathe, slab, tube


@dataclass(frozen=True)
class TableParameters:
    """Sizes in metres."""

    height: float = measure(0.38, 0.9, "height of the top")
    width: float = measure(0.55, 1.3, "length of the top")
    depth: float = measure(0.45, 0.75, "depth of the top")
    top: str = choice(("rectangle", "rectangle", "rounded", "oval", "round"), "outline of the top")
    thickness: float = measure(0.018, 0.06, "thickness of the top")
    legs: str = choice(
        ("straight", "tapered", "splayed", "turned", "pedestal", "trestle", "hairpin"), "what it stands on"
    )
    leg_width: float = measure(0.035, 0.075, "thickness of a leg")
    inset: float = measure(0.72, 0.94, "distance of the legs against the size of the top")
    apron: float = measure(0.05, 0.12, "height of the frame below the top")
    drawers: int = choice((0, 0, 1, 2, 3), "drawers in the frame")
    knobs: str = choice(("round", "bar"), "handles of the drawers")
    shelf: bool = flag("a shelf between the legs")
    stretcher: bool = flag("bars between the legs")


def _size(p: TableParameters) -> tuple[float, float]:
    return (p.depth * 1.2, p.depth * 1.2) if p.top == "round" else (p.width, p.depth)


def _outline(p: TableParameters) -> Array:
    w, d = _size(p)
    if p.top in ("round", "oval"):
        return superellipse(w / 2, d / 2, 2.0 if p.top == "round" else 2.5, 56)
    return rectangle(w, d, 0.1 if p.top == "rounded" else 0.008)


def _corners(p: TableParameters) -> list[tuple[float, float]]:
    w, d = _size(p)
    inset = p.inset * (0.68 if p.top in ("round", "oval") else 1.0)
    x, z = w / 2 * inset, d / 2 * inset
    return [(x, z), (-x, z), (-x, -z), (x, -z)]


def _framed(p: TableParameters) -> bool:
    return p.legs in ("straight", "tapered", "turned")


def _legs(p: TableParameters) -> list[Part]:
    top, w = p.height - p.thickness, p.leg_width
    if p.legs == "pedestal":
        return _pedestal(p, top)
    if p.legs == "trestle":
        return _trestle(p, top)
    parts = []
    for number, (x, z) in enumerate(_corners(p)):
        head, foot = (
            (x, top, z),
            (x * (1.14 if p.legs == "splayed" else 1.0), 0.0, z * (1.14 if p.legs == "splayed" else 1.0)),
        )
        if p.legs == "turned":
            share = np.array([0.0, 0.16, 0.18, 0.22, 0.5, 0.72, 0.76, 0.8, 1.0])
            radius = np.interp(
                np.linspace(0, 1, 40), share, np.array([0.6, 0.6, 0.36, 0.62, 0.7, 0.44, 0.6, 0.36, 0.3]) * w
            )
            leg = tube(line(head, foot, 40), radius, sides=18)
        elif p.legs == "hairpin":
            side = np.array([0.06 * np.sign(x), 0, -0.05 * np.sign(z)])
            a, b = np.array(head), np.array(foot)
            low, middle = np.array([0, 0.015, 0]), np.array([0, 0.008, 0])
            controls = np.stack([a - side, b - 0.2 * side + low, b + middle, b + 0.2 * side + low, a + side])
            leg = tube(spline(controls, 40), 0.008, sides=8)
        else:
            leg = beam(head, foot, w, w, taper=1.0 if p.legs == "straight" else 0.5)
        parts.append(Part(f"leg {number + 1}", leg, "legs", MAIN))
    return parts


def _pedestal(p: TableParameters, top: float) -> list[Part]:
    r = 0.3 * min(_size(p))
    w = p.leg_width
    profile = np.concatenate(
        [
            points((0, 0), (r, 0), (r, 0.015)),
            spline(
                points((r * 0.9, 0.025), (w * 0.9, 0.1), (w * 0.6, 0.4 * top), (w * 0.75, 0.8 * top), (r * 0.55, top)),
                28,
            ),
        ]
    )
    return [Part("pedestal", lathe(profile), "legs", MAIN)]


def _trestle(p: TableParameters, top: float) -> list[Part]:
    x, z = _corners(p)[0]
    parts = []
    for number, side in enumerate((x * 0.9, -x * 0.9)):
        for which, (a, b) in enumerate(((z, -z), (-z, z))):
            bar = beam((side, top, a * 0.8), (side, 0, b), p.leg_width, 0.6 * p.leg_width, facing=(1, 0, 0))
            parts.append(Part(f"trestle {2 * number + which + 1}", bar, "legs", MAIN))
    parts.append(
        Part("bar", beam((-x * 0.9, top / 2, 0), (x * 0.9, top / 2, 0), 0.6 * p.leg_width, 0.03), "legs", SECONDARY)
    )
    return parts


def _frame(p: TableParameters) -> list[Part]:
    (x, z), top = _corners(p)[0], p.height - p.thickness
    middle = top - p.apron / 2
    frame = box((2 * x, p.apron, 2 * z - 0.01)).moved(y=middle)
    parts = [Part("apron", frame, "legs", SECONDARY)]
    span = 2 * x - p.leg_width
    for number in range(p.drawers):
        wide = span / p.drawers
        at = -span / 2 + wide * (number + 0.5)
        front = box((wide * 0.9, p.apron * 0.8, 0.016), bevel=0.002).moved(at, middle, z)
        parts.append(Part(f"drawer {number + 1}", front, "body", SECONDARY))
        if p.knobs == "round":
            knob = lathe(spline(points((0.006, 0), (0.006, 0.01), (0.015, 0.018), (0.0, 0.027)), 12), sides=18).turned(
                "x", 90
            )
        else:
            knob = tube(
                spline(points((-0.05, 0, 0), (-0.045, 0, 0.02), (0.045, 0, 0.02), (0.05, 0, 0)), 18), 0.005, sides=8
            )
        parts.append(Part(f"knob {number + 1}", knob.moved(at, middle, z + 0.008), "metal", DETAIL))
    return parts


def _between(p: TableParameters) -> list[Part]:
    at = _corners(p)
    parts: list[Part] = []
    spread = 1.09 if p.legs == "splayed" else 1.0
    if p.shelf and p.legs in ("straight", "tapered", "splayed", "turned"):
        (x, z), y = at[0], 0.3 * p.height
        parts.append(
            Part("shelf", slab(rectangle(2 * x * spread, 2 * z * spread, 0.01), 0.018).moved(y=y), "body", SECONDARY)
        )
    elif p.stretcher and p.legs in ("straight", "tapered", "splayed", "turned"):
        y = 0.22 * p.height
        for k in range(4):
            (a, b), (c, d) = at[k], at[(k + 1) % 4]
            bar = tube(line((a * spread, y, b * spread), (c * spread, y, d * spread), 6), 0.3 * p.leg_width, sides=10)
            parts.append(Part(f"stretcher {k + 1}", bar, "legs", SECONDARY))
    return parts


def build(p: TableParameters) -> Solid:
    """The table of the given parameters."""
    parts = [Part("top", slab(_outline(p), p.thickness, bevel=0.005).moved(y=p.height), "body", MAIN), *_legs(p)]
    if _framed(p):
        parts += _frame(p)
    return Solid(tuple(parts + _between(p)))


def finish(p: TableParameters, rng: np.random.Generator) -> Finish:
    """Wooden or painted top; legs alike, painted or of metal."""
    body = wooden(rng) if rng.random() < 0.75 else painted(rng)
    if p.legs == "hairpin":
        legs = painted(rng, ("black", "white")) if rng.random() < 0.5 else metallic(rng)
    else:
        legs = body if rng.random() < 0.55 else painted(rng)
    return Finish({"body": body, "legs": legs, "metal": metallic(rng, ("brass", "gunmetal", "steel"))})


def sibling_fields(p: TableParameters) -> tuple[str, ...]:
    """What siblings may differ in."""
    names = ["height", "top", "legs"]
    if p.top not in ("round",):
        names.append("width")
    if _framed(p):
        names += ["drawers", "drawers"]
    if p.legs in ("straight", "tapered", "splayed", "turned"):
        names += ["shelf"] if p.shelf else ["shelf", "stretcher"]
    return tuple(dict.fromkeys(names))


def attributes(p: TableParameters) -> dict[str, str]:
    """Readable attributes."""
    style = "coffee table" if p.height < 0.52 else "desk" if p.drawers and _framed(p) else "dining table"
    shown = p.drawers if _framed(p) else 0
    return {
        "style": style,
        "size": "large" if p.width > 0.95 else "small",
        "legs": p.legs,
        "drawers": {0: "none", 1: "one", 2: "two", 3: "three"}[shown],
    }


FAMILY = Family(
    "tables",
    "table",
    TableParameters,
    build,
    finish,
    sibling_fields,
    attributes,
    Views((-42.0, 42.0), (9.0, 28.0), (2.0, 12.0)),
)
