"""Footwear from several sides: the shop's shoes with platforms, cuffs, bands across the foot and ornaments."""

from dataclasses import dataclass, replace

import numpy as np

from catalogue.curves import circle, points, spline
from catalogue.families import shoes
from catalogue.families.shoe_details import over_foot
from catalogue.families.shoe_form import FULL, LENGTH, Last, ShoeParameters
from catalogue.family import Family, Views
from catalogue.geometry import DETAIL, MAIN, SECONDARY, Array, Part, Solid
from catalogue.materials import Finish, fabric, leather, painted, rubber
from catalogue.parameters import choice, flag, measure
from catalogue.primitives import lathe, loft, sheet, tube


@dataclass(frozen=True)
class FootwearParameters(ShoeParameters):
    """Those of the shop's shoes, and sizes in metres."""

    platform: float = measure(0.0, 0.034, "thickness of a platform; thin ones are left out")
    cuff: str = choice(("none", "roll", "fold", "band"), "upper end of a boot")
    bands: int = choice((0, 0, 1, 2, 3), "bands across the foot")
    ornament: str = choice(("none", "none", "bow", "flower", "ring", "tassel"), "ornament on the front")
    seam: bool = flag("a seam around the toe")
    zip: bool = flag("a zip at the side of a boot")


def _centred(points_: Array, rise: float) -> Array:
    return np.asarray(points_ + np.array([-LENGTH / 2, rise, 0.0]), dtype=np.float64)


def _platform(p: FootwearParameters, last: Last) -> list[Part]:
    flat = last.sole(FULL, grow=0.003)
    if p.style in ("pump", "boot", "sandal"):
        flat = np.stack([np.maximum(flat[:, 0], 0.5 * LENGTH), flat[:, 1]], axis=1)
    rings = [np.stack([flat[:, 0], np.full(len(flat), y), flat[:, 1]], axis=1) for y in (0.004, -p.platform)]
    return [Part("platform", loft(np.stack([_centred(ring, 0.0) for ring in rings])), "sole", MAIN)]


def _cuff(p: FootwearParameters, solid: Solid) -> list[Part]:
    shaft = next((part for part in solid.parts if part.name == "shaft"), None)
    if shaft is None or p.cuff == "none":
        return []
    ring = shaft.surface.lines[0]
    thick, flatness = {"roll": (0.016, 1.0), "fold": (0.008, 4.0), "band": (0.004, 2.5)}[p.cuff]
    low = ring - np.array([0, thick * flatness * 0.8, 0])
    parts = [Part("cuff", tube(low, thick, flatness=flatness, up=(0, 1, 0), closed=True), "cuff", MAIN)]
    if p.zip:
        side = ring[len(ring) // 4]
        path = np.linspace(side * (1, 1, 1.04), (side[0], 0.5 * side[1], side[2] * 1.02), 8)
        parts.append(Part("zip", tube(path, 0.002, sides=6), "metal", DETAIL))
    return parts


def _bands(p: FootwearParameters, last: Last) -> list[Part]:
    if p.style not in ("pump", "loafer", "sneaker"):
        return []
    parts = []
    rise = {"pump": 0.05, "loafer": 0.068, "sneaker": 0.082}[p.style]
    for k in range(p.bands):
        grid = over_foot(last, 0.6 - 0.09 * k, 0.016, rise + 0.006 * k)
        parts.append(Part(f"band {k + 1}", sheet(_centred(grid, 0.0), 0.002), "accent", SECONDARY))
    return parts


def _ornament(p: FootwearParameters, last: Last) -> list[Part]:
    if p.ornament == "none" or p.style not in ("pump", "loafer", "boot"):
        return []
    at = _centred(last.upper(np.array([-0.02, 0.0, 0.02]), np.array([0.78]))[1, 0], 0.004)
    if p.ornament == "tassel":
        rows = ((0.004, 0.0), (0.007, -0.008), (0.012, -0.035))
        skirt = np.stack([circle(radius, 16, y=height) for radius, height in rows])
        return [Part("tassel", loft(skirt).turned("z", 40).moved(*at), "accent", SECONDARY)]
    if p.ornament == "ring":
        loop = tube(circle(0.014, 24), 0.002, closed=True, sides=8)
        return [Part("ring", loop.turned("z", -30).moved(*at), "metal", SECONDARY)]
    if p.ornament == "flower":
        turns = np.arange(5) * 2 * np.pi / 5
        petals = [circle(0.008, 16) + 0.011 * np.array([np.cos(turn), 0.0, np.sin(turn)]) for turn in turns]
        return [
            Part(
                f"petal {k + 1}",
                tube(each, 0.003, closed=True, sides=8).turned("z", -30).moved(*at),
                "accent",
                SECONDARY,
            )
            for k, each in enumerate(petals)
        ]
    knot = lathe(spline(points((0.0, -0.006), (0.007, 0.0), (0.0, 0.006)), 10), sides=14)
    parts = [Part("knot", knot.moved(*at), "accent", DETAIL)]
    for k, side in enumerate((-1, 1)):
        curve = spline(
            points((0, 0, 0), (0, 0.014, side * 0.02), (0, 0, side * 0.032), (0, -0.012, side * 0.02), (0, 0, 0)), 24
        )
        parts.append(Part(f"bow {k + 1}", tube(curve, 0.003, sides=8).moved(*at), "accent", SECONDARY))
    return parts


def build(p: FootwearParameters) -> Solid:
    """The shoe of the given parameters."""
    solid, last = shoes.build(p), shoes.last_of(p)
    parts = list(solid.parts) + _cuff(p, solid) + _bands(p, last) + _ornament(p, last)
    if p.platform > 0.012:
        parts += _platform(p, last)
        if p.style in ("pump", "boot", "sandal"):
            parts = [_heel_longer(part, p.platform) if part.name == "heel" else part for part in parts]
    if p.seam and p.style != "sandal":
        row = last.outward(last.upper(np.linspace(-1.2, 1.2, 21), np.array([0.38, 0.4, 0.42])), 0.001)[:, 1]
        parts.append(Part("seam", tube(_centred(row, 0.0), 0.0014, sides=6), "accent", DETAIL))
    return Solid(tuple(parts))


def _heel_longer(part: Part, by: float) -> Part:
    """The heel with its lower end moved down to the floor on which the platform stands."""
    vertices = part.surface.vertices
    top = float(vertices[:, 1].max())

    def longer(each: Array) -> Array:
        return np.asarray(each - np.array([0.0, by, 0.0]) * (1 - each[:, 1:2] / max(top, 1e-3)), dtype=np.float64)

    lines = tuple(longer(line) for line in part.surface.lines)
    return replace(part, surface=replace(part.surface, vertices=longer(vertices), lines=lines))


def finish(p: FootwearParameters, rng: np.random.Generator) -> Finish:
    """As of the shop's shoes; cuffs of cloth, leather or rubber."""
    usual = shoes.finish(p, rng)
    cuff = (fabric(rng), leather(rng), rubber(rng), usual.material("body"))[int(rng.integers(4))]
    accent = usual.material("body") if rng.random() < 0.4 else painted(rng)
    return Finish(dict(usual.slots) | {"cuff": cuff, "accent": accent})


def sibling_fields(p: FootwearParameters) -> tuple[str, ...]:
    """What siblings may differ in."""
    names = shoes.sibling_fields(p)
    more = {
        "boot": ("cuff", "platform"),
        "pump": ("platform", "bands"),
        "sandal": ("platform",),
        "loafer": ("platform", "bands"),
        "sneaker": ("bands",),
    }
    return names + more[p.style]


FAMILY = Family(
    "shoes",
    "footwear",
    FootwearParameters,
    build,
    finish,
    sibling_fields,
    shoes.attributes,
    Views((-62.0, 62.0), (4.0, 34.0), (1.0, 10.0)),
)
