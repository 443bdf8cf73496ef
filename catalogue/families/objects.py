"""Objects that no name fits: a few turned, boxed, bent and flat pieces put together at random.

They teach an encoder to compare shapes instead of recognising families.
"""

from dataclasses import dataclass

import numpy as np

from catalogue.curves import points, spline, superellipse
from catalogue.family import Family, Views
from catalogue.geometry import MAIN, SECONDARY, Array, Part, Solid, Surface
from catalogue.materials import Finish, ceramic, fabric, leather, metallic, painted, rubber, wooden
from catalogue.parameters import choice, measure
from catalogue.primitives import box, lathe, slab, tube

FORMS = ("turned", "box", "ball", "cylinder", "cone", "plate", "ring", "bent bar", "prism")
PLACES = ("on top", "left", "right", "in front", "below")


@dataclass(frozen=True)
class ObjectParameters:
    """Sizes as ratios of a body of about one decimetre."""

    body: str = choice(FORMS, "form of the body")
    height: float = measure(0.4, 2.2, "height of the body")
    width: float = measure(0.5, 1.6, "width of the body")
    depth: float = measure(0.5, 1.4, "depth of the body")
    first: str = choice(FORMS, "form of the first piece")
    first_place: str = choice(PLACES, "where the first piece is")
    first_size: float = measure(0.3, 0.9, "size of the first piece")
    second: str = choice(FORMS, "form of the second piece")
    second_place: str = choice(PLACES, "where the second piece is")
    second_size: float = measure(0.25, 0.8, "size of the second piece")
    limbs: int = choice((0, 0, 2, 3, 4, 5), "bars that stick out around the body")
    limb_length: float = measure(0.4, 1.4, "length of the bars")
    outline: int = choice(tuple(range(64)), "number of the outline of turned and bent pieces")


def _unit_form(form: str, number: int) -> Surface:
    """A piece that fills about [-0.5, 0.5] in every direction."""
    rng = np.random.default_rng([number, FORMS.index(form)])
    if form == "turned":
        radii = rng.uniform(0.12, 0.5, 5)
        profile = spline(np.stack([radii, np.linspace(-0.5, 0.5, 5)], axis=1), 30)
        profile[:, 0] = np.maximum(profile[:, 0], 0.04)
        return lathe(np.concatenate([points((0.0, profile[0, 1])), profile, points((0.0, profile[-1, 1]))]))
    if form == "ball":
        turn = np.linspace(-np.pi / 2, np.pi / 2, 24)
        return lathe(np.stack([0.5 * np.cos(turn), 0.5 * np.sin(turn)], axis=1))
    if form == "cylinder":
        return lathe(points((0, -0.5), (0.45, -0.5), (0.45, 0.5), (0, 0.5)))
    if form == "cone":
        return lathe(points((0, -0.5), (0.5, -0.5), (float(rng.uniform(0.02, 0.3)), 0.5), (0, 0.5)))
    if form == "prism":
        return lathe(points((0, -0.5), (0.5, -0.5), (0.5, 0.5), (0, 0.5)), sides=int(rng.integers(3, 7)))
    if form == "plate":
        return slab(superellipse(0.5, 0.4, float(rng.uniform(2, 7))), 0.16).moved(y=0.08)
    if form == "ring":
        turn = np.linspace(0, 2 * np.pi, 41)
        return tube(
            np.stack([0.42 * np.cos(turn), 0.42 * np.sin(turn), 0 * turn], axis=1), 0.08, up=(0, 0, 1), closed=True
        )
    if form == "bent bar":
        path = spline(
            np.column_stack([rng.uniform(-0.45, 0.45, (4, 2)), np.zeros(4)])
            + np.linspace(-0.3, 0.3, 4)[:, None] * (0, 1, 0),
            30,
        )
        return tube(path, 0.07, up=(0, 0, 1))
    return box((1.0, 1.0, 1.0), bevel=0.04)


def _placed(surface: Surface, size: Array, at: Array) -> Surface:
    return surface.mapped(np.diag(size), at)


def _offset(place: str, body: Array, size: Array) -> Array:
    direction = {
        "on top": (0, 1, 0),
        "left": (-1, 0, 0),
        "right": (1, 0, 0),
        "in front": (0, 0, 1),
        "below": (0, -1, 0),
    }
    return np.asarray(np.array(direction[place]) * 0.38 * (body + size), dtype=np.float64)


def build(p: ObjectParameters) -> Solid:
    """The object of the given parameters."""
    size = 0.1 * np.array([p.width, p.height, p.depth])
    parts = [Part("body", _placed(_unit_form(p.body, p.outline), size, np.zeros(3)), "body", MAIN)]
    pieces = ((p.first, p.first_place, p.first_size, "first"), (p.second, p.second_place, p.second_size, "second"))
    for k, (form, place, share, slot) in enumerate(pieces):
        own = 0.1 * share * np.array([p.width, p.height, p.depth]) ** 0.5
        surface = _placed(_unit_form(form, p.outline + 1 + k), own, _offset(place, size, own))
        parts.append(Part(f"piece {k + 1}", surface, slot, MAIN))
    for k in range(p.limbs):
        turn = 2 * np.pi * k / p.limbs + 0.5
        out = np.array([np.cos(turn), -0.55, np.sin(turn)])
        start = 0.4 * size * out
        path = np.linspace(start, start + 0.1 * p.limb_length * out, 8)
        parts.append(Part(f"limb {k + 1}", tube(path, 0.007), "limbs", SECONDARY))
    return Solid(tuple(parts))


def finish(p: ObjectParameters, rng: np.random.Generator) -> Finish:  # noqa: ARG001 - one signature for all families
    """Any material for any piece."""
    makers = (ceramic, fabric, leather, metallic, painted, rubber, wooden)
    return Finish({slot: makers[int(rng.integers(len(makers)))](rng) for slot in ("body", "first", "second", "limbs")})


def sibling_fields(p: ObjectParameters) -> tuple[str, ...]:
    """What siblings may differ in."""
    names = ["height", "body", "first", "first_place", "second_place"]
    if p.limbs:
        names.append("limb_length")
    return tuple(names)


def attributes(p: ObjectParameters) -> dict[str, str]:
    """Readable attributes."""
    return {"style": p.body, "size": "tall" if p.height > 1.2 else "low"}


FAMILY = Family(
    "objects",
    "object",
    ObjectParameters,
    build,
    finish,
    sibling_fields,
    attributes,
    Views((-60.0, 60.0), (2.0, 40.0), (1.0, 20.0)),
)
