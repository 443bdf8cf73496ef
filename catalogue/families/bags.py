"""Bags: totes, satchels, buckets, backpacks and clutches with handles, straps, flaps, pockets and buckles."""

from dataclasses import dataclass

import numpy as np

from catalogue.curves import circle, points, spline, superellipse
from catalogue.family import Family, Views
from catalogue.geometry import DETAIL, MAIN, SECONDARY, Array, Part, Solid, Surface, merge
from catalogue.materials import Finish, fabric, leather, metallic, shaded
from catalogue.parameters import choice, flag, measure
from catalogue.primitives import box, disc, grid_surface, loft, sheet, tube


@dataclass(frozen=True)
class BagParameters:
    """Sizes in metres."""

    width: float = measure(0.22, 0.42, "width at the bottom")
    height: float = measure(0.16, 0.36, "height of the body")
    depth: float = measure(0.07, 0.18, "depth at the bottom")
    taper: float = measure(-0.3, 0.28, "width at the top against the bottom")
    corners: float = measure(2.6, 9.0, "roundness of the body seen from above: small is oval, large is boxy")
    body: str = choice(("upright", "upright", "slouchy", "domed"), "how the top closes")
    handle: str = choice(("pair", "pair", "single", "shoulder", "top loop", "none"), "kind of handle")
    handle_length: float = measure(0.09, 0.26, "rise of the handle above the body")
    handle_spread: float = measure(0.24, 0.5, "distance between the handle's ends against the width")
    flap: str = choice(("none", "none", "short", "long", "rounded"), "flap over the front")
    closure: str = choice(("none", "buckle", "two buckles", "round"), "closure on the front")
    pocket: str = choice(("none", "none", "one", "two", "zipped"), "pockets on the front")
    trim: bool = flag("a band of another material along the bottom")
    piping: bool = flag("a seam line around the front")
    tassel: bool = choice((False, False, False, True), "a tassel at the side")


def _half_sizes(p: BagParameters, share: float) -> tuple[float, float]:
    """Half width and half depth at a share of the height."""
    wide = p.width / 2 * (1 + p.taper * share)
    deep = p.depth / 2
    if p.body == "slouchy":
        wide *= 1 + 0.07 * np.sin(np.pi * share)
        deep *= 1 + 0.12 * np.sin(np.pi * share) - 0.62 * share**2
    elif p.body == "domed":
        close = np.sqrt(max(1 - share**3.5, 0.0))
        wide, deep = wide * (0.5 + 0.5 * close), deep * (0.35 + 0.65 * close)
    else:
        deep *= 1 - 0.35 * share
    return float(wide), float(deep)


def _ring(p: BagParameters, share: float, *, grow: float = 0.0) -> Array:
    wide, deep = _half_sizes(p, share)
    outline = superellipse(wide + grow, deep + grow, p.corners, 56)
    return np.stack([outline[:, 0], np.full(len(outline), share * p.height), outline[:, 1]], axis=1)


def _front(p: BagParameters, across: Array, share: Array, *, lift: float) -> Array:
    """(s, a, 3) points on the front: across from -1 to 1 of the half width, share of the height."""
    rows = []
    for s in share:
        wide, deep = _half_sizes(p, float(np.clip(s, 0, 1)))
        z = deep * (1 - np.abs(across) ** p.corners) ** (1 / p.corners) + lift
        rows.append(np.stack([wide * across, np.full_like(across, s * p.height), z], axis=1))
    return np.stack(rows)


def _body(p: BagParameters) -> list[Part]:
    shares = np.concatenate([[0.0, 0.015], np.linspace(0.05, 1.0, 18)])
    rings = np.stack([_ring(p, float(s), grow=-0.012 * (1 - min(s / 0.05, 1.0)) ** 2) for s in shares])
    parts = []
    if p.body == "domed":
        parts.append(Part("body", loft(rings, lines=[rings[2]]), "body", MAIN))
        zip_path = np.stack([_half_line(p, float(u)) for u in np.linspace(-0.8, 0.8, 20)])
        parts.append(Part("zip", tube(zip_path, 0.003, flatness=0.6, sides=8), "metal", DETAIL))
    else:
        skin = grid_surface(rings, closed=True, lines=[rings[0], rings[-1]])
        parts.append(Part("body", merge([skin, disc(rings[0])]), "body", MAIN))
        inner = _ring(p, 0.93, grow=-0.003)
        parts.append(Part("lining", disc(inner), "lining", DETAIL))
    return parts


def _half_line(p: BagParameters, across: float) -> Array:
    wide, _ = _half_sizes(p, 1.0)
    return np.array([wide * across * 1.0, p.height + 0.002, 0.0])


def _arch(p: BagParameters, z: float, lean: float, name: str) -> list[Part]:
    wide, _ = _half_sizes(p, 0.82)
    half = min(p.handle_spread * p.width, 0.9 * wide)
    top, start = p.height + p.handle_length, 0.82 * p.height
    path = spline(
        points(
            (-half, start, z),
            (-half, p.height, z),
            (-0.86 * half, p.height + 0.6 * p.handle_length, z + lean * 0.7),
            (-0.45 * half, top - 0.06 * p.handle_length, z + lean),
            (0, top, z + lean),
            (0.45 * half, top - 0.06 * p.handle_length, z + lean),
            (0.86 * half, p.height + 0.6 * p.handle_length, z + lean * 0.7),
            (half, p.height, z),
            (half, start, z),
        ),
        48,
    )
    parts = [Part(name, tube(path, 0.008, flatness=0.5, up=(0, 0, 1), power=3), "handle", MAIN)]
    for side, x in enumerate((-half, half)):
        tab = box((0.024, 0.05, 0.006), bevel=0.002).moved(x, start, z)
        parts.append(Part(f"{name} tab {side + 1}", tab, "handle", DETAIL))
    return parts


def _handles(p: BagParameters) -> list[Part]:
    deep = _half_sizes(p, 0.9)[1]
    if p.handle == "pair":
        front = _arch(p, deep + 0.004, -0.01, "front handle")
        return front + _arch(p, -deep - 0.004, 0.01, "back handle")
    if p.handle == "single":
        return _arch(p, 0.0 if p.body == "domed" else deep + 0.004, -0.5 * deep, "handle")
    if p.handle == "top loop":
        top = p.height
        path = spline(
            points(
                (-0.05, top - 0.01, 0),
                (-0.045, top + 0.03, 0),
                (0, top + 0.045, 0),
                (0.045, top + 0.03, 0),
                (0.05, top - 0.01, 0),
            ),
            24,
        )
        return [Part("handle", tube(path, 0.008, flatness=0.8, up=(0, 0, 1)), "handle", MAIN)]
    if p.handle == "shoulder":
        side, _ = _half_sizes(p, 0.85)
        rise = p.height + 1.25 * p.handle_length
        path = spline(
            points(
                (-side, 0.82 * p.height, 0),
                (-side * 1.02, p.height, 0),
                (-side * 0.8, p.height + 0.8 * p.handle_length, 0.01),
                (0, rise, 0.015),
                (side * 0.8, p.height + 0.8 * p.handle_length, 0.01),
                (side * 1.02, p.height, 0),
                (side, 0.82 * p.height, 0),
            ),
            50,
        )
        return [Part("shoulder strap", tube(path, 0.011, flatness=0.2, up=(-1, 0, 0), power=4), "handle", MAIN)]
    return []


def _flap(p: BagParameters) -> list[Part]:
    if p.flap == "none":
        return []
    reach = {"short": 0.4, "long": 0.72, "rounded": 0.6}[p.flap]
    across = np.linspace(-0.97, 0.97, 25)
    top = _front(p, across, np.array([1.0]), lift=0.006)[0]
    back = top * (1, 1, -0.8)
    rows = [back + np.array([0, 0.002, 0]), (back + top) / 2 + np.array([0, 0.010, 0]), top + np.array([0, 0.004, 0])]
    for t in np.linspace(0.06, 1.0, 10):
        cut = reach * (np.sqrt(np.clip(1 - (across / 1.02) ** 2, 0, 1)) * 0.75 + 0.25 if p.flap == "rounded" else 1.0)
        share = 1 - t * cut * np.ones_like(across)
        row = np.stack([_front(p, across[k : k + 1], share[k : k + 1], lift=0.007)[0, 0] for k in range(len(across))])
        rows.append(row)
    return [Part("flap", sheet(np.stack(rows), 0.003), "flap", MAIN)]


def _closures(p: BagParameters) -> list[Part]:
    reach = {"none": 0.16, "short": 0.4, "long": 0.72, "rounded": 0.6}[p.flap]
    share = 1 - reach + 0.03
    places = {"none": (), "buckle": (0.0,), "two buckles": (-0.45, 0.45), "round": (0.0,)}[p.closure]
    parts: list[Part] = []
    for number, u in enumerate(places):
        x, y, z = _front(p, np.array([u]), np.array([share]), lift=0.012)[0, 0]
        if p.closure == "round":
            clasp = _button(0.017).moved(x, y, z)
            parts.append(Part("clasp", clasp, "metal", SECONDARY))
            continue
        strap = box((0.026, 0.42 * p.height, 0.005), bevel=0.002).moved(x, y - 0.05 * p.height, z)
        loop = spline(
            points((-0.019, 0.015, 0), (0.019, 0.015, 0), (0.019, -0.015, 0), (-0.019, -0.015, 0)), 28, closed=True
        )
        buckle = tube(loop + np.array([x, y - 0.04 * p.height, z + 0.006]), 0.0026, closed=True, sides=8)
        parts += [
            Part(f"strap {number + 1}", strap, "handle", SECONDARY),
            Part(f"buckle {number + 1}", buckle, "metal", DETAIL),
        ]
    return parts


def _button(radius: float) -> Surface:
    rings = np.stack([circle(radius * s, 28, y=h) for s, h in ((1.0, -0.004), (1.0, 0.0), (0.9, 0.004), (0.05, 0.006))])
    return loft(rings, lines=[rings[1]]).turned("x", 90)


def _pockets(p: BagParameters) -> list[Part]:
    if p.pocket == "none":
        return []
    spans = {"one": ((-0.55, 0.55),), "two": ((-0.78, -0.08), (0.08, 0.78)), "zipped": ((-0.65, 0.65),)}[p.pocket]
    high = min(0.48, {"none": 0.7, "short": 0.52, "long": 0.22, "rounded": 0.3}[p.flap])
    if high < 0.25:
        return []
    parts = []
    for number, (a, b) in enumerate(spans):
        grid = _front(p, np.linspace(a, b, 13), np.linspace(0.09, high, 9), lift=0.001)
        u, v = np.linspace(-1, 1, 13), np.linspace(-1, 1, 9)
        grid[..., 2] += 0.016 * (1 - v[:, None] ** 6) * (1 - u[None] ** 6)
        parts.append(Part(f"pocket {number + 1}", sheet(grid, 0.001), "flap", MAIN if p.pocket == "one" else SECONDARY))
        if p.pocket == "zipped":
            line = grid[6] + (0, 0, 0.003)
            parts.append(Part("pocket zip", tube(line[1:-1], 0.0022, sides=8), "metal", DETAIL))
    return parts


def _details(p: BagParameters) -> list[Part]:
    parts = []
    if p.trim:
        rings = np.stack([_ring(p, float(s), grow=0.0025) for s in np.linspace(0.02, 0.2, 6)])
        parts.append(Part("trim", loft(rings, caps=(False, False), lines=[rings[-1]]), "handle", SECONDARY))
    if p.piping:
        across = np.concatenate([np.full(12, -0.86), np.linspace(-0.86, 0.86, 16), np.full(12, 0.86)])
        share = np.concatenate([np.linspace(0.97, 0.06, 12), np.full(16, 0.06), np.linspace(0.06, 0.97, 12)])
        path = np.stack([_front(p, across[k : k + 1], share[k : k + 1], lift=0.0015)[0, 0] for k in range(len(across))])
        parts.append(Part("piping", tube(path, 0.0018, sides=6), "handle", DETAIL))
    if p.tassel:
        wide, deep = _half_sizes(p, 0.8)
        at = np.array([0.62 * wide, 0.86 * p.height, deep + 0.02])
        skirt = np.stack([circle(r, 20) + at - (0, d, 0) for r, d in ((0.006, 0.0), (0.009, 0.012), (0.015, 0.085))])
        parts.append(Part("tassel", loft(skirt), "tassel", SECONDARY))
    return parts


def build(p: BagParameters) -> Solid:
    """The bag of the given parameters."""
    return Solid(tuple(_body(p) + _flap(p) + _handles(p) + _pockets(p) + _closures(p) + _details(p)))


def finish(p: BagParameters, rng: np.random.Generator) -> Finish:
    """Leather or canvas with leather handles and metal fittings."""
    canvas = p.body != "domed" and rng.random() < 0.4
    body = fabric(rng) if canvas else leather(rng)
    handle = leather(rng, ("brown", "black", "beige", "red")) if canvas or rng.random() < 0.4 else shaded(body, -0.2)
    flap = handle if canvas and rng.random() < 0.5 else shaded(body, float(rng.choice([-0.15, 0.08, 0.0])))
    lining = shaded(fabric(rng, ("beige", "grey", "red")), -0.3)
    tassel = leather(rng)
    return Finish(
        {"body": body, "handle": handle, "flap": flap, "lining": lining, "tassel": tassel, "metal": metallic(rng)}
    )


def sibling_fields(p: BagParameters) -> tuple[str, ...]:
    """What siblings may differ in."""
    names = ["height", "taper", "body", "handle", "flap", "closure"]
    if p.flap in ("none", "short"):
        names += ["pocket"]
    if p.handle in ("pair", "single", "shoulder"):
        names += ["handle_length"]
    if p.handle in ("pair", "single"):
        names += ["handle_spread"]
    return tuple(names)


def attributes(p: BagParameters) -> dict[str, str]:
    """Readable attributes."""
    style = (
        "clutch"
        if p.handle == "none"
        else "shoulder bag"
        if p.handle == "shoulder"
        else "satchel"
        if p.flap != "none"
        else "handbag"
        if p.body == "domed"
        else "tote"
    )
    return {
        "style": style,
        "size": "large" if p.width * p.height > 0.09 else "small",
        "handle": p.handle,
        "closure": p.closure,
    }


FAMILY = Family(
    "bags",
    "bag",
    BagParameters,
    build,
    finish,
    sibling_fields,
    attributes,
    Views((-40.0, 40.0), (6.0, 26.0), (2.0, 10.0)),
)
