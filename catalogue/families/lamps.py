"""Lamps: table, floor and desk lamps with turned, straight, curved or jointed stems and many kinds of shade."""

from dataclasses import dataclass, replace

import numpy as np

from catalogue.curves import line, points, rectangle, spline
from catalogue.family import Family, Views
from catalogue.geometry import DETAIL, MAIN, SECONDARY, Array, Part, Solid, Surface
from catalogue.materials import Finish, Material, ceramic, fabric, metallic, painted, wooden
from catalogue.parameters import choice, flag, measure
from catalogue.primitives import beam, grid_surface, lathe, slab, tube


@dataclass(frozen=True)
class LampParameters:
    """Sizes in metres."""

    kind: str = choice(("table", "table", "floor", "desk"), "table, floor or jointed desk lamp")
    height: float = measure(0.24, 0.46, "height of the stem of a table lamp; floor lamps are three times as tall")
    base: str = choice(("disc", "square", "tripod", "dome"), "foot of the lamp")
    base_size: float = measure(0.065, 0.12, "radius of the foot")
    stem: str = choice(("rod", "gourd", "stacked", "vase", "curved"), "stem of table and floor lamps")
    girth: float = measure(0.035, 0.085, "thickness of a turned stem")
    shade: str = choice(("cone", "drum", "bell", "dome", "globe", "pleated", "square"), "kind of shade")
    shade_width: float = measure(0.10, 0.19, "lower radius of the shade")
    shade_height: float = measure(0.11, 0.24, "height of the shade")
    shade_taper: float = measure(0.35, 0.9, "upper radius against the lower one")
    shade_bands: bool = flag("bands along the edges of the shade")
    reach: float = measure(0.10, 0.24, "how far curved and jointed stems reach sideways")
    bend: float = measure(20.0, 62.0, "angle of the joints of a desk lamp, degrees")
    pull: bool = flag("a pull cord with a bead")
    finial: bool = flag("a knob on top of the shade")


def _total(p: LampParameters) -> float:
    return p.height * (2.9 if p.kind == "floor" else 1.0)


def _scale(p: LampParameters) -> float:
    return 1.5 if p.kind == "floor" else 1.0


def _base(p: LampParameters) -> list[Part]:
    r = p.base_size * _scale(p)
    if p.base == "tripod":
        top = 0.5 * _total(p) if p.kind != "desk" else 0.08
        legs = []
        for number, turn in enumerate(np.radians([90, 210, 330])):
            foot = (1.35 * r * np.cos(turn), 0.0, 1.35 * r * np.sin(turn))
            legs.append(Part(f"leg {number + 1}", beam((0, top, 0), foot, 0.02, 0.02, taper=0.6), "stem", MAIN))
        return legs
    if p.base == "square":
        return [Part("base", slab(rectangle(1.8 * r, 1.8 * r, 0.01), 0.024).moved(y=0.024), "base", MAIN)]
    profile = points((0, 0), (r, 0), (r, 0.014), (0.9 * r, 0.02), (0, 0.021))
    if p.base == "dome":
        curve = spline(points((r, 0.012), (0.8 * r, 0.04), (0.4 * r, 0.062), (0.012, 0.075)), 16)
        profile = np.concatenate([points((0, 0), (r, 0)), curve])
    return [Part("base", lathe(profile), "base", MAIN)]


def _stem_profile(p: LampParameters) -> Array:
    """(n, 2) outline of a turned stem, radius and height as a share of the stem."""
    g = p.girth * (1.0 if p.kind == "table" else 0.45)
    thin = 0.008
    if p.stem == "gourd":
        controls = points(
            (g * 0.6, 0.04), (g, 0.22), (g * 0.45, 0.48), (g * 0.72, 0.64), (thin * 1.6, 0.86), (thin, 1.0)
        )
    elif p.stem == "vase":
        controls = points(
            (g * 0.5, 0.04), (g * 0.8, 0.3), (g * 1.1, 0.62), (g * 0.7, 0.8), (thin * 1.4, 0.88), (thin, 1.0)
        )
    else:
        share = np.linspace(0, 1, 60)
        balls = g * 0.75 * np.sqrt(np.clip(1 - (np.mod(share * 3.6, 1) * 2 - 1) ** 2, 0, 1)) * (share < 0.83) + thin
        return np.stack([balls, share], axis=1)
    return spline(controls, 40)


def _upright(p: LampParameters) -> tuple[list[Part], Array]:
    """The stem of a table or floor lamp and the point where its shade hangs."""
    top, foot = _total(p), {"disc": 0.02, "square": 0.022, "dome": 0.07, "tripod": 0.45 * _total(p)}[p.base]
    if p.stem == "curved":
        side = p.reach * _scale(p)
        path = spline(
            points(
                (0, foot, 0),
                (-0.25 * side, 0.45 * top, 0),
                (-0.1 * side, 0.85 * top, 0),
                (0.5 * side, top, 0),
                (side, 0.9 * top, 0),
            ),
            48,
        )
        return [Part("stem", tube(path, 0.008 * _scale(p)), "stem", MAIN)], path[-1]
    if p.stem == "rod" or p.base == "tripod":
        rod = tube(line((0, foot, 0), (0, top, 0), 12), 0.008 * _scale(p))
        return [Part("stem", rod, "stem", MAIN)], np.array([0, top, 0])
    profile = _stem_profile(p)
    profile[:, 1] = foot + profile[:, 1] * (top - foot)
    return [Part("stem", lathe(profile, sides=40), "body", MAIN)], np.array([0, top, 0])


def _shade_profile(p: LampParameters) -> Array:
    """(n, 2) outline of the shade from its lower rim (y = 0) upwards."""
    r, h = p.shade_width * _scale(p), p.shade_height * _scale(p)
    top = r * (0.92 if p.shade == "drum" else p.shade_taper)
    if p.shade == "bell":
        return spline(points((r, 0), (r * 0.86, 0.22 * h), (0.5 * (r + top) * 0.72, 0.6 * h), (top * 0.6, h)), 24)
    if p.shade == "dome":
        angle = np.linspace(0, np.pi / 2 * 0.96, 20)
        return np.stack([r * np.cos(angle), 0.75 * h * np.sin(angle)], axis=1)
    if p.shade == "globe":
        angle = np.linspace(-np.pi / 2 * 0.85, np.pi / 2 * 0.97, 32)
        return np.stack([0.8 * r * np.cos(angle), 0.8 * r * (np.sin(angle) + 1)], axis=1)
    return np.stack([np.linspace(r, top, 12), np.linspace(0, h, 12)], axis=1)


def _shade_surface(p: LampParameters, profile: Array) -> Surface:
    angle = np.linspace(0, 2 * np.pi, 97)
    scale = np.ones_like(angle)
    if p.shade == "pleated":
        scale = 1 + 0.028 * np.cos(24 * angle)
    if p.shade == "square":
        power = 12.0
        scale = (np.abs(np.cos(angle + np.pi / 4)) ** power + np.abs(np.sin(angle + np.pi / 4)) ** power) ** (
            -1 / power
        )
    ring = np.stack([np.cos(angle) * scale, np.ones_like(angle), np.sin(angle) * scale], axis=1)
    grid = np.stack([profile[:, 0], profile[:, 1], profile[:, 0]], axis=1)[:, None] * ring[None]
    lines = [grid[0], grid[-1]]
    if p.shade == "pleated":
        lines += [grid[:, k] for k in range(0, 96, 8)]
    if p.shade == "square":
        lines += [grid[:, k] for k in (0, 24, 48, 72)]
    surface = grid_surface(grid, closed=True, lines=lines)
    return surface if p.shade not in ("pleated", "square") else _plain(surface)


def _plain(surface: Surface) -> Surface:
    """Without contours along every pleat; the outer ones stay, as lines."""
    return Surface(surface.vertices, surface.normals, surface.faces, surface.lines, contours=False)


def _shade(p: LampParameters, hang: Array, tilt: float) -> list[Part]:
    profile = _shade_profile(p)
    drop = 0.42 * float(profile[-1, 1]) if p.kind != "desk" and p.stem != "curved" else float(profile[-1, 1])
    rows = [Part("shade", _shade_surface(p, profile), "shade", MAIN)]
    if p.shade_bands and p.shade in ("cone", "drum", "bell"):
        for number, (low, high) in enumerate(((0.0, 0.09), (0.9, 1.0))):
            pieces = np.linspace(low, high, 4) * (len(profile) - 1)
            columns = [np.interp(pieces, np.arange(len(profile)), profile[:, k]) for k in (0, 1)]
            piece = np.stack(columns, axis=1) + np.array([0.002, 0])
            rows.append(Part(f"band {number + 1}", lathe(piece), "accent", DETAIL))
    top = float(profile[-1, 1])
    if p.finial and p.shade not in ("globe",):
        knob = spline(points((0.003, top), (0.011, top + 0.012), (0.008, top + 0.02), (0.0, top + 0.03)), 12)
        rows.append(Part("finial", lathe(knob, sides=20), "base", DETAIL))
        rows.append(
            Part(
                "spider",
                tube(line((-profile[-1, 0], top, 0), (profile[-1, 0], top, 0), 5), 0.003, sides=6),
                "base",
                DETAIL,
            )
        )
    if p.pull and p.kind != "desk":
        x = 0.4 * float(profile[0, 0])
        rows.append(Part("cord", tube(line((x, 0.02, x), (x, -0.07, x), 5), 0.0015, sides=6), "accent", DETAIL))
        bead = lathe(spline(points((0.0, -0.085), (0.008, -0.078), (0.0, -0.07)), 12), sides=16)
        rows.append(Part("bead", bead.moved(x, 0, x), "accent", DETAIL))
    return [
        Part(each.name, each.surface.moved(y=-drop).turned("z", tilt).moved(*hang), each.slot, each.level)
        for each in rows
    ]


def _desk(p: LampParameters) -> tuple[list[Part], Array]:
    first, second = np.radians(90 + 0.5 * p.bend), np.radians(90 - p.bend)
    low = np.array([0.0, 0.02 if p.base != "dome" else 0.07, 0.0])
    elbow = low + 0.62 * p.height * np.array([np.cos(first), np.sin(first), 0])
    head = elbow + (0.35 * p.height + p.reach) * np.array([np.cos(second), np.sin(second), 0])
    parts = []
    for number, (a, b) in enumerate(((low, elbow), (elbow, head))):
        for side in (-0.009, 0.009):
            bar = tube(line(a + np.array([0, 0, side]), b + np.array([0, 0, side]), 8), 0.005, sides=10)
            parts.append(Part(f"arm {2 * number + (side > 0) + 1}", bar, "stem", MAIN))
    knuckle = lathe(points((0, -0.018), (0.016, -0.018), (0.016, 0.018), (0, 0.018)), sides=24).turned("x", 90)
    parts += [Part(f"joint {k + 1}", knuckle.moved(*at), "base", SECONDARY) for k, at in enumerate((low, elbow, head))]
    return parts, head


def build(p: LampParameters) -> Solid:
    """The lamp of the given parameters."""
    if p.kind == "desk":
        stem, hang = _desk(p)
        tilt = 18.0
    else:
        stem, hang = _upright(p)
        tilt = 0.0
    return Solid(tuple(_shade(p, hang, tilt) + stem + _base(p)))


def finish(p: LampParameters, rng: np.random.Generator) -> Finish:
    """Cloth or lacquered shade, softly lit; ceramic, wooden or metal stem."""
    metal = metallic(rng, ("brass", "steel", "copper", "gunmetal"))
    stem = (
        wooden(rng) if p.base == "tripod" else metal if rng.random() < 0.6 else painted(rng, ("black", "white", "grey"))
    )
    body = (ceramic(rng), wooden(rng), metal)[int(rng.integers(3))]
    shade = painted(rng, gloss=0.5) if p.kind == "desk" or p.shade == "dome" else _lit(fabric(rng), rng)
    if p.shade == "globe":
        shade = _lit(painted(rng, ("white",), gloss=0.7), rng)
    base = stem if p.base == "tripod" or rng.random() < 0.6 else wooden(rng)
    return Finish(
        {"body": shade if p.kind == "desk" else body, "shade": shade, "stem": stem, "base": base, "accent": metal}
    )


def _lit(material: Material, rng: np.random.Generator) -> Material:
    return replace(material, glow=float(rng.uniform(0.1, 0.55)))


def sibling_fields(p: LampParameters) -> tuple[str, ...]:
    """What siblings may differ in."""
    names = ["base", "shade", "height"]
    if p.shade != "globe":
        names.append("shade_height")
    names += {"desk": ["bend"], "table": ["shade_width"], "floor": ["shade_width"]}[p.kind]
    if p.kind != "desk" and (p.base != "tripod" or p.stem == "curved"):
        names.append("stem")
    if p.shade in ("cone", "bell", "pleated", "square"):
        names += ["shade_taper"]
    return tuple(names)


def attributes(p: LampParameters) -> dict[str, str]:
    """Readable attributes."""
    stem = "jointed" if p.kind == "desk" else "tripod" if p.base == "tripod" else p.stem
    return {"style": f"{p.kind} lamp", "size": "tall" if p.height > 0.36 else "short", "shade": p.shade, "stem": stem}


FAMILY = Family(
    "lamps",
    "lamp",
    LampParameters,
    build,
    finish,
    sibling_fields,
    attributes,
    Views((-38.0, 38.0), (4.0, 22.0), (1.0, 8.0)),
)
