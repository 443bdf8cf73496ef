"""Armchairs and sofas: upholstered seats, backs and arms on feet, with loose cushions, buttons and pillows."""

from dataclasses import dataclass

import numpy as np

from catalogue.curves import points, spline
from catalogue.family import Family, Views
from catalogue.geometry import DETAIL, MAIN, SECONDARY, Part, Solid, Surface
from catalogue.materials import Finish, fabric, leather, metallic, painted, wooden
from catalogue.parameters import choice, flag, measure
from catalogue.primitives import beam, box, lathe, tube


@dataclass(frozen=True)
class SofaParameters:
    """Sizes in metres."""

    seats: int = choice((1, 1, 1, 2, 3), "places to sit")
    seat_width: float = measure(0.5, 0.72, "width of one place")
    depth: float = measure(0.55, 0.85, "depth of the seat")
    seat_height: float = measure(0.3, 0.46, "top of the seat above the floor")
    back_height: float = measure(0.3, 0.75, "height of the back above the seat")
    back_lean: float = measure(2.0, 18.0, "lean of the back in degrees")
    back: str = choice(("straight", "cushions", "arched", "winged"), "shape of the back")
    arms: str = choice(("box", "rolled", "frame", "none", "sloped"), "arm rests")
    arm_width: float = measure(0.07, 0.22, "width of an arm rest")
    arm_height: float = measure(0.1, 0.28, "height of the arm rests above the seat")
    legs: str = choice(("blocks", "tapered", "turned", "none"), "what it stands on")
    leg_height: float = measure(0.05, 0.2, "height of the legs")
    cushion: float = measure(0.06, 0.16, "thickness of the loose seat cushions")
    buttons: bool = flag("buttons on the back")
    pillows: int = choice((0, 0, 1, 2), "loose pillows")


def _soft(size: tuple[float, float, float]) -> Surface:
    return box(size, bevel=0.3 * min(size))


def _width(p: SofaParameters) -> float:
    return p.seats * p.seat_width


def _lift(p: SofaParameters) -> float:
    return 0.0 if p.legs == "none" else min(p.leg_height, 0.6 * p.seat_height)


def _seat(p: SofaParameters) -> list[Part]:
    low, top = _lift(p), p.seat_height - p.cushion
    base = box((_width(p), max(top - low, 0.04), p.depth), bevel=0.015).moved(y=(low + top) / 2)
    parts = [Part("base", base, "body", MAIN)]
    for k in range(p.seats):
        x = (k - (p.seats - 1) / 2) * p.seat_width
        cushion = _soft((0.98 * p.seat_width, p.cushion, p.depth)).moved(x, p.seat_height - p.cushion / 2, 0.02)
        parts.append(Part(f"cushion {k + 1}", cushion, "cushion", MAIN))
    return parts


def _lean(p: SofaParameters, surface: Surface) -> Surface:
    """The surface, built standing on y = 0, put at the back of the seat and leant backwards."""
    return surface.turned("x", -p.back_lean).moved(y=p.seat_height - 0.02, z=-p.depth / 2 + 0.02)


def _back(p: SofaParameters) -> list[Part]:
    w, h, thick = _width(p), p.back_height, 0.16
    parts = []
    if p.back == "arched":
        angle = np.linspace(0, np.pi, 25)
        rim = np.stack([w / 2 * np.cos(angle), 0.55 * h + 0.45 * h * np.sin(angle), np.zeros(25)], axis=1)
        plate = _soft((w, 0.6 * h, thick)).moved(y=0.3 * h)
        parts.append(Part("back", _lean(p, plate), "body", MAIN))
        parts.append(Part("top of the back", _lean(p, tube(rim, 0.5 * thick, up=(0, 0, 1))), "body", MAIN))
        fill = lathe(points((0.0, -0.06), (0.46 * w, -0.06), (0.46 * w, 0.06), (0.0, 0.06)), squash=0.9 * h / w)
        parts.append(Part("middle", _lean(p, fill.turned("x", 90).moved(y=0.55 * h)), "body", SECONDARY))
    elif p.back == "cushions":
        plate = box((w, 0.8 * h, 0.1), bevel=0.02).moved(y=0.4 * h, z=-0.06)
        parts.append(Part("back", _lean(p, plate), "body", MAIN))
        for k in range(p.seats):
            x = (k - (p.seats - 1) / 2) * p.seat_width
            loose = _soft((0.96 * p.seat_width, 0.92 * h, thick)).moved(x, 0.5 * h, 0.06)
            parts.append(Part(f"back cushion {k + 1}", _lean(p, loose), "cushion", MAIN))
    else:
        plate = _soft((w, h, thick)).moved(y=h / 2)
        parts.append(Part("back", _lean(p, plate), "body", MAIN))
    if p.back == "winged":
        for number, side in enumerate((-1, 1)):
            wing = _soft((0.08, 0.62 * h, 0.32)).moved(side * (w / 2 + 0.02), 0.66 * h, 0.14)
            parts.append(Part(f"wing {number + 1}", _lean(p, wing), "body", MAIN))
    if p.buttons:
        parts += _buttons(p, thick)
    return parts


def _buttons(p: SofaParameters, thick: float) -> list[Part]:
    knob = lathe(points((0.0, -0.01), (0.022, 0.0), (0.0, 0.014)), sides=14).turned("x", 90)
    front = thick / 2 + (0.07 if p.back == "cushions" else 0.0)
    parts = []
    for row, y in enumerate((0.4, 0.72)):
        for column, share in enumerate(np.linspace(-0.36, 0.36, 3 * p.seats)):
            at = knob.moved(float(share) * _width(p), y * p.back_height, front)
            parts.append(Part(f"button {row * 9 + column + 1}", _lean(p, at), "cushion", DETAIL))
    return parts


def _arms(p: SofaParameters) -> list[Part]:
    if p.arms == "none":
        return []
    parts = []
    low, top, w = _lift(p), p.seat_height + p.arm_height, p.arm_width
    for number, side in enumerate((-1, 1)):
        x = side * (_width(p) / 2 + w / 2)
        if p.arms == "frame":
            rail = points(
                (x, low, p.depth / 2), (x, top, p.depth / 2 - 0.02), (x, top, 0), (x, top - 0.04, -p.depth / 2)
            )
            bar = tube(spline(rail, 30), 0.022, up=(1, 0, 0))
            parts.append(Part(f"arm {number + 1}", bar, "legs", MAIN))
            continue
        block = box((w, top - low, p.depth + 0.04), bevel=min(0.03, 0.3 * w)).moved(x, (low + top) / 2)
        if p.arms == "sloped":
            block = block.turned("x", 0.0).mapped(np.array([[1.0, 0, 0], [0, 1, -0.12], [0, 0, 1]]), (0, 0.02, 0))
        parts.append(Part(f"arm {number + 1}", block, "body", MAIN))
        if p.arms == "rolled":
            r, half = 0.62 * w, p.depth / 2 + 0.03
            roll = lathe(points((0.0, -half), (r, -half), (r, half), (0.0, half)), sides=28).turned("x", 90)
            parts.append(Part(f"roll {number + 1}", roll.moved(x + side * 0.2 * w, top, 0), "body", MAIN))
    return parts


def _legs(p: SofaParameters) -> list[Part]:
    if p.legs == "none":
        return []
    x, z, top = (
        _width(p) / 2 + (0.3 * p.arm_width if p.arms in ("box", "rolled", "sloped") else -0.05),
        0.42 * p.depth,
        _lift(p) + 0.01,
    )
    parts = []
    for number, (a, b) in enumerate(((x, z), (-x, z), (-x, -z), (x, -z))):
        if p.legs == "turned":
            ball = spline(points((0.012, 0), (0.035, 0.4 * top), (0.02, 0.7 * top), (0.032, top)), 14)
            leg = lathe(ball, sides=18).moved(a, 0, b)
        elif p.legs == "tapered":
            leg = beam((a, top, b), (1.04 * a, 0, 1.08 * b), 0.05, 0.05, taper=0.5)
        else:
            leg = box((0.07, top, 0.07)).moved(a, top / 2, b)
        parts.append(Part(f"leg {number + 1}", leg, "legs", SECONDARY))
    return parts


def _pillows(p: SofaParameters) -> list[Part]:
    parts = []
    for k, side in enumerate((-1, 1)[: p.pillows]):
        pillow = _soft((0.36, 0.34, 0.12)).turned("z", 14.0 * side).turned("x", -p.back_lean - 14)
        at = pillow.moved(side * 0.3 * _width(p), p.seat_height + 0.17, -0.12 * p.depth)
        parts.append(Part(f"pillow {k + 1}", at, "pillow", SECONDARY))
    return parts


def build(p: SofaParameters) -> Solid:
    """The sofa of the given parameters."""
    return Solid(tuple(_seat(p) + _back(p) + _arms(p) + _legs(p) + _pillows(p)))


def finish(p: SofaParameters, rng: np.random.Generator) -> Finish:  # noqa: ARG001 - one signature for all families
    """Cloth or leather, wooden or metal legs."""
    body = fabric(rng) if rng.random() < 0.6 else leather(rng)
    cushion = body if rng.random() < 0.7 else fabric(rng)
    legs = (wooden(rng), metallic(rng), painted(rng, ("black", "white")))[int(rng.integers(3))]
    return Finish({"body": body, "cushion": cushion, "pillow": fabric(rng), "legs": legs})


def sibling_fields(p: SofaParameters) -> tuple[str, ...]:
    """What siblings may differ in."""
    names = ["seats", "back", "back_height", "seat_height", "arms"]
    if p.arms in ("box", "rolled", "sloped"):
        names += ["arm_width", "arm_height"]
    return tuple(names)


def attributes(p: SofaParameters) -> dict[str, str]:
    """Readable attributes."""
    return {"style": "armchair" if p.seats == 1 else "sofa", "size": f"{p.seats} seats", "back": p.back, "arms": p.arms}


FAMILY = Family(
    "chairs",
    "sofa",
    SofaParameters,
    build,
    finish,
    sibling_fields,
    attributes,
    Views((-50.0, 50.0), (6.0, 28.0), (1.0, 10.0)),
)
