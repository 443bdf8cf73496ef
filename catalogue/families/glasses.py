"""Glasses: spectacles and sunglasses with many rim shapes, bridges, temples and lenses."""

from dataclasses import dataclass, replace

import numpy as np

from catalogue.curves import points, resample, spline
from catalogue.family import Family, Views
from catalogue.geometry import DETAIL, MAIN, SECONDARY, Array, Part, Solid
from catalogue.materials import Finish, Material, metallic, painted, pick_paint
from catalogue.parameters import choice, flag, measure
from catalogue.primitives import beam, box, disc, tube


@dataclass(frozen=True)
class GlassesParameters:
    """Sizes in metres."""

    shape: str = choice(("round", "square", "cat eye", "aviator", "oval", "hexagon", "browline"), "outline of a lens")
    lens_width: float = measure(0.044, 0.060, "width of a lens")
    lens_height: float = measure(0.028, 0.052, "height of a lens")
    rim: float = measure(0.0010, 0.0034, "half thickness of the rim")
    bridge: str = choice(("saddle", "double", "keyhole", "bar"), "bridge between the lenses")
    bridge_width: float = measure(0.014, 0.024, "distance of the lenses")
    temple: float = measure(0.0012, 0.0050, "half height of the temples")
    temple_height: float = measure(0.1, 0.9, "where the temples join: 0 lower to 1 upper edge")
    temple_bend: float = measure(10.0, 55.0, "bend behind the ear, degrees")
    temple_length: float = measure(0.105, 0.14, "length of the temples")
    tint: str = choice(("clear", "clear", "dark", "coloured"), "lenses")
    wrap: float = measure(2.0, 12.0, "angle by which the lenses follow the face, degrees")
    pads: bool = flag("nose pads")
    corner_studs: bool = flag("studs at the hinges")


SHAPES = {
    "round": ((1, 0), (0.71, 0.71), (0, 1), (-0.71, 0.71), (-1, 0), (-0.71, -0.71), (0, -1), (0.71, -0.71)),
    "oval": ((1, 0), (0.75, 0.5), (0, 0.72), (-0.75, 0.5), (-1, 0), (-0.75, -0.5), (0, -0.72), (0.75, -0.5)),
    "square": (
        (1, 0.1),
        (0.93, 0.8),
        (0.4, 0.93),
        (-0.5, 0.93),
        (-0.93, 0.8),
        (-0.95, 0),
        (-0.8, -0.8),
        (0, -0.92),
        (0.82, -0.8),
    ),
    "cat eye": (
        (0.98, 0.4),
        (1.12, 1.05),
        (0.4, 0.82),
        (-0.5, 0.7),
        (-0.95, 0.4),
        (-0.85, -0.5),
        (-0.1, -0.9),
        (0.7, -0.5),
    ),
    "aviator": (
        (0.98, 0.4),
        (0.75, 0.85),
        (0, 0.9),
        (-0.8, 0.8),
        (-0.92, 0.3),
        (-0.6, -0.5),
        (0.0, -1.05),
        (0.7, -0.75),
    ),
    "browline": (
        (1, 0.3),
        (0.9, 0.85),
        (0.2, 0.9),
        (-0.6, 0.85),
        (-0.95, 0.5),
        (-0.85, -0.3),
        (-0.3, -0.9),
        (0.4, -0.9),
        (0.85, -0.4),
    ),
}


def _outline(p: GlassesParameters) -> Array:
    """(49, 2) closed outline of the wearer's left lens; x grows away from the nose."""
    size = (p.lens_width / 2, p.lens_height / 2 * (1.12 if p.shape == "round" else 1.0))
    if p.shape == "hexagon":
        corners = points((1, 0), (0.55, 0.95), (-0.55, 0.95), (-1, 0), (-0.55, -0.95), (0.55, -0.95), (1, 0))
        return resample(corners * size, 49)
    return spline(points(*SHAPES[p.shape]) * size, 49, closed=True)


def _lens(p: GlassesParameters) -> Array:
    """(49, 3) outline in place, tilted around the face."""
    flat = _outline(p)
    x = p.bridge_width / 2 + p.lens_width / 2 + flat[:, 0]
    return np.stack([x, flat[:, 1], -np.tan(np.radians(p.wrap)) * x], axis=1)


def _front(p: GlassesParameters) -> list[Part]:
    rim = _lens(p)
    parts = []
    for number, side in enumerate((1, -1)):
        ring = rim * (side, 1, 1)
        frame = tube(ring, p.rim, flatness=1.0, up=(0, 0, 1), closed=True, sides=10, power=3)
        parts.append(Part(f"rim {number + 1}", replace(frame, axis=None) if p.rim > 0.002 else frame, "body", MAIN))
        if p.tint != "clear":
            parts.append(Part(f"lens {number + 1}", disc(ring), "lens", DETAIL))
        if p.shape == "browline":
            upper = ring[2:23] + np.array([0, 0.0012, 0.0006])
            parts.append(
                Part(f"brow {number + 1}", tube(upper, p.rim + 0.0022, up=(0, 0, 1), sides=10), "temples", SECONDARY)
            )
    return parts


def _bridge(p: GlassesParameters) -> list[Part]:
    rim = _lens(p)
    inner = rim[np.argsort(rim[:, 0])]

    def edge(share: float) -> Array:
        y = (share - 0.5) * p.lens_height
        return np.asarray(inner[:16][np.argmin(np.abs(inner[:16, 1] - y))], dtype=np.float64)

    def span(share: float, rise: float, radius: float, name: str) -> Part:
        a = edge(share)
        middle = np.array([0.0, a[1] + rise, a[2] + 0.002])
        between = 0.5 * (a + middle) + np.array([0.0, rise * 0.2, 0.0])
        mirror = np.array([-1.0, 1.0, 1.0])
        path = spline(np.stack([a, between, middle, between * mirror, a * mirror]), 20)
        return Part(name, tube(path, radius, up=(0, 0, 1), sides=10), "body", MAIN)

    thick = max(p.rim, 0.0014)
    if p.bridge == "double":
        return [span(0.9, 0.001, thick * 0.8, "brow bar"), span(0.6, 0.003, thick * 0.8, "bridge")]
    if p.bridge == "bar":
        return [span(0.92, 0.0, thick, "bridge")]
    if p.bridge == "keyhole":
        return [span(0.68, 0.006, thick * 1.3, "bridge")]
    return [span(0.62, 0.003, thick, "bridge")]


def _temples(p: GlassesParameters) -> list[Part]:
    rim = _lens(p)
    outer = rim[rim[:, 0] > np.quantile(rim[:, 0], 0.6)]
    y = rim[:, 1].min() + (0.3 + 0.62 * p.temple_height) * (rim[:, 1].max() - rim[:, 1].min())
    hinge = outer[np.argmin(np.abs(outer[:, 1] - y))]
    x, back = float(rim[:, 0].max()) + 0.006, -p.temple_length
    bend = np.radians(p.temple_bend)
    parts = []
    for number, side in enumerate((1, -1)):
        corner = np.array([x, hinge[1], hinge[2] - 0.008])
        ear = np.array([x - 0.004, hinge[1], back * 0.72])
        tip = ear + 0.045 * np.array([-0.08, -np.sin(bend), -np.cos(bend)])
        path = spline(np.stack([hinge, corner, 0.5 * (corner + ear), ear, tip]), 40) * (side, 1, 1)
        arm = tube(path, 0.0014, flatness=max(p.temple / 0.0014, 1.0), power=3, sides=12)
        arm = replace(arm, axis_radius=p.temple)
        parts.append(Part(f"temple {number + 1}", arm, "temples", MAIN))
        if p.corner_studs:
            stud = box((0.007, 0.003, 0.0025), bevel=0.0005).moved(
                float(hinge[0]) * side, float(hinge[1]), float(hinge[2]) + p.rim + 0.0016
            )
            parts.append(Part(f"stud {number + 1}", stud, "metal", DETAIL))
        if p.pads:
            at = np.array([p.bridge_width / 2 - 0.001, -0.1 * p.lens_height, -0.007])
            pad = beam(
                tuple(at * (side, 1, 1)),
                tuple((at + np.array([0.003, -0.012, -0.001])) * (side, 1, 1)),
                0.003,
                0.005,
                bevel=0.001,
            )
            parts.append(Part(f"pad {number + 1}", pad, "metal", DETAIL))
    return parts


def build(p: GlassesParameters) -> Solid:
    """The glasses of the given parameters, resting on temples and lower rims."""
    parts = _front(p) + _bridge(p) + _temples(p)
    low = min(float(part.surface.vertices[:, 1].min()) for part in parts)
    return Solid(tuple(replace(part, surface=part.surface.moved(y=-low, z=0.06)) for part in parts))


def finish(p: GlassesParameters, rng: np.random.Generator) -> Finish:
    """Acetate or wire frame with clear, dark or coloured lenses."""
    body = metallic(rng) if p.rim < 0.0018 else painted(rng, gloss=0.85)
    temples = body if rng.random() < 0.7 else painted(rng, gloss=0.8)
    name, shade = pick_paint(rng, ("blue", "green", "brown", "yellow", "pink"))
    tint = {"clear": np.array([0.55, 0.6, 0.63]), "dark": np.array([0.025, 0.027, 0.03]), "coloured": shade * 0.5}[
        p.tint
    ]
    lens = Material("glass", tint, tint, gloss=1.0, colour_name=name)
    return Finish({"body": body, "temples": temples, "lens": lens, "metal": metallic(rng, ("brass", "steel"))})


def sibling_fields(_: GlassesParameters) -> tuple[str, ...]:
    """What siblings may differ in."""
    return ("shape", "lens_width", "temple_height", "temple_bend", "lens_height")


def attributes(p: GlassesParameters) -> dict[str, str]:
    """Readable attributes."""
    return {
        "style": "glasses" if p.tint == "clear" else "sunglasses",
        "size": "large" if p.lens_width > 0.053 else "small",
        "shape": p.shape,
        "bridge": p.bridge,
    }


FAMILY = Family(
    "glasses",
    "glasses",
    GlassesParameters,
    build,
    finish,
    sibling_fields,
    attributes,
    Views((-38.0, 38.0), (10.0, 34.0), (3.0, 12.0)),
)
