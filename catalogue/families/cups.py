"""Cups with decoration: mugs, tea cups, tumblers and cups to go, with motifs, lids, straws, spoons and saucers."""

from dataclasses import dataclass

import numpy as np

from catalogue.curves import circle, points, spline
from catalogue.families.motifs import motif
from catalogue.family import Family, Views
from catalogue.geometry import DETAIL, MAIN, SECONDARY, Array, Part, Solid
from catalogue.materials import Finish, ceramic, metallic, painted, rubber
from catalogue.parameters import choice, flag, measure
from catalogue.primitives import lathe, loft, tube

WALL = 0.004


@dataclass(frozen=True)
class CupParameters:
    """Sizes in metres."""

    shape: str = choice(("straight", "tapered", "bowl", "barrel", "waisted"), "outline of the body")
    height: float = measure(0.055, 0.15, "height of the body")
    width: float = measure(0.032, 0.056, "radius of the mouth")
    taper: float = measure(0.55, 0.95, "radius at the bottom against the mouth")
    handle: str = choice(("ring", "ring", "ear", "angular", "none"), "outline of the handle")
    handle_size: float = measure(0.35, 0.8, "height of the handle against the body")
    handle_reach: float = measure(0.018, 0.04, "how far the handle stands out")
    motif: str = choice(("none", "heart", "star", "flower", "face", "zigzag", "waves", "letters"), "drawn on the front")
    motif_size: float = measure(0.35, 0.7, "size of the motif against the body")
    rings: int = choice((0, 0, 1, 2, 4), "painted rings")
    lid: str = choice(("none", "none", "dome", "flat", "knob"), "lid, if it has one")
    extra: str = choice(("none", "none", "straw", "spoon", "saucer"), "what is with it")
    sleeve: bool = flag("a sleeve around the middle")


def _radius(p: CupParameters, share: Array) -> Array:
    """Outer radius at shares of the height."""
    low = p.taper * p.width
    form = {
        "straight": np.full_like(share, 0.94),
        "tapered": p.taper + (1 - p.taper) * share,
        "bowl": p.taper * 0.7 + (1 - 0.7 * p.taper) * np.sqrt(np.clip(share, 0, 1)),
        "barrel": 0.85 + 0.22 * np.sin(np.pi * share),
        "waisted": 1.0 - 0.2 * np.sin(np.pi * (0.15 + 0.7 * share)),
    }[p.shape]
    corner = 1 - 0.1 * np.clip((0.06 - share) / 0.06, 0, 1) ** 2
    return np.asarray(np.maximum(p.width * form * corner, 0.3 * low), dtype=np.float64)


def _lift(p: CupParameters) -> float:
    return 0.009 if p.extra == "saucer" else 0.0


def _front(p: CupParameters, flat: Array) -> Array:
    """(n, 3) points on the front of the cup from (n, 2) across and up, both in metres from the middle of the body."""
    share = np.clip(flat[:, 1] / p.height + 0.5, 0.03, 0.97)
    r = _radius(p, share) + 0.0012
    angle = flat[:, 0] / np.maximum(r, 1e-3)
    return np.stack([r * np.sin(angle), _lift(p) + share * p.height, r * np.cos(angle)], axis=1)


def _body(p: CupParameters) -> Part:
    share, base = np.linspace(0, 1, 20), _lift(p)
    outer = np.stack([_radius(p, share), base + share * p.height], axis=1)
    inner = outer[::-1] - np.array([WALL, 0.0])
    inner[-1, 1] += 0.008
    profile = np.concatenate([[(0.0, base)], outer, inner, [(0.0, base + 0.008)]])
    rims = [circle(float(outer[-1, 0]), y=base + p.height), circle(float(outer[0, 0]), y=base)]
    return Part("body", lathe(profile).with_lines(rims), "body", MAIN)


def _handle(p: CupParameters) -> list[Part]:
    if p.handle == "none":
        return []
    base, half = _lift(p), 0.5 * p.handle_size
    shares = np.array([0.52 + half, 0.52 - half])
    (x_high, x_low), (high, low) = _radius(p, shares) - 0.002, base + shares * p.height
    out = max(x_high, x_low) + p.handle_reach
    span = high - low
    shapes = {
        "ring": [(x_high, high), (out, high), (out + 0.004, (high + low) / 2), (out, low), (x_low, low)],
        "ear": [(x_high, high), (out, high + 0.1 * span), (out, low + 0.5 * span), (x_low, low)],
        "angular": [(x_high, high), (out - 0.002, high), (out, high - 0.004), (x_low + 0.004, low), (x_low, low)],
    }
    flat = spline(points(*shapes[p.handle]), 28)
    bar = tube(np.column_stack([flat, np.zeros(len(flat))]), 0.0055, flatness=1.2, up=(0, 0, 1))
    return [Part("handle", bar, "body", MAIN)]


def _decoration(p: CupParameters) -> list[Part]:
    parts = []
    size = p.motif_size * min(p.height, 1.6 * p.width)
    for k, stroke in enumerate(motif(p.motif)):
        parts.append(Part(f"motif {k + 1}", tube(_front(p, stroke * size / 2), 0.0011, sides=6), "accent", SECONDARY))
    for k in range(p.rings):
        share = np.array([0.86 - 0.09 * k]) if k < 2 else np.array([0.14 + 0.09 * (k - 2)])
        ring = circle(float(_radius(p, share)[0]) + 0.0006, y=_lift(p) + float(share[0]) * p.height)
        parts.append(Part(f"ring {k + 1}", tube(ring, 0.0012, closed=True, sides=6), "accent", DETAIL))
    if p.sleeve and p.motif == "none":
        share = np.linspace(0.3, 0.68, 6)
        rings = np.stack(
            [
                circle(float(r) + 0.0015, y=_lift(p) + float(s) * p.height)
                for r, s in zip(_radius(p, share), share, strict=True)
            ]
        )
        parts.append(Part("sleeve", loft(rings, caps=(False, False), lines=[rings[0], rings[-1]]), "sleeve", SECONDARY))
    return parts


def _extras(p: CupParameters) -> list[Part]:
    top, r = _lift(p) + p.height, float(_radius(p, np.array([1.0]))[0])
    parts = []
    if p.lid != "none":
        rise = {"dome": 0.6 * r, "flat": 0.012, "knob": 0.014}[p.lid]
        cover = points(
            (1.04 * r, top - 0.006),
            (1.04 * r, top + 0.004),
            (0.9 * r, top + 0.5 * rise),
            (0.45 * r, top + 0.9 * rise),
            (0, top + rise),
        )
        parts.append(Part("lid", lathe(cover), "lid", MAIN))
        if p.lid == "knob":
            knob = spline(points((0.004, top + rise), (0.01, top + rise + 0.012), (0.0, top + rise + 0.02)), 12)
            parts.append(Part("knob", lathe(knob, sides=18), "lid", SECONDARY))
    if p.extra in ("straw", "spoon") and p.lid in ("none", "dome"):
        path = np.linspace((-0.3 * r, _lift(p) + 0.3 * p.height, 0), (0.9 * r, top + 0.7 * p.height, 0.1 * r), 10)
        parts.append(Part(p.extra, tube(path, 0.0035 if p.extra == "straw" else 0.002, sides=8), "metal", MAIN))
    if p.extra == "saucer":
        edge = 1.9 * p.width
        dish = points(
            (0.5 * edge, 0), (0.6 * edge, 0.002), (edge, 0.012), (edge, 0.014), (0.55 * edge, 0.008), (0, 0.008)
        )
        parts.append(Part("saucer", lathe(dish, sides=56), "body", MAIN))
    return parts


def build(p: CupParameters) -> Solid:
    """The cup of the given parameters."""
    return Solid((_body(p), *_handle(p), *_decoration(p), *_extras(p)))


def finish(p: CupParameters, rng: np.random.Generator) -> Finish:  # noqa: ARG001 - one signature for all families
    """Glazed or painted body with a contrasting motif."""
    body = ceramic(rng) if rng.random() < 0.5 else painted(rng, gloss=0.7)
    lid = painted(rng) if rng.random() < 0.5 else rubber(rng)
    return Finish({"body": body, "accent": painted(rng), "sleeve": painted(rng), "lid": lid, "metal": metallic(rng)})


def sibling_fields(p: CupParameters) -> tuple[str, ...]:
    """What siblings may differ in."""
    names = ["shape", "height", "handle", "motif", "lid"]
    if p.motif != "none":
        names.append("motif_size")
    return tuple(names)


def attributes(p: CupParameters) -> dict[str, str]:
    """Readable attributes."""
    style = "lidded" if p.lid != "none" else "cup and saucer" if p.extra == "saucer" else "mug"
    return {"style": style, "size": "tall" if p.height > 0.11 else "small", "handle": p.handle, "decoration": p.motif}


FAMILY = Family(
    "mugs",
    "cup",
    CupParameters,
    build,
    finish,
    sibling_fields,
    attributes,
    Views((-50.0, 50.0), (2.0, 38.0), (1.0, 18.0)),
)
