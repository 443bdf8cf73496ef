"""What is sewn onto a shoe: toe cap, heel panel, stripes, laces, straps, saddle, bow and pull tab."""

import numpy as np

from catalogue.curves import points, resample, spline
from catalogue.families.shoe_form import FULL, LENGTH, Last, ShoeParameters
from catalogue.geometry import DETAIL, MAIN, SECONDARY, Array, Part, merge
from catalogue.primitives import box, sheet, tube


def details(p: ShoeParameters, last: Last) -> list[Part]:
    """Everything on top of upper, sole and heel."""
    return _panels(p, last) + _stripes(p, last) + _laces(p, last) + _straps(p, last) + _extras(p, last)


def _patch(last: Last, angles: Array, rises: Array, lift: float) -> Array:
    return last.outward(last.upper(angles, rises), lift)


def _panels(p: ShoeParameters, last: Last) -> list[Part]:
    parts: list[Part] = []
    if p.toe_cap and p.style in ("sneaker", "boot", "loafer"):
        grid = _patch(last, np.linspace(-1.0, 1.0, 21), np.linspace(0.01, 0.5, 9), 0.0016)
        parts.append(
            Part("toe cap", sheet(grid, 0.001).with_lines([grid[:, -1], grid[0], grid[-1]]), "panel", SECONDARY)
        )
    if p.heel_panel and p.style in ("sneaker", "boot", "loafer"):
        grid = _patch(last, np.linspace(2.35, 2 * np.pi - 2.35, 21), np.linspace(0.01, 0.8, 9), 0.0016)
        parts.append(Part("heel panel", sheet(grid, 0.001), "panel", SECONDARY))
    return parts


def _stripes(p: ShoeParameters, last: Last) -> list[Part]:
    if p.style != "sneaker" or p.stripe == "none":
        return []
    parts: list[Part] = []
    if p.stripe == "swoosh":
        for number, sign in enumerate((1, -1)):
            angles = sign * np.linspace(1.05, 2.5, 20)
            share = np.linspace(0, 1, 20)
            lower, upper = 0.2 + 0.35 * share**2, 0.42 + 0.16 * share**2 - 0.2 * (1 - share) ** 3
            rows = [last.upper(angles[k : k + 1], np.linspace(lower[k], upper[k], 5))[0] for k in range(20)]
            parts.append(
                Part(f"swoosh {number + 1}", sheet(last.outward(np.stack(rows), 0.0018), 0.001), "accent", SECONDARY)
            )
        return parts
    count = {"one": 1, "two": 2, "three": 3}[p.stripe]
    for number, start in enumerate(1.25 + 0.2 * np.arange(count)):
        for side, sign in enumerate((1, -1)):
            rises = np.linspace(0.06, 0.86, 10)
            rows = [
                last.upper(sign * (start + 0.22 * r + np.array([0, 0.045, 0.09])), np.array([r]))[:, 0] for r in rises
            ]
            grid = last.outward(np.stack(rows), 0.0018)
            parts.append(Part(f"stripe {2 * number + side + 1}", sheet(grid, 0.001), "accent", SECONDARY))
    return parts


def _laces(p: ShoeParameters, last: Last) -> list[Part]:
    if p.style not in ("sneaker", "boot") or p.laces == 0:
        return []
    parts = []
    tongue = _patch(last, np.linspace(-0.34, 0.34, 9), np.linspace(0.62, 1.0, 8), 0.001)
    parts.append(Part("tongue", sheet(tongue, 0.001), "panel", SECONDARY))
    for number, rise in enumerate(np.linspace(0.66, 0.96, p.laces)):
        row = last.upper(np.linspace(-0.42, 0.42, 9), np.array([rise - 0.02, rise, rise + 0.02]))
        lifted = last.outward(row, 0.004)[:, 1]
        parts.append(Part(f"lace {number + 1}", tube(lifted, 0.0028, flatness=0.6, sides=8), "laces", DETAIL))
    if p.style == "boot" and p.shaft > 0.1:
        ring = last.opening(np.linspace(-0.5, 0.5, 9))
        for number, share in enumerate(np.linspace(0.15, 0.8, 3)):
            wide = 1.0 + 0.26 * share**1.5 * min(1.0, p.shaft / 0.15)
            centre = last.opening(FULL)[:-1].mean(axis=0)
            path = (ring - centre) * (wide, 1, wide) + centre + (0.005 - 0.006 * share, p.shaft * share, 0)
            parts.append(Part(f"lace {p.laces + number + 1}", tube(path, 0.0028, sides=8), "laces", DETAIL))
    return parts


def over_foot(last: Last, share: float, width: float, rise: float) -> Array:
    """(9, 15, 3) grid of a strap that arches over the foot at a share of its length."""
    x = LENGTH * np.clip(share + np.linspace(-width / 2, width / 2, 9) / LENGTH, 0.02, 0.98)
    turn = np.linspace(-0.1, np.pi + 0.1, 15)
    outline = last.sole(np.linspace(np.pi, 0, 80))
    half = np.interp(x, outline[:, 0], outline[:, 1])
    ground = last.elevation(x)
    top = rise * (1 - 0.25 * (x / LENGTH - share))
    y = ground[:, None] + top[:, None] * np.clip(np.sin(turn), -0.1, 1)[None]
    z = half[:, None] * np.cos(turn)[None] * 1.02
    return np.stack([np.broadcast_to(x[:, None], y.shape), y, z], axis=-1)


def _straps(p: ShoeParameters, last: Last) -> list[Part]:
    parts: list[Part] = []
    if p.style == "sandal":
        places = {1: (0.72,), 2: (0.78, 0.55), 3: (0.82, 0.66, 0.5)}[p.straps]
        width = {1: 0.055, 2: 0.028, 3: 0.016}[p.straps]
        for number, share in enumerate(places):
            grid = over_foot(last, share, width, 0.034 + 0.05 * (0.84 - share))
            parts.append(Part(f"strap {number + 1}", sheet(grid, 0.002), "body", MAIN))
        back = _patch(last, np.linspace(2.3, 2 * np.pi - 2.3, 21), np.linspace(0.0, 0.72, 8), 0.0)
        parts.append(Part("heel cup", sheet(back, 0.002), "body", SECONDARY))
    if p.ankle_strap and p.style in ("sandal", "pump"):
        parts += _ankle_strap(p, last)
    return parts


def _ankle_strap(p: ShoeParameters, last: Last) -> list[Part]:
    height = float(last.elevation(np.array([0.2 * LENGTH]))[0]) + 0.085
    angle = np.linspace(0, 2 * np.pi, 41)
    loop = np.stack([0.065 + 0.052 * np.cos(angle), height - 0.008 * np.cos(angle), 0.029 * np.sin(angle)], axis=1)
    parts = [Part("ankle strap", tube(loop, 0.006, flatness=0.28, up=(0, 0, 1), closed=True), "body", MAIN)]
    tab = np.stack(
        [resample(points((0.006, height - 0.05, z), (0.012, height + 0.004, z)), 6) for z in (-0.008, 0, 0.008)]
    )
    parts.append(Part("heel tab", sheet(tab, 0.002), "body", SECONDARY))
    if p.buckle:
        clasp = box((0.016, 0.016, 0.004), bevel=0.001).moved(0.07, height, 0.031)
        parts.append(Part("buckle", clasp, "metal", DETAIL))
    return parts


def _extras(p: ShoeParameters, last: Last) -> list[Part]:
    parts: list[Part] = []
    if p.style == "loafer":
        band = _patch(last, np.linspace(-1.15, 1.15, 21), np.linspace(0.74, 0.92, 6), 0.002)
        parts.append(Part("saddle", sheet(band, 0.001), "panel", SECONDARY))
        if p.buckle:
            parts.append(Part("bit", tube(band[6:15, 3] + (0, 0.003, 0), 0.0028, sides=8), "metal", DETAIL))
    if p.style == "pump" and p.buckle and not p.ankle_strap:
        at = last.upper(np.array([-0.05, 0.0, 0.05]), np.array([0.9]))[1, 0]
        bow = [
            box((0.008, 0.02, 0.03), bevel=0.003).turned("x", s * 15).moved(*(at + np.array([0, 0.004, s * 0.018])))
            for s in (1, -1)
        ]
        parts.append(Part("bow", merge(bow), "accent", SECONDARY))
    if p.pull_tab and p.style in ("sneaker", "boot", "loafer"):
        top = last.opening(np.array([np.pi]))[0] + ((-0.012, p.shaft, 0) if p.style == "boot" else (0, 0, 0))
        loop = spline(top + points((0, -0.02, 0), (-0.012, 0.0, 0), (-0.006, 0.018, 0), (0.003, 0, 0)), 16)
        parts.append(Part("pull tab", tube(loop, 0.005, flatness=0.3, up=(0, 0, 1), sides=8), "accent", SECONDARY))
    return parts
