"""Vases, bottles and jars: a turned body with neck, lip, rings, ribs, handles and stoppers."""

import itertools
from dataclasses import dataclass

import numpy as np

from catalogue.curves import circle, points, spline
from catalogue.family import Family, Views
from catalogue.geometry import DETAIL, MAIN, SECONDARY, Array, Part, Solid
from catalogue.materials import Finish, ceramic, metallic, painted, wooden
from catalogue.parameters import choice, measure
from catalogue.primitives import grid_surface, lathe, loft, tube


@dataclass(frozen=True)
class VaseParameters:
    """Sizes in metres."""

    height: float = measure(0.16, 0.42, "height of body and neck")
    belly: float = measure(0.05, 0.105, "largest radius")
    belly_height: float = measure(0.3, 0.84, "height of the widest place against the height without the neck")
    foot: float = measure(0.35, 0.85, "radius at the bottom against the largest")
    neck: float = measure(0.2, 0.75, "radius of the neck against the largest")
    neck_length: float = measure(0.08, 0.38, "length of the neck against the height")
    lip: str = choice(("plain", "flared", "rolled", "collar"), "shape of the mouth")
    profile: str = choice(("round", "round", "angular", "double", "straight"), "outline of the body")
    handles: str = choice(("none", "none", "one", "two", "lugs"), "number and kind of handles")
    handle_size: float = measure(0.25, 0.5, "height of the handles against the height")
    ribs: int = choice((0, 0, 0, 8, 14), "vertical ribs around the body")
    rings: int = choice((0, 0, 1, 2, 3), "raised rings around the body")
    stopper: str = choice(("none", "none", "none", "ball", "cork"), "what closes it")
    pedestal: bool = choice((False, False, True), "stands on a foot")


def _outline(p: VaseParameters) -> Array:
    """(n, 2) radius and height from the bottom to the mouth."""
    h, r = p.height, p.belly
    low, mouth, shoulder = p.foot * r, p.neck * r, 1 - p.neck_length
    wide = p.belly_height * shoulder
    lip = {"plain": 1.0, "flared": 1.5, "rolled": 1.15, "collar": 1.0}[p.lip]
    controls = {
        "round": [
            (low, 0),
            (0.5 * (low + r) * 1.06, 0.45 * wide),
            (r, wide),
            (0.5 * (r + mouth), 0.5 * (wide + shoulder) + 0.05),
            (mouth, shoulder + 0.04),
            (mouth * 1.02, 0.5 * (shoulder + 1) + 0.02),
            (mouth * lip, 1),
        ],
        "double": [
            (low, 0),
            (r, 0.7 * wide),
            (0.62 * r, wide + 0.02),
            (0.8 * r, 0.5 * (wide + shoulder) + 0.06),
            (mouth, shoulder + 0.05),
            (mouth * lip, 1),
        ],
        "straight": [
            (max(low, 0.6 * r), 0),
            (0.9 * r, 0.06),
            (0.97 * r, 0.5 * shoulder),
            (r, shoulder - 0.06),
            (mouth * 1.1, shoulder + 0.03),
            (mouth, shoulder + 0.1),
            (mouth * lip, 1),
        ],
    }
    if p.profile == "angular":
        corners = points((low, 0), (r, wide), (mouth, shoulder), (mouth, 0.97), (mouth * lip, 1))
        dense = [np.linspace(a, b, 10)[:-1] for a, b in itertools.pairwise(corners)]
        return np.concatenate([*dense, corners[-1:]]) * (1, h)
    return spline(points(*controls[p.profile]), 48) * (1, h)


def _lift(p: VaseParameters) -> float:
    return 0.03 if p.pedestal else 0.0


def _body(p: VaseParameters) -> list[Part]:
    outline = _outline(p) + np.array([0, _lift(p)])
    inner = (outline - (0.004, 0))[::-1][:14]
    if p.ribs == 0:
        profile = np.concatenate([points((0, _lift(p))), outline, outline[-1:] + np.array([-0.002, 0.002]), inner])
        surface = lathe(profile, sides=60)
    else:
        surface = lathe(np.concatenate([outline[-1:] + np.array([-0.002, 0.002]), inner]), sides=60)
    mouth, floor = outline[-1], outline[0]
    rims = [circle(float(mouth[0] - 0.002), y=float(mouth[1] + 0.0021)), circle(float(floor[0]), y=float(floor[1]))]
    if p.profile == "angular":
        rims += [circle(float(outline[k, 0]) + 0.0004, y=float(outline[k, 1])) for k in (9, 18)]
    parts = [Part("body", surface.with_lines(rims), "body", MAIN)]
    if p.ribs:
        parts.append(_ribbed(p, outline))
    return parts


def _ribbed(p: VaseParameters, outline: Array) -> Part:
    angle = np.linspace(0, 2 * np.pi, 12 * p.ribs + 1)
    share = (outline[:, 1] - outline[0, 1]) / p.height
    depth = 0.05 * np.clip(np.sin(np.pi * np.clip(share / (1 - p.neck_length), 0, 1)), 0, 1)
    scale = 1 - depth[:, None] * np.abs(np.cos(angle * p.ribs / 2))[None] ** 6
    radius = outline[:, :1] * scale
    grid = np.stack(
        [radius * np.cos(angle), np.broadcast_to(outline[:, 1:], radius.shape), radius * np.sin(angle)], axis=-1
    )
    valleys = [grid[3:-6, k * 12] for k in range(p.ribs)]
    return Part("ribs", grid_surface(grid, closed=True, lines=valleys), "body", MAIN)


def _radius_at(p: VaseParameters, share: float) -> float:
    outline = _outline(p)
    return float(np.interp(share * p.height, outline[:, 1], outline[:, 0]))


def _handles(p: VaseParameters) -> list[Part]:
    if p.handles == "none":
        return []
    high = min(0.95, 1 - 0.35 * p.neck_length)
    low = max(high - p.handle_size, 0.2)
    a, b = _radius_at(p, high) - 0.002, _radius_at(p, low) - 0.003
    out = max(a, b) + (0.05 if p.handles != "lugs" else 0.018)
    y = np.array([high, 0.5 * (high + low), low]) * p.height + _lift(p)
    if p.handles == "lugs":
        y[2] = y[0] - 0.045
        b = _radius_at(p, (y[2] - _lift(p)) / p.height) - 0.002
    curve = spline(
        points(
            (a, y[0], 0),
            (0.6 * a + 0.4 * out, y[0] + 0.012, 0),
            (out, 0.7 * y[0] + 0.3 * y[2], 0),
            (0.5 * (out + b), 0.3 * y[0] + 0.7 * y[2], 0),
            (b, y[2], 0),
        ),
        30,
    )
    sides = (1,) if p.handles == "one" else (1, -1)
    return [
        Part(f"handle {k + 1}", tube(curve * (s, 1, 1), 0.0065, flatness=1.3, up=(0, 0, 1)), "handle", MAIN)
        for k, s in enumerate(sides)
    ]


def _details(p: VaseParameters) -> list[Part]:
    parts = []
    lift = _lift(p)
    top = p.height + lift
    mouth = _radius_at(p, 1.0)
    if p.lip in ("rolled", "collar"):
        h = 0.006 if p.lip == "rolled" else 0.02
        ring = spline(
            points(
                (mouth, top - h),
                (mouth + 0.006, top - 0.6 * h),
                (mouth + 0.006, top - 0.2 * h),
                (mouth - 0.002, top + 0.003),
            ),
            14,
        )
        parts.append(Part("lip", lathe(ring), "body", SECONDARY))
    for number in range(p.rings):
        share = np.array([0.0, 0.012, 0.024]) + (1 - p.neck_length) * (0.3 + 0.25 * number)
        rings = np.stack(
            [
                circle(_radius_at(p, float(s)) + lift_out, y=float(s) * p.height + lift)
                for s, lift_out in zip(share, (0.0005, 0.003, 0.0005), strict=True)
            ]
        )
        parts.append(
            Part(f"ring {number + 1}", loft(rings, caps=(False, False), lines=[rings[0], rings[2]]), "accent", DETAIL)
        )
    if p.pedestal:
        r = p.foot * p.belly
        foot = np.concatenate(
            [
                points((0, 0), (r * 1.25, 0), (r * 1.25, 0.006)),
                spline(points((r * 1.15, 0.01), (r * 0.6, 0.02), (r * 0.9, lift + 0.004)), 12),
            ]
        )
        parts.append(Part("foot", lathe(foot), "body", MAIN))
    if p.stopper != "none":
        r = max(mouth - 0.004, 0.006)
        if p.stopper == "ball":
            turn = np.linspace(-np.pi / 2 * 0.8, np.pi / 2, 20)
            ball = max(1.15 * r, 0.012)
            sphere = np.stack([ball * np.cos(turn), top + 0.01 + ball * (1 + np.sin(turn))], axis=1)
            knob = np.concatenate([points((r, top - 0.01), (r, top + 0.004), (0.5 * r, top + 0.01)), sphere])
        else:
            knob = points(
                (r, top - 0.01),
                (r * 1.08, top + 0.02),
                (r * 1.05, top + 0.026),
                (r * 0.95, top + 0.028),
                (0, top + 0.0285),
            )
        parts.append(Part("stopper", lathe(knob, sides=32), "accent", MAIN))
    return parts


def build(p: VaseParameters) -> Solid:
    """The vase of the given parameters."""
    return Solid(tuple(_body(p) + _handles(p) + _details(p)))


def finish(p: VaseParameters, rng: np.random.Generator) -> Finish:
    """Glazed or metal body."""
    body = ceramic(rng) if rng.random() < 0.85 else metallic(rng)
    handle = body if rng.random() < 0.8 else ceramic(rng)
    accent = wooden(rng) if p.stopper == "cork" else metallic(rng) if rng.random() < 0.4 else painted(rng)
    return Finish({"body": body, "handle": handle, "accent": accent})


def sibling_fields(p: VaseParameters) -> tuple[str, ...]:
    """What siblings may differ in."""
    names = ["neck", "neck_length", "profile", "handles", "stopper", "pedestal"]
    if p.profile != "straight":
        names += ["belly_height", "foot"]
    return tuple(names + (["ribs"] if p.profile != "angular" else []))


def attributes(p: VaseParameters) -> dict[str, str]:
    """Readable attributes."""
    style = (
        "bottle"
        if p.stopper != "none"
        else "jug"
        if p.handles == "one"
        else "amphora"
        if p.handles == "two"
        else "vase"
    )
    return {
        "style": style,
        "size": "tall" if p.height > 0.3 else "small",
        "body": "ribbed" if p.ribs else "smooth",
        "handles": p.handles,
    }


FAMILY = Family(
    "vases",
    "vase",
    VaseParameters,
    build,
    finish,
    sibling_fields,
    attributes,
    Views((-30.0, 30.0), (6.0, 28.0), (2.0, 12.0)),
)
