"""Pendant lamps: one to three shades of many forms on cables or rods below a rose or a bar. They hang in the air."""

from dataclasses import dataclass, replace

import numpy as np

from catalogue.curves import circle, line, points, spline
from catalogue.family import Family, Views
from catalogue.geometry import DETAIL, MAIN, SECONDARY, Array, Part, Solid
from catalogue.materials import Finish, fabric, metallic, painted, wooden
from catalogue.parameters import choice, flag, measure
from catalogue.primitives import box, lathe, tube


@dataclass(frozen=True)
class PendantParameters:
    """Sizes in metres."""

    shade: str = choice(("cone", "dome", "bell", "globe", "drum", "lantern", "disc", "cage"), "form of a shade")
    width: float = measure(0.1, 0.3, "largest radius of a shade")
    height: float = measure(0.1, 0.34, "height of a shade")
    taper: float = measure(0.12, 0.8, "upper radius against the lower one")
    count: int = choice((1, 1, 1, 2, 3), "number of shades")
    cable: float = measure(0.15, 0.6, "length of the cable")
    cable_radius: float = measure(0.002, 0.009, "half thickness of cable or rod")
    rose: str = choice(("disc", "dome", "none"), "what it hangs from, where it hangs alone")
    bulb: bool = flag("a bulb below the shade")
    bands: bool = flag("bands around the shade")


def _profile(p: PendantParameters) -> Array:
    """(n, 2) radius and height from the lower rim upwards."""
    r, h, top = p.width, p.height, p.width * p.taper
    turn = np.linspace(0, np.pi / 2 * 0.95, 18)
    forms = {
        "dome": np.stack([r * np.cos(turn), h * np.sin(turn)], axis=1),
        "globe": np.stack([r * np.cos(2 * turn - 1.45), r * (np.sin(2 * turn - 1.45) + 1)], axis=1),
        "drum": points((r, 0), (r, h)),
        "disc": points((r, 0), (r, 0.02), (0.3 * r, 0.3 * h), (0.03, 0.34 * h)),
        "lantern": points((0.5 * r, 0), (0.8 * r, 0.12 * h), (r, 0.75 * h), (0.3 * r, h), (0.03, h)),
        "bell": spline(points((r, 0), (0.82 * r, 0.2 * h), (0.4 * (r + top), 0.6 * h), (0.5 * top, h)), 20),
    }
    return forms.get(p.shade, points((r, 0), (max(top, 0.02), h)))


def _shade(p: PendantParameters, at: tuple[float, float]) -> list[Part]:
    x, y = at
    profile = _profile(p)
    top = float(profile[-1, 1])
    parts = []
    if p.shade == "cage":
        for k, turn in enumerate(np.linspace(0, 2 * np.pi, 9)[:-1]):
            rib = spline(points((0.02, 0.0), (p.width, 0.35 * top), (0.6 * p.width, 0.8 * top), (0.02, top)), 20)
            path = np.stack([rib[:, 0] * np.cos(turn), rib[:, 1], rib[:, 0] * np.sin(turn)], axis=1)
            parts.append(Part(f"rib {k + 1}", tube(path, 0.004, sides=8).moved(x, y), "stem", MAIN))
    else:
        squared = lathe(profile, sides=6 if p.shade == "lantern" else 48)
        parts.append(Part("shade", squared.moved(x, y), "shade", MAIN))
    if p.bands and p.shade in ("cone", "drum", "bell", "dome"):
        for k, share in enumerate((0.08, 0.3)):
            row = profile[min(int(share * len(profile)), len(profile) - 1)]
            ring = tube(circle(float(row[0]) + 0.002, y=float(row[1])), 0.004, closed=True, sides=8)
            parts.append(Part(f"band {k + 1}", ring.moved(x, y), "stem", DETAIL))
    if p.bulb and p.shade != "globe":
        turn = np.linspace(-np.pi / 2, np.pi / 2, 14)
        ball = np.stack([0.035 * np.cos(turn), 0.035 * np.sin(turn)], axis=1)
        parts.append(Part("bulb", lathe(ball, sides=20).moved(x, y - 0.005), "bulb", SECONDARY))
    cap = lathe(points((0, top - 0.01), (0.026, top - 0.01), (0.02, top + 0.03), (0, top + 0.03)), sides=20)
    cord = tube(line((x, y + top, 0), (x, y + top + p.cable, 0), 10), p.cable_radius, sides=8)
    return [*parts, Part("cap", cap.moved(x, y), "stem", SECONDARY), Part("cable", cord, "stem", MAIN)]


def build(p: PendantParameters) -> Solid:
    """The pendant lamp of the given parameters."""
    step = 2.3 * p.width
    places = [((k - (p.count - 1) / 2) * step, 0.0) for k in range(p.count)]
    parts = [part for at in places for part in _shade(p, at)]
    top = float(_profile(p)[-1, 1]) + p.cable
    if p.count > 1:
        bar = box((step * (p.count - 1) + 0.12, 0.03, 0.05)).moved(y=top)
        parts.append(Part("bar", bar, "stem", MAIN))
    elif p.rose != "none":
        profile = points((0, top), (0.05, top), (0.05, top + 0.02), (0, top + 0.02))
        if p.rose == "dome":
            profile = spline(points((0.012, top), (0.04, top + 0.012), (0.055, top + 0.05)), 10)
        parts.append(Part("rose", lathe(profile, sides=28), "stem", SECONDARY))
    return Solid(tuple(parts))


def finish(p: PendantParameters, rng: np.random.Generator) -> Finish:  # noqa: ARG001 - one signature for all families
    """Lacquered, metal, wooden or cloth shade, sometimes lit."""
    shade = (painted(rng, gloss=0.5), metallic(rng), fabric(rng), wooden(rng))[int(rng.integers(4))]
    if rng.random() < 0.5:
        shade = replace(shade, glow=float(rng.uniform(0.1, 0.5)))
    bulb = replace(painted(rng, ("white",), gloss=0.7), glow=0.6)
    stem = metallic(rng) if rng.random() < 0.5 else painted(rng, ("black", "white", "red"))
    return Finish({"body": shade, "shade": shade, "stem": stem, "bulb": bulb})


def sibling_fields(p: PendantParameters) -> tuple[str, ...]:
    """What siblings may differ in."""
    names = ["shade", "width", "cable", "count"]
    if p.shade not in ("globe", "disc"):
        names.append("height")
    return tuple(names)


def attributes(p: PendantParameters) -> dict[str, str]:
    """Readable attributes."""
    return {"style": "pendant lamp", "size": f"{p.count} shades", "shade": p.shade, "stem": "cable"}


FAMILY = Family(
    "lamps",
    "pendant",
    PendantParameters,
    build,
    finish,
    sibling_fields,
    attributes,
    Views((-45.0, 45.0), (-24.0, 12.0), (-4.0, 6.0)),
    hangs=True,
)
