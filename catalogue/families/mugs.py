"""Mugs: a turned body with a handle, sometimes with a saucer, a lid, a spout or raised bands."""

from dataclasses import dataclass

import numpy as np

from catalogue.curves import circle, points, spline
from catalogue.family import Family, Views
from catalogue.geometry import DETAIL, MAIN, SECONDARY, Array, Part, Solid
from catalogue.materials import Finish, ceramic, painted, shaded, wooden
from catalogue.parameters import choice, measure
from catalogue.primitives import lathe, loft, tube

WALL = 0.004


@dataclass(frozen=True)
class MugParameters:
    """Sizes in metres, ratios without a unit."""

    height: float = measure(0.075, 0.135, "height of the body")
    width: float = measure(0.036, 0.052, "radius half way up")
    taper: float = measure(-0.32, 0.32, "top radius against bottom radius: negative narrows, positive widens")
    belly: float = measure(-0.12, 0.3, "how far the middle bulges")
    handle: str = choice(("round", "ear", "square", "loop", "none"), "outline of the handle")
    handle_size: float = measure(0.42, 0.85, "handle height against body height")
    handle_reach: float = measure(0.024, 0.044, "how far the handle stands out")
    handle_thickness: float = measure(0.0038, 0.0075, "half thickness of the handle")
    handle_position: float = measure(0.4, 0.62, "height of the handle's middle against body height")
    foot: str = choice(("plain", "ring", "pedestal"), "what it stands on")
    lip: str = choice(("plain", "rolled", "flared"), "shape of the rim")
    bands: int = choice((0, 0, 1, 2, 3), "raised bands around the body")
    lid: str = choice(("none", "none", "none", "flat", "knob"), "lid, if it has one")
    spout: bool = choice((False, False, False, True), "a pouring lip, as a jug has")
    saucer: bool = choice((False, False, True), "stands on a saucer")


def _radius(p: MugParameters, share: Array) -> Array:
    """Outer radius at heights given as shares of the body height."""
    flare = np.where(share > 0.85, (share - 0.85) / 0.15, 0.0) ** 2 * (0.16 if p.lip == "flared" else 0.0)
    corner = np.sqrt(np.clip(1 - ((0.07 - share) / 0.07).clip(0, 1) ** 2, 0, 1)) * 0.12 + 0.88
    swell = 1 + p.taper * (share - 0.5) + p.belly * (1 - (2 * share - 1) ** 2) + flare
    return np.asarray(p.width * swell * corner, dtype=np.float64)


def _lift(p: MugParameters) -> float:
    return {"plain": 0.001, "ring": 0.006, "pedestal": 0.02}[p.foot] + (0.008 if p.saucer else 0.0)


def _body(p: MugParameters, base: float) -> Part:
    share = np.linspace(0.0, 1.0, 22)
    outer = np.stack([_radius(p, share), base + share * p.height], axis=1)
    top = outer[-1]
    inner = np.stack([_radius(p, share) - WALL, base + share * p.height], axis=1)[::-1][:-1]
    inner[-1, 1] = base + 0.01
    rim = [top + np.array([0, 0.0015]), top + np.array([-WALL, 0.0015])]
    profile = np.concatenate([[(0.0, base)], outer, rim, inner[1:], [(0.0, base + 0.01)]])
    surface = lathe(profile, sides=56)
    rims = [circle(float(top[0]) - WALL / 2, y=float(top[1]) + 0.0016), circle(float(outer[0, 0]), y=base)]
    if p.spout:
        surface = surface.with_lines(rims)
        moved = surface.vertices.copy()
        moved[:] = _poured(p, moved, base)
        surface = type(surface)(moved, surface.normals, surface.faces, tuple(_poured(p, r, base) for r in rims))
        return Part("body", surface, "body", MAIN)
    return Part("body", surface.with_lines(rims), "body", MAIN)


def _poured(p: MugParameters, vertices: Array, base: float) -> Array:
    """Vertices with the rim pulled out to a spout opposite the handle."""
    share = np.clip((vertices[:, 1] - base) / p.height, 0, 1)
    angle = np.arctan2(vertices[:, 2], -vertices[:, 0])
    pull = 0.4 * p.width * np.exp(-((angle / 0.32) ** 2)) * np.clip((share - 0.6) / 0.4, 0, 1) ** 2
    moved = vertices.copy()
    moved[:, 0] -= pull
    moved[:, 1] += 0.35 * pull
    return moved


def _handle(p: MugParameters, base: float) -> Part:
    middle = base + p.handle_position * p.height
    half = 0.5 * p.handle_size * p.height
    high, low = min(middle + half, base + 0.93 * p.height), max(middle - half, base + 0.06 * p.height)
    x_high = float(_radius(p, np.array([(high - base) / p.height]))[0]) - WALL / 2
    x_low = float(_radius(p, np.array([(low - base) / p.height]))[0]) - WALL / 2
    out, span = max(x_high, x_low) + p.handle_reach, high - low
    shapes = {
        "round": [
            (x_high, high),
            (out - 0.008, high - 0.05 * span),
            (out, high - 0.45 * span),
            (out - 0.012, low + 0.1 * span),
            (x_low, low),
        ],
        "ear": [
            (x_high, high),
            (out - 0.006, high + 0.1 * span),
            (out + 0.003, high - 0.22 * span),
            (out - 0.4 * p.handle_reach, low + 0.28 * span),
            (x_low, low),
        ],
        "square": [
            (x_high, high),
            (out - 0.006, high),
            (out, high - 0.006),
            (out, (high + low) / 2),
            (out, low + 0.006),
            (out - 0.006, low),
            (x_low, low),
        ],
        "loop": [
            (x_high, high - 0.1 * span),
            (out, high + 0.12 * span),
            (out + 0.012, high - 0.5 * span),
            (out, low - 0.12 * span),
            (x_low, low + 0.1 * span),
        ],
    }
    flat = spline(points(*shapes[p.handle]), 30)
    path = np.column_stack([flat, np.zeros(len(flat))])
    bar = tube(path, p.handle_thickness, flatness=1.25 if p.handle != "loop" else 1.0, up=(0, 0, 1), power=2.6)
    return Part("handle", bar, "handle", MAIN)


def _base(p: MugParameters) -> list[Part]:
    start = 0.008 if p.saucer else 0.0
    lift = _lift(p)
    r = p.width * 0.62
    parts = []
    if p.foot == "ring":
        ring = lathe(points((r, start), (r * 1.04, start), (r * 1.04, lift + 0.002), (r, lift + 0.002)))
        parts.append(Part("foot", ring, "body", SECONDARY))
    if p.foot == "pedestal":
        stem = spline(points((r * 1.15, start + 0.003), (r * 0.6, start + 0.01), (r * 0.75, lift + 0.004)), 12)
        profile = np.concatenate([[(r * 1.15, start)], stem])
        parts.append(Part("foot", lathe(profile), "body", SECONDARY))
    if p.saucer:
        edge = p.width * 1.75
        dish = points(
            (edge * 0.5, 0.0), (edge * 0.6, 0.003), (edge, 0.014), (edge, 0.016), (edge * 0.55, 0.008), (0, 0.008)
        )
        parts.append(Part("saucer", lathe(dish, sides=64), "handle", MAIN))
    return parts


def _lid(p: MugParameters, top: float) -> list[Part]:
    r = float(_radius(p, np.array([1.0]))[0]) + 0.0015
    cover = points((r, top), (r, top + 0.006), (r * 0.93, top + 0.009), (r * 0.4, top + 0.013), (0.0, top + 0.0135))
    parts = [Part("lid", lathe(cover), "accent", MAIN)]
    if p.lid == "knob":
        profile = spline(
            points((0.004, top + 0.012), (0.005, top + 0.018), (0.0095, top + 0.024), (0.0, top + 0.03)), 14
        )
        parts.append(Part("knob", lathe(profile, sides=24), "accent", SECONDARY))
    return parts


def _bands(p: MugParameters, base: float) -> list[Part]:
    parts = []
    for number in range(p.bands):
        share = np.linspace(-0.016, 0.016, 5) + (0.24 + 0.26 * number if p.bands > 1 else 0.72)
        bulge = 0.0012 * np.sqrt(np.clip(1 - np.linspace(-1, 1, 5) ** 2, 0, 1)) + 0.0003
        rings = [
            circle(float(r + b), y=float(base + s * p.height))
            for r, b, s in zip(_radius(p, share), bulge, share, strict=True)
        ]
        band = loft(np.stack(rings), caps=(False, False), lines=[rings[0], rings[-1]])
        parts.append(Part(f"band {number + 1}", band, "accent", DETAIL))
    return parts


def build(p: MugParameters) -> Solid:
    """The mug of the given parameters."""
    base = _lift(p)
    parts = [_body(p, base)]
    if p.handle != "none":
        parts.append(_handle(p, base))
    parts += _base(p) + _bands(p, base)
    if p.lid != "none":
        parts += _lid(p, base + p.height)
    return Solid(tuple(parts))


def finish(p: MugParameters, rng: np.random.Generator) -> Finish:
    """Glazed body; handle alike or contrasting; wooden or glazed lid."""
    body = ceramic(rng)
    handle = body if rng.random() < 0.7 else ceramic(rng)
    accent = wooden(rng) if p.lid != "none" and rng.random() < 0.5 else shaded(painted(rng), 0.05)
    return Finish({"body": body, "handle": handle, "accent": accent})


def sibling_fields(p: MugParameters) -> tuple[str, ...]:
    """What siblings may differ in."""
    names = ["height", "taper", "belly", "foot", "saucer", "bands", "handle", "lid"]
    if p.handle != "none":
        names += ["handle_size", "handle_reach"]
    return tuple(names)


def attributes(p: MugParameters) -> dict[str, str]:
    """Readable attributes."""
    size = "tall" if p.height > 0.115 else "small" if p.height < 0.09 else "medium"
    style = "lidded" if p.lid != "none" else "jug" if p.spout else "cup and saucer" if p.saucer else "mug"
    return {
        "style": style,
        "size": size,
        "handle": p.handle,
        "decoration": {0: "plain", 1: "one band"}.get(p.bands, f"{p.bands} bands"),
    }


FAMILY = Family(
    "mugs",
    "mug",
    MugParameters,
    build,
    finish,
    sibling_fields,
    attributes,
    Views((-42.0, 42.0), (10.0, 34.0), (4.0, 16.0)),
)
