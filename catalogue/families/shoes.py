"""Shoes: sneakers, boots, pumps, loafers and sandals on one form, with heels, laces, straps, stripes and toe caps."""

from dataclasses import replace

import numpy as np

from catalogue.families.shoe_details import details
from catalogue.families.shoe_form import FULL, LENGTH, Last, ShoeParameters
from catalogue.family import Family, Views
from catalogue.geometry import DETAIL, MAIN, SECONDARY, Array, Part, Solid
from catalogue.materials import Finish, fabric, leather, metallic, painted, rubber, shaded
from catalogue.primitives import disc, grid_surface, loft, tube


def last_of(p: ShoeParameters) -> Last:
    """The form of a shoe."""
    raised = p.heel_height if p.style in ("pump", "boot", "sandal") else 0.008
    usual = {"sneaker": 0.078, "boot": 0.105, "pump": 0.05, "loafer": 0.062, "sandal": 0.06}[p.style]
    throat = {"sneaker": 0.54, "boot": 0.47, "pump": 0.74, "loafer": 0.6, "sandal": 0.6}[p.style]
    dip = {"sneaker": 0.022, "boot": 0.0, "pump": 0.026, "loafer": 0.016, "sandal": 0.02}[p.style]
    toe = p.toe if p.style in ("pump", "boot", "loafer") else p.toe * 0.4
    toe_height = {"sneaker": 0.042, "boot": 0.045}.get(p.style, 0.032)
    thickness = p.sole + (0.012 if p.style == "sneaker" else 0.0)
    if p.style == "pump":
        thickness = 0.5 * p.sole
    return Last(toe, raised, usual + p.collar, dip, throat, 0.047, toe_height, thickness)


def _upper(p: ShoeParameters, last: Last) -> list[Part]:
    grid = last.upper(FULL, np.linspace(0, 1, 18)).transpose(1, 0, 2)
    skin = grid_surface(grid, closed=True, lines=[grid[-1]] if p.style != "boot" else [])
    lining = disc(grid[12])
    parts = [Part("upper", skin, "body", MAIN), Part("lining", lining, "lining", DETAIL)]
    if p.style == "boot":
        parts[1:] = _shaft(p, grid[-1])
    return parts


def _shaft(p: ShoeParameters, ankle: Array) -> list[Part]:
    centre = ankle[:-1].mean(axis=0)
    rings = []
    for share in np.linspace(0, 1, 10):
        wide = 1.0 - 0.05 * np.sin(np.pi * share) + 0.26 * share**1.5 * min(1.0, p.shaft / 0.15)
        ring = (ankle - centre) * (wide, 1.0, wide * 1.04) + centre + (-0.006 * share, p.shaft * share, 0.0)
        rings.append(ring)
    stack = np.stack(rings)
    skin = grid_surface(stack, closed=True, lines=[stack[-1]])
    parts = [Part("shaft", skin, "body", MAIN), Part("lining", disc(stack[-2]), "lining", DETAIL)]
    if p.buckle:
        band = (stack[5] - stack[5].mean(axis=0)) * 1.03 + stack[5].mean(axis=0)
        parts.append(Part("band", tube(band, 0.008, flatness=0.25, up=(0, 0, 1), closed=True), "accent", SECONDARY))
    return parts


def _sole(p: ShoeParameters, last: Last) -> list[Part]:
    grow = 0.004 if p.style in ("sneaker", "boot", "loafer") else 0.001
    flat = last.sole(FULL, grow=grow)
    top = last.elevation(flat[:, 0])
    bottom = (
        np.maximum(top - last.thickness, 0.0)
        if _heeled(p)
        else np.where(flat[:, 0] > 0.8 * LENGTH, top - last.thickness, 0)
    )
    upper = np.stack([flat[:, 0], top + 0.002, flat[:, 1]], axis=1)
    lower = np.stack([flat[:, 0], bottom, flat[:, 1]], axis=1)
    rings = np.stack([upper, 0.5 * (upper + lower) + (flat - flat.mean(0))[:, [0, 0, 1]] * (0.012, 0, 0.012), lower])
    parts = [Part("sole", loft(rings, lines=[rings[0], rings[-1]]), "sole", MAIN)]
    if p.style == "sneaker" and p.sole > 0.012:
        line = rings[1]
        parts.append(Part("sole line", tube(line, 0.0012, closed=True, sides=6), "accent", DETAIL))
    return parts


def _heeled(p: ShoeParameters) -> bool:
    return p.style in ("pump", "boot", "sandal")


def _heel(p: ShoeParameters, last: Last) -> list[Part]:
    if not _heeled(p):
        return []
    end = 0.72 if p.heel_shape == "wedge" else 0.27
    angle = np.linspace(np.arccos(np.clip(2 * end - 1, -1, 1)), 2 * np.pi - np.arccos(np.clip(2 * end - 1, -1, 1)), 30)
    seat = last.sole(angle, grow=-0.003)
    seat = np.concatenate([seat, seat[:1]])
    top = np.stack([seat[:, 0], last.elevation(seat[:, 0]) - 0.5 * last.thickness, seat[:, 1]], axis=1)
    foot = {"block": 0.88, "cone": 0.5, "stiletto": 0.22, "wedge": 0.95}[p.heel_shape]
    curve = {"block": 1.0, "cone": 1.2, "stiletto": 0.42, "wedge": 1.0}[p.heel_shape]
    anchor = np.array([0.05 * LENGTH if p.heel_shape != "wedge" else 0.3 * LENGTH, 0.0])
    if p.heel_shape in ("stiletto", "cone"):
        anchor[0] = 0.085 * LENGTH
    rings = []
    for share in np.linspace(0, 1, 9):
        scale = 1 - (1 - foot) * share**curve
        flat = anchor + (seat - anchor) * scale
        rings.append(np.stack([flat[:, 0], top[:, 1] * (1 - share), flat[:, 1]], axis=1))
    stack = np.stack(rings)
    slot = "sole" if p.heel_shape in ("block", "wedge") else "heel"
    return [Part("heel", loft(stack, lines=[stack[-1], stack[:, 0]]), slot, MAIN)]


def build(p: ShoeParameters) -> Solid:
    """The shoe of the given parameters."""
    last = last_of(p)
    parts = [] if p.style == "sandal" else _upper(p, last)
    parts += _sole(p, last) + _heel(p, last) + details(p, last)
    centred = [replace(part, surface=part.surface.moved(x=-LENGTH / 2)) for part in parts]
    return Solid(tuple(centred))


def finish(p: ShoeParameters, rng: np.random.Generator) -> Finish:
    """Leather, suede or cloth upper; rubber or leather sole; contrasting panels."""
    body = fabric(rng) if p.style == "sneaker" and rng.random() < 0.4 else leather(rng)
    if p.style == "pump" and rng.random() < 0.5:
        body = replace(body, gloss=0.8, texture="none")
    panel = shaded(body, float(rng.choice([-0.35, 0.35]))) if rng.random() < 0.5 else leather(rng)
    sole = (
        rubber(rng, ("white", "white", "beige", "black"))
        if p.style == "sneaker"
        else rubber(rng, ("black", "brown", "beige"))
    )
    return Finish(
        {
            "body": body,
            "panel": panel,
            "sole": sole,
            "heel": body if rng.random() < 0.7 else sole,
            "accent": painted(rng),
            "lining": shaded(leather(rng, ("beige", "brown", "grey")), -0.25),
            "laces": rubber(rng, ("white", "black", "beige")),
            "metal": metallic(rng, ("brass", "steel")),
        }
    )


def sibling_fields(p: ShoeParameters) -> tuple[str, ...]:
    """What siblings may differ in."""
    return {
        "sneaker": ("stripe", "toe_cap", "heel_panel", "sole", "pull_tab", "collar"),
        "boot": ("heel_height", "heel_shape", "shaft", "toe", "toe_cap"),
        "pump": ("heel_height", "heel_shape", "toe", "ankle_strap"),
        "sandal": ("heel_height", "heel_shape", "straps", "ankle_strap"),
        "loafer": ("toe", "sole", "toe_cap", "heel_panel", "pull_tab"),
    }[p.style]


def attributes(p: ShoeParameters) -> dict[str, str]:
    """Readable attributes."""
    heel = (
        ("flat" if p.heel_height < 0.035 else "high " + p.heel_shape if p.heel_height > 0.065 else p.heel_shape)
        if _heeled(p)
        else "flat"
    )
    toe = "pointed" if p.toe > 0.25 else "square" if p.toe < -0.2 else "round"
    closing = (
        "laces"
        if p.laces and p.style in ("sneaker", "boot")
        else "strap"
        if p.ankle_strap and p.style in ("pump", "sandal")
        else "slip-on"
    )
    return {"style": p.style, "toe": toe, "heel": heel, "closure": closing}


FAMILY = Family(
    "shoes",
    "shoe",
    ShoeParameters,
    build,
    finish,
    sibling_fields,
    attributes,
    Views((-32.0, 32.0), (9.0, 30.0), (1.0, 8.0)),
)
