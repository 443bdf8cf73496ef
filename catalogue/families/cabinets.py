"""Cabinets: desks with drawers, chests, bedside tables, cupboards and shelves, on feet, legs or a plinth."""

from dataclasses import dataclass

import numpy as np

from catalogue.curves import points, spline
from catalogue.family import Family, Views
from catalogue.geometry import DETAIL, MAIN, SECONDARY, Part, Solid
from catalogue.materials import Finish, metallic, painted, wooden
from catalogue.parameters import choice, flag, measure
from catalogue.primitives import beam, box, lathe, tube

BOARD = 0.022


@dataclass(frozen=True)
class CabinetParameters:
    """Sizes in metres."""

    kind: str = choice(("desk", "desk", "one-sided desk", "chest", "bedside", "cupboard", "shelves"), "kind of cabinet")
    width: float = measure(0.8, 1.5, "width of a desk; others are narrower")
    height: float = measure(0.66, 0.82, "height of a desk; others are lower or taller")
    depth: float = measure(0.36, 0.65, "depth of the whole")
    rows: int = choice((1, 2, 3, 4), "drawers or boards above each other")
    columns: int = choice((1, 1, 2, 3), "drawers or doors side by side")
    legs: str = choice(("tapered", "straight", "plinth", "feet"), "what it stands on")
    leg_height: float = measure(0.04, 0.3, "height of the legs")
    overhang: float = measure(0.0, 0.06, "how far the top stands out")
    handles: str = choice(("knob", "bar", "cup", "none"), "handles of drawers and doors")
    top_drawer: bool = flag("a flat drawer in the middle of a desk")
    gallery: bool = flag("a low board at the back of the top")


def _size(p: CabinetParameters) -> tuple[float, float]:
    """Width and height of the whole."""
    scale = {"bedside": (0.38, 0.75), "chest": (0.75, 1.1), "cupboard": (0.7, 1.8), "shelves": (0.65, 2.0)}
    across, tall = scale.get(p.kind, (1.0, 1.0))
    return p.width * across, p.height * tall


def _handle(p: CabinetParameters, name: str, at: tuple[float, float, float], *, upright: bool = False) -> list[Part]:
    if p.handles == "none":
        return []
    if p.handles == "knob":
        surface = lathe(spline(points((0.006, 0), (0.006, 0.01), (0.016, 0.02), (0.0, 0.028)), 12), sides=16).turned(
            "x", 90
        )
    else:
        half = 0.05 if p.handles == "bar" else 0.03
        bow = spline(points((-half, 0, 0), (-0.9 * half, 0, 0.024), (0.9 * half, 0, 0.024), (half, 0, 0)), 18)
        surface = tube(bow, 0.006, sides=8)
        if upright:
            surface = surface.turned("z", 90)
    return [Part(name, surface.moved(*at), "metal", DETAIL)]


def _block(p: CabinetParameters, label: str, x: float, low: float, high: float, wide: float) -> list[Part]:
    """A closed body with its drawers or doors, or shelves."""
    if p.kind == "shelves":
        return _shelves(p, x, low, high, wide)
    d = p.depth
    parts = [Part(f"{label} body", box((wide, high - low, d), bevel=0.004).moved(x, (low + high) / 2), "body", MAIN)]
    doors = p.kind == "cupboard"
    rows, columns = (
        (1, max(p.columns, 2)) if doors else (p.rows, 1 if "desk" in p.kind or p.kind == "bedside" else p.columns)
    )
    tall, across = (high - low) / rows, wide / columns
    for row in range(rows):
        for column in range(columns):
            cx, cy = x - wide / 2 + (column + 0.5) * across, low + (row + 0.5) * tall
            front = box((across - 0.02, tall - 0.02, 0.016), bevel=0.003).moved(cx, cy, d / 2 + 0.004)
            name = f"{label} front {row * columns + column + 1}"
            parts.append(Part(name, front, "front", SECONDARY))
            shift = (0.4 * across * (1 if column % 2 == 0 else -1)) if doors else 0.0
            parts += _handle(p, f"handle {name}", (cx + shift, cy, d / 2 + 0.012), upright=doors)
    return parts


def _shelves(p: CabinetParameters, x: float, low: float, high: float, wide: float) -> list[Part]:
    d, parts = 0.6 * p.depth, []
    for k, side in enumerate((-1, 1)):
        wall = box((BOARD, high - low, d)).moved(x + side * (wide - BOARD) / 2, (low + high) / 2)
        parts.append(Part(f"side {k + 1}", wall, "body", MAIN))
    for k, y in enumerate(np.linspace(low, high - BOARD, p.rows + 2)):
        parts.append(Part(f"board {k + 1}", box((wide, BOARD, d)).moved(x, float(y) + BOARD / 2), "body", MAIN))
    for k in range(1, p.columns):
        at = x - wide / 2 + k * wide / p.columns
        parts.append(Part(f"wall {k}", box((BOARD, high - low, d)).moved(at, (low + high) / 2), "body", SECONDARY))
    if p.gallery:
        parts.append(Part("back", box((wide, high - low, 0.01)).moved(x, (low + high) / 2, -d / 2), "front", SECONDARY))
    return parts


def _legs(p: CabinetParameters, x: float, wide: float, top: float) -> list[Part]:
    d = p.depth if p.kind != "shelves" else 0.6 * p.depth
    if p.legs == "plinth":
        return [Part("plinth", box((0.94 * wide, top, 0.9 * d)).moved(x, top / 2), "legs", SECONDARY)]
    parts = []
    for k, (a, b) in enumerate(((0.46, 0.42), (-0.46, 0.42), (-0.46, -0.42), (0.46, -0.42))):
        at, z = x + a * wide, b * d
        slim = 0.5 if p.legs == "tapered" else 1.0
        spread = 1.06 if p.legs == "tapered" else 1.0
        bar = beam((at, top + 0.003, z), (x + a * wide * spread, 0, z * spread), 0.045, 0.045, taper=slim)
        parts.append(Part(f"leg {x:.2f} {k + 1}", bar, "legs", MAIN))
    return parts


def _desk(p: CabinetParameters, wide: float, lift: float, top: float) -> list[Part]:
    """Pedestals, the long legs of a one-sided desk, and the flat drawer between."""
    pedestal, parts = 0.28 * wide, []
    for side in (-1, 1) if p.kind == "desk" else (1,):
        x = side * (wide - pedestal) / 2
        parts += _block(p, "left" if side < 0 else "right", x, lift, top, pedestal) + _legs(p, x, pedestal, lift)
    if p.kind != "desk":
        for k, z in enumerate((0.42 * p.depth, -0.42 * p.depth)):
            leg = beam((-0.47 * wide, top, z), (-0.47 * wide, 0, z), 0.045, 0.045)
            parts.append(Part(f"long leg {k + 1}", leg, "legs", MAIN))
    if p.top_drawer:
        at = 0.0 if p.kind == "desk" else -0.14 * wide
        drawer = box((0.4 * wide, 0.09, 0.9 * p.depth)).moved(at, top - 0.045)
        parts.append(Part("flat drawer", drawer, "front", SECONDARY))
        parts += _handle(p, "handle", (at, top - 0.045, 0.45 * p.depth))
    return parts


def _top(p: CabinetParameters, wide: float, tall: float) -> list[Part]:
    if p.kind == "shelves":
        return []
    plate = box((wide + p.overhang, BOARD, p.depth + p.overhang)).moved(y=tall - BOARD / 2)
    parts = [Part("top", plate, "top", MAIN)]
    if p.gallery:
        board = box((wide, 0.09, 0.018)).moved(y=tall + 0.045, z=-0.47 * p.depth)
        parts.append(Part("gallery", board, "top", SECONDARY))
    return parts


def build(p: CabinetParameters) -> Solid:
    """The cabinet of the given parameters."""
    wide, tall = _size(p)
    lift = min({"plinth": 0.05, "feet": 0.06}.get(p.legs, p.leg_height), 0.4 * tall)
    top = tall - BOARD
    if "desk" in p.kind:
        parts = _desk(p, wide, lift, top)
    else:
        parts = _block(p, "main", 0.0, lift, top, wide) + _legs(p, 0.0, wide, lift)
    return Solid((*parts, *_top(p, wide, tall)))


def finish(p: CabinetParameters, rng: np.random.Generator) -> Finish:  # noqa: ARG001 - one signature for all families
    """Wood or lacquer, fronts and top alike or contrasting."""
    body = wooden(rng) if rng.random() < 0.65 else painted(rng)
    front = body if rng.random() < 0.6 else painted(rng) if rng.random() < 0.6 else wooden(rng)
    top = body if rng.random() < 0.7 else wooden(rng)
    legs = body if rng.random() < 0.6 else metallic(rng)
    return Finish({"body": body, "front": front, "top": top, "legs": legs, "metal": metallic(rng)})


def sibling_fields(p: CabinetParameters) -> tuple[str, ...]:
    """What siblings may differ in."""
    names = ["kind", "width", "height"] + ["leg_height"] * (p.legs in ("tapered", "straight"))
    if p.kind != "cupboard":
        names.append("rows")
    return tuple(names)


def attributes(p: CabinetParameters) -> dict[str, str]:
    """Readable attributes."""
    return {"style": p.kind, "size": "large" if _size(p)[0] > 0.95 else "small", "legs": p.legs, "drawers": str(p.rows)}


FAMILY = Family(
    "tables",
    "cabinet",
    CabinetParameters,
    build,
    finish,
    sibling_fields,
    attributes,
    Views((-45.0, 45.0), (4.0, 28.0), (1.0, 12.0)),
)
