"""Colours and materials: curated palettes with plain colour names, and what each material looks like."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from catalogue.geometry import Array

PAINTS: Mapping[str, tuple[str, ...]] = {
    "white": ("f4f1ea", "ece7dc", "f7f7f4"),
    "grey": ("8d9196", "6d7278", "b3b1ac"),
    "black": ("24252a", "2b2827", "1d2026"),
    "red": ("b23a36", "c8453b", "8e2f34"),
    "orange": ("d9763a", "e08a4b", "c9622f"),
    "yellow": ("e0b545", "e7c668", "d3a02f"),
    "green": ("5d7d5a", "3f6a55", "8fa77f", "2f5747"),
    "teal": ("3f8080", "57989a", "2c6a72"),
    "blue": ("3c6591", "5b86b5", "2b4768", "87a9c8"),
    "purple": ("77608f", "5b4a78", "a08cb4"),
    "pink": ("d99a9d", "e4b3ae", "c9717f"),
    "beige": ("d8c5a5", "c9b08a", "e2d5bd"),
    "brown": ("7a5236", "95683f", "5b3d2b"),
}
WOODS: Mapping[str, str] = {"oak": "c39a66", "walnut": "74492c", "beech": "d9b283", "ebony": "3c2d26", "teak": "a06a3b"}
METALS: Mapping[str, tuple[str, str]] = {
    "steel": ("c9cbce", "grey"),
    "brass": ("c9a24d", "yellow"),
    "copper": ("c47f57", "orange"),
    "gunmetal": ("4c4f55", "black"),
}


@dataclass(frozen=True)
class Material:
    """How a surface looks.

    Attributes:
        kind: plain name for the metadata: "ceramic", "leather", "wood", "metal", "fabric", "rubber", "paint".
        colour: (3,) linear RGB in [0, 1].
        second: (3,) linear RGB of the pattern or grain.
        texture: "none", "grain", "mottle", "weave", "speckle", "brushed", "stripes", "checks", "bands".
        scale: texture periods per metre.
        gloss: 0 matte to 1 polished.
        metallic: reflections take the colour of the surface.
        glow: light the surface gives off, as a lit lampshade does.
        colour_name: plain colour name.
    """

    kind: str
    colour: Array
    second: Array
    texture: str = "none"
    scale: float = 40.0
    gloss: float = 0.2
    metallic: bool = False
    glow: float = 0.0
    colour_name: str = "grey"


@dataclass(frozen=True)
class Finish:
    """Materials by slot; slots that are not listed look like "body"."""

    slots: Mapping[str, Material]

    def material(self, slot: str) -> Material:
        """The material of a slot."""
        return self.slots.get(slot, self.slots["body"])


def linear(code: str) -> Array:
    """Linear RGB (3,) of an sRGB hex code."""
    channels = np.array([int(code[k : k + 2], 16) for k in (0, 2, 4)]) / 255.0
    return np.asarray(channels**2.2, dtype=np.float64)


def pick_paint(rng: np.random.Generator, names: Sequence[str] | None = None) -> tuple[str, Array]:
    """A plain colour name and one of its shades, slightly varied."""
    pool = list(PAINTS) if names is None else list(names)
    name = pool[int(rng.integers(len(pool)))]
    shade = linear(PAINTS[name][int(rng.integers(len(PAINTS[name])))])
    return name, np.clip(shade * rng.uniform(0.9, 1.08, 3), 0.0, 0.8)


def _mixed(colour: Array, amount: float) -> Array:
    """Lighter (amount > 0) or darker version of a colour."""
    target = 1.0 if amount > 0 else 0.0
    return np.asarray(colour + (target - colour) * abs(amount), dtype=np.float64)


def painted(rng: np.random.Generator, names: Sequence[str] | None = None, *, gloss: float = 0.35) -> Material:
    """Smooth lacquer."""
    name, colour = pick_paint(rng, names)
    return Material("paint", colour, colour, gloss=gloss, colour_name=name)


def wooden(rng: np.random.Generator, names: Sequence[str] | None = None) -> Material:
    """Oiled wood with grain."""
    pool = list(WOODS) if names is None else list(names)
    name = pool[int(rng.integers(len(pool)))]
    colour = linear(WOODS[name]) * rng.uniform(0.9, 1.1)
    plain = "black" if name == "ebony" else "brown" if name in ("walnut", "teak") else "beige"
    return Material("wood", colour, _mixed(colour, -0.5), "grain", 30.0, 0.3, colour_name=plain)


def metallic(rng: np.random.Generator, names: Sequence[str] | None = None) -> Material:
    """Brushed or polished metal."""
    pool = list(METALS) if names is None else list(names)
    name = pool[int(rng.integers(len(pool)))]
    colour = linear(METALS[name][0])
    gloss = float(rng.uniform(0.6, 0.9))
    return Material("metal", colour, _mixed(colour, -0.15), "brushed", 120.0, gloss, True, colour_name=METALS[name][1])


def leather(rng: np.random.Generator, names: Sequence[str] | None = None) -> Material:
    """Leather with fine mottling."""
    name, colour = pick_paint(rng, names)
    return Material("leather", colour, _mixed(colour, -0.35), "mottle", 90.0, 0.38, colour_name=name)


def fabric(rng: np.random.Generator, names: Sequence[str] | None = None) -> Material:
    """Cloth: plain weave, sometimes striped or checked."""
    name, colour = pick_paint(rng, names)
    texture = ("weave", "weave", "weave", "stripes", "checks")[int(rng.integers(5))]
    second = _mixed(colour, -0.3) if texture == "weave" else _mixed(colour, float(rng.choice([0.55, -0.5])))
    scale = 260.0 if texture == "weave" else float(rng.uniform(18, 34))
    return Material("fabric", colour, second, texture, scale, 0.04, colour_name=name)


def ceramic(rng: np.random.Generator, names: Sequence[str] | None = None) -> Material:
    """Glazed stoneware: plain, speckled or with a dipped band."""
    name, colour = pick_paint(rng, names)
    texture = ("none", "speckle", "speckle", "bands", "none")[int(rng.integers(5))]
    lighter = float(colour.mean()) < 0.35
    second = _mixed(colour, 0.6 if lighter else -0.6)
    return Material("ceramic", colour, second, texture, float(rng.uniform(14, 26)), 0.75, colour_name=name)


def rubber(rng: np.random.Generator, names: Sequence[str] | None = None) -> Material:
    """Matte sole or foot."""
    name, colour = pick_paint(rng, names or ("white", "black", "beige", "brown"))
    return Material("rubber", colour, colour, gloss=0.12, colour_name=name)


def shaded(material: Material, amount: float) -> Material:
    """The same material, lighter (positive) or darker."""
    return replace(material, colour=_mixed(material.colour, amount), second=_mixed(material.second, amount))
