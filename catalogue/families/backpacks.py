"""Backpacks: soft bodies with flaps, roll tops or zips, front and side pockets, shoulder straps and a top loop."""

from dataclasses import dataclass

import numpy as np

from catalogue.curves import points, spline, superellipse
from catalogue.family import Family, Views
from catalogue.geometry import DETAIL, MAIN, SECONDARY, Part, Solid, Surface
from catalogue.materials import Finish, fabric, leather, metallic, shaded
from catalogue.parameters import choice, flag, measure
from catalogue.primitives import box, loft, sheet, tube


@dataclass(frozen=True)
class BackpackParameters:
    """Sizes in metres."""

    width: float = measure(0.24, 0.34, "width of the body")
    height: float = measure(0.34, 0.56, "height of the body")
    depth: float = measure(0.11, 0.2, "depth of the body")
    corners: float = measure(2.4, 6.0, "roundness seen from above: small is oval, large is boxy")
    top: str = choice(("round", "round", "square", "gathered", "roll"), "how the body ends at the top")
    flap: str = choice(("none", "none", "short", "long"), "flap over the top")
    pocket: str = choice(("one", "one", "two", "small", "none"), "pockets on the front")
    pocket_height: float = measure(0.26, 0.46, "height of the front pocket against the body")
    side_pockets: bool = flag("pockets at the sides")
    straps: str = choice(("wide", "thin", "one"), "shoulder straps, seen behind the body")
    strap_bow: float = measure(0.03, 0.12, "how far the straps stand out at the sides")
    loop: float = measure(0.03, 0.09, "height of the loop on top")
    buckles: int = choice((0, 0, 1, 2), "buckled bands down the front")


def _scale(p: BackpackParameters, share: float) -> tuple[float, float]:
    """Width and depth at a share of the height, against the largest."""
    end = {"round": 0.45, "square": 0.9, "gathered": 0.5, "roll": 0.95}[p.top]
    flat = {"round": 0.5, "square": 0.75, "gathered": 0.55, "roll": 0.2}[p.top]
    start = {"round": 0.68, "square": 0.92, "gathered": 0.72, "roll": 0.5}[p.top]
    over = float(np.clip((share - start) / (1 - start), 0, 1))
    round_over = 1 - np.sqrt(1 - over**2) if p.top == "round" else over**1.5
    swell = 0.92 + 0.08 * np.sin(np.pi * min(share / 0.8, 1.0))
    return float(swell * (1 - (1 - end) * round_over)), float(swell * (1 - (1 - flat) * round_over))


def _body(p: BackpackParameters) -> Part:
    rings = []
    for share in np.linspace(0, 1, 22):
        across, deep = _scale(p, float(share))
        flat = superellipse(across * p.width / 2, deep * p.depth / 2, p.corners, 48)
        rings.append(np.stack([flat[:, 0], np.full(len(flat), share * p.height), flat[:, 1]], axis=1))
    return Part("body", loft(np.stack(rings)), "body", MAIN)


def _pouch(width: float, height: float, depth: float, corners: float) -> Surface:
    rings = []
    for share in np.linspace(0, 1, 8):
        close = np.sqrt(max(1 - max(share - 0.55, 0) ** 2 / 0.25, 0.0))
        flat = superellipse(width / 2, depth / 2 * (0.45 + 0.55 * close), corners, 32)
        rings.append(np.stack([flat[:, 0], np.full(len(flat), share * height), flat[:, 1]], axis=1))
    stack = np.stack(rings)
    return loft(stack, lines=[stack[0], stack[-1], stack[6]])


def _pockets(p: BackpackParameters) -> list[Part]:
    z, parts = 0.46 * p.depth, []
    tall = p.pocket_height * p.height
    if p.pocket in ("one", "two"):
        parts.append(
            Part("pocket 1", _pouch(0.74 * p.width, tall, 0.4 * p.depth, 4.0).moved(y=0.05, z=z), "pocket", MAIN)
        )
    if p.pocket in ("two", "small"):
        small = _pouch(0.5 * p.width, 0.55 * tall, 0.26 * p.depth, 4.0)
        y = (0.08 + p.pocket_height if p.pocket == "two" else 0.3) * p.height
        parts.append(Part("pocket 2", small.moved(y=y + 0.02, z=0.9 * z), "pocket", SECONDARY))
    if p.side_pockets:
        for k, side in enumerate((-1, 1)):
            pouch = _pouch(0.7 * p.depth, 0.34 * p.height, 0.07, 3.0).turned("y", 90).moved(side * 0.47 * p.width, 0.03)
            parts.append(Part(f"side pocket {k + 1}", pouch, "pocket", SECONDARY))
    return parts


def _flap(p: BackpackParameters) -> list[Part]:
    if p.flap == "none":
        return []
    reach = 0.3 if p.flap == "short" else 0.6
    across, z, top = 0.43 * p.width * _scale(p, 0.9)[0], p.depth / 2, p.height
    side = spline(
        points((-0.7 * z, 0.97 * top), (0.0, top + 0.015), (0.95 * z, 0.95 * top), (1.12 * z, (1 - reach) * top)), 16
    )
    columns = np.linspace(-1, 1, 11)
    bend = 1 - 0.12 * columns**4
    grid = np.stack(
        [
            np.stack([np.full(16, across * c), side[:, 1], side[:, 0] * b], axis=1)
            for c, b in zip(columns, bend, strict=True)
        ]
    )
    return [Part("flap", sheet(grid, 0.004), "flap", MAIN)]


def _bands(p: BackpackParameters) -> list[Part]:
    parts = []
    xs = {0: [], 1: [0.0], 2: [-0.2 * p.width, 0.2 * p.width]}[p.buckles]
    z = 0.56 * p.depth if p.flap != "none" else 0.5 * p.depth
    for k, x in enumerate(xs):
        path = np.linspace((x, 0.86 * p.height, z), (x, 0.3 * p.height, z + 0.02), 8)
        parts.append(Part(f"band {k + 1}", tube(path, 0.011, flatness=0.25, up=(0, 0, 1)), "strap", SECONDARY))
        clasp = box((0.034, 0.028, 0.008)).moved(x, 0.42 * p.height, z + 0.02)
        parts.append(Part(f"buckle {k + 1}", clasp, "metal", DETAIL))
    if p.top == "round" and p.flap == "none":
        turn = np.linspace(0.08 * np.pi, 0.92 * np.pi, 24)
        arch = np.stack(
            [0.4 * p.width * np.cos(turn), p.height * (0.42 + 0.44 * np.sin(turn)), np.full(24, 0.47 * p.depth)], axis=1
        )
        parts.append(Part("zip", tube(arch, 0.003, sides=6), "metal", DETAIL))
    if p.top == "roll":
        roll = tube(np.linspace((-0.46 * p.width, p.height, 0), (0.46 * p.width, p.height, 0), 8), 0.03)
        parts.append(Part("roll", roll, "body", MAIN))
    return parts


def _straps(p: BackpackParameters) -> list[Part]:
    z, parts = -0.52 * p.depth, []
    thick = {"wide": 0.026, "thin": 0.011, "one": 0.02}[p.straps]
    sides: tuple[float, ...] = (1.0,) if p.straps == "one" else (-1.0, 1.0)
    for k, side in enumerate(sides):
        edge = side * (0.5 * p.width + p.strap_bow)
        path = spline(
            points(
                (side * 0.12 * p.width, 0.93 * p.height, z),
                (0.8 * edge, 0.82 * p.height, z - 0.05),
                (edge, 0.5 * p.height, z - 0.06),
                (side * 0.44 * p.width, 0.1 * p.height, z),
            ),
            30,
        )
        parts.append(Part(f"strap {k + 1}", tube(path, thick, flatness=0.3, up=(0, 0, 1)), "strap", MAIN))
    half = 0.1 * p.width
    loop = spline(
        points(
            (-half, p.height - 0.01, 0),
            (-half, p.height + p.loop, 0),
            (half, p.height + p.loop, 0),
            (half, p.height - 0.01, 0),
        ),
        22,
    )
    parts.append(Part("loop", tube(loop, 0.008, up=(0, 0, 1)), "strap", MAIN))
    return parts


def build(p: BackpackParameters) -> Solid:
    """The backpack of the given parameters."""
    return Solid((_body(p), *_pockets(p), *_flap(p), *_bands(p), *_straps(p)))


def finish(p: BackpackParameters, rng: np.random.Generator) -> Finish:  # noqa: ARG001 - one signature for all families
    """Cloth or leather with contrasting pockets and straps."""
    body = fabric(rng) if rng.random() < 0.7 else leather(rng)
    other = leather(rng) if rng.random() < 0.5 else shaded(body, float(rng.choice([-0.25, 0.2])))
    pocket = body if rng.random() < 0.6 else fabric(rng)
    return Finish({"body": body, "pocket": pocket, "flap": other, "strap": other, "metal": metallic(rng)})


def sibling_fields(p: BackpackParameters) -> tuple[str, ...]:
    """What siblings may differ in."""
    names = ["height", "top", "flap", "pocket", "buckles", "side_pockets"]
    if p.pocket in ("one", "two"):
        names.append("pocket_height")
    return tuple(names)


def attributes(p: BackpackParameters) -> dict[str, str]:
    """Readable attributes."""
    closure = "flap" if p.flap != "none" else "roll" if p.top == "roll" else "zip"
    return {
        "style": "backpack",
        "size": "large" if p.height > 0.46 else "small",
        "handle": "straps",
        "closure": closure,
    }


FAMILY = Family(
    "bags",
    "backpack",
    BackpackParameters,
    build,
    finish,
    sibling_fields,
    attributes,
    Views((-55.0, 55.0), (0.0, 24.0), (0.0, 8.0)),
)
