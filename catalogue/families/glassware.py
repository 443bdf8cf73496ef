"""Drinking glasses and bottles: wine glasses, flutes, tumblers, cocktail glasses, bottles, jars and carafes."""

from dataclasses import dataclass

import numpy as np

from catalogue.curves import circle, points, spline
from catalogue.family import Family, Views
from catalogue.geometry import DETAIL, MAIN, SECONDARY, Array, Part, Solid
from catalogue.materials import Finish, Material, metallic, painted, pick_paint, wooden
from catalogue.parameters import choice, flag, measure
from catalogue.primitives import lathe, loft, tube


@dataclass(frozen=True)
class GlasswareParameters:
    """Sizes in metres."""

    kind: str = choice(
        ("wine", "wine", "flute", "tumbler", "cocktail", "bottle", "bottle", "bottle", "jar", "goblet"),
        "kind of vessel",
    )
    height: float = measure(0.11, 0.32, "height of the whole")
    width: float = measure(0.026, 0.056, "largest radius")
    taper: float = measure(0.45, 1.15, "radius of the mouth, or of a bottle's shoulder line, against the largest")
    bowl: float = measure(0.35, 0.6, "height of the bowl, or of a bottle's straight body, against the whole")
    stem: float = measure(0.0025, 0.006, "half thickness of a stem")
    neck: float = measure(0.24, 0.42, "radius of a bottle's neck against the largest")
    label: bool = flag("a label around a bottle, a rim line on a glass")
    closure: str = choice(("none", "cork", "cap", "ball"), "what closes a bottle")
    straw: bool = flag("a straw in a glass")


def _closed(p: GlasswareParameters) -> bool:
    return p.kind in ("bottle", "jar")


def _outline(p: GlasswareParameters) -> Array:
    """(n, 2) radius and height of the outside, from the floor upwards."""
    r, h, bowl = p.width, p.height, p.height * (1 - p.bowl)
    foot = points((0, 0), (0.8 * r, 0), (0.8 * r, 0.003), (0.25 * r, 0.008), (p.stem, 0.02), (p.stem, bowl))
    if p.kind == "tumbler":
        return points((0, 0), (0.9 * r * p.taper**0.3, 0), (r, h))
    if p.kind == "cocktail":
        return np.concatenate([foot, points((1.35 * r, h))])
    if p.kind in ("wine", "flute", "goblet"):
        wide = {"wine": 1.0, "flute": 0.62, "goblet": 1.1}[p.kind] * r
        low = bowl if p.kind != "flute" else 0.7 * bowl
        curve = spline(
            points(
                (p.stem, low),
                (0.85 * wide, low + 0.22 * (h - low)),
                (wide, low + 0.5 * (h - low)),
                (wide * min(p.taper, 1.0), h),
            ),
            24,
        )
        return np.concatenate([foot[:-1], curve])
    neck = p.neck * r if p.kind == "bottle" else 0.75 * r
    body, rise = h * (p.bowl if p.kind == "bottle" else 0.72), h * (0.72 if p.kind == "bottle" else 0.84)
    shoulder = spline(
        points((r, body), (0.5 * (r + neck) * (0.8 + 0.3 * p.taper), 0.5 * (body + rise)), (neck, rise), (neck, h)), 24
    )
    return np.concatenate([points((0, 0), (0.92 * r, 0), (r, 0.06 * h)), shoulder])


def _inside(outline: Array, floor: float) -> Array:
    """The inner wall from the mouth down to the floor of the bowl."""
    upper = outline[outline[:, 1] > floor][::-1]
    return np.concatenate([upper - np.array([0.0016, 0.0]), points((0.0, floor))])


def build(p: GlasswareParameters) -> Solid:
    """The vessel of the given parameters."""
    outline = _outline(p)
    mouth, h = float(outline[-1, 0]), p.height
    if not _closed(p):
        floor = h * (1 - p.bowl) + 0.01 if p.kind != "tumbler" else 0.01
        outline = np.concatenate([outline, np.maximum(_inside(outline, floor), 0.0)])
        surface = lathe(outline)
        parts = [
            Part("glass", surface.with_lines([circle(mouth, y=h), circle(float(outline[1, 0]), y=0.0)]), "body", MAIN)
        ]
    else:
        surface = lathe(np.concatenate([outline, points((0.0, h))]))
        parts = [Part("bottle", surface, "body", MAIN), *_closure(p, mouth)]
    if p.label:
        parts += _label(p, outline)
    if p.straw and not _closed(p):
        straw = tube(
            np.linspace((-0.4 * mouth, h * (1 - 0.7 * p.bowl), 0), (1.2 * mouth, h * 1.25, 0), 8), 0.003, sides=8
        )
        parts.append(Part("straw", straw, "accent", SECONDARY))
    return Solid(tuple(parts))


def _closure(p: GlasswareParameters, mouth: float) -> list[Part]:
    h = p.height
    if p.closure == "none":
        return []
    profile = points((0, h - 0.002), (0.9 * mouth, h - 0.002), (mouth, h + 0.02), (0, h + 0.02))
    if p.closure == "cap":
        profile = points((0, h - 0.02), (1.15 * mouth, h - 0.02), (1.15 * mouth, h + 0.006), (0, h + 0.006))
    if p.closure == "ball":
        turn = np.linspace(-np.pi / 2, np.pi / 2, 16)
        profile = np.stack([1.5 * mouth * np.cos(turn), h + 1.4 * mouth + 1.5 * mouth * np.sin(turn)], axis=1)
    return [Part("closure", lathe(profile, sides=24), "accent", MAIN)]


def _label(p: GlasswareParameters, outline: Array) -> list[Part]:
    shares = (0.22, 0.48) if _closed(p) else (0.86, 0.9)
    low, high = (share * p.height for share in shares)
    rows = np.linspace(low, high, 5)
    outside = outline[: int(np.argmax(outline[:, 1])) + 1]
    radius = np.interp(rows, outside[:, 1], outside[:, 0]) + 0.0008
    rings = np.stack([circle(float(r), y=float(y)) for r, y in zip(radius, rows, strict=True)])
    band = loft(rings, caps=(False, False), lines=[rings[0], rings[-1]])
    return [Part("label", band, "label", SECONDARY if _closed(p) else DETAIL)]


def finish(p: GlasswareParameters, rng: np.random.Generator) -> Finish:
    """Pale, green, brown or dark glass (opaque, as the renderer has no refraction), a label and a cork or cap."""
    names = ("green", "brown", "black", "blue", "white", "teal") if _closed(p) else ("white", "grey", "white", "blue")
    name, colour = pick_paint(rng, names)
    body = Material("glass", colour, colour, gloss=1.0, colour_name=name)
    accent = wooden(rng) if p.closure == "cork" else metallic(rng) if rng.random() < 0.5 else painted(rng)
    return Finish({"body": body, "accent": accent, "label": painted(rng)})


def sibling_fields(p: GlasswareParameters) -> tuple[str, ...]:
    """What siblings may differ in."""
    names = ["kind", "height", "width"]
    if _closed(p):
        names += ["closure"]
    if p.kind in ("wine", "goblet", "bottle"):
        names += ["bowl"]
    return tuple(names)


def attributes(p: GlasswareParameters) -> dict[str, str]:
    """Readable attributes."""
    return {
        "style": p.kind,
        "size": "tall" if p.height > 0.22 else "small",
        "closure": p.closure if _closed(p) else "none",
    }


FAMILY = Family(
    "glassware",
    "vessel",
    GlasswareParameters,
    build,
    finish,
    sibling_fields,
    attributes,
    Views((-30.0, 30.0), (2.0, 26.0), (0.5, 12.0)),
)
