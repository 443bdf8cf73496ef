"""Backdrops of the wide world: pure white, any colour, floors, and blurred rooms full of other things."""

from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from catalogue.backdrops import Backdrop, draw_backdrop
from catalogue.geometry import Array

SCENE_PX = 96
WHITE = 2.6  # linear; bright enough to come out as white paper does in a shop's cut-out


def draw_wide_backdrop(rng: np.random.Generator, *, scale: float) -> Backdrop:
    """A random backdrop for an object of the given size in metres."""
    usual = draw_backdrop(rng, scale=scale)
    kind = rng.random()
    if kind < 0.2:
        return replace(usual, kind="sweep", floor=np.full(3, WHITE), glow=0.0)
    if kind < 0.4:
        return replace(usual, kind="sweep", floor=muted(rng.random(3) ** float(rng.uniform(0.7, 3.0)), rng))
    if kind < 0.55:
        return replace(
            usual, floor=np.clip(usual.floor * rng.uniform(0.3, 1.4, 3), 0, 1), wall=muted(rng.random(3) ** 1.5, rng)
        )
    if kind < 0.95:
        scene = draw_scene(rng)
        return replace(usual, kind="sweep", floor=scene[-8:].mean(axis=(0, 1)), scene=scene)
    return usual


def muted(colour: Array, rng: np.random.Generator) -> Array:
    """A colour (3,) with some of its saturation."""
    return np.asarray(colour.mean() + (colour - colour.mean()) * rng.beta(1.2, 2.0), dtype=np.float64)


def draw_scene(rng: np.random.Generator) -> Array:
    """A blurred picture of many things, linear RGB (SCENE_PX, SCENE_PX, 3)."""
    tone, spread, saturation = rng.uniform(0.1, 0.95), float(rng.uniform(0.08, 0.4)), float(rng.beta(1.2, 2.0))

    def colour() -> tuple[int, int, int]:
        grey = tone + rng.normal(0, spread)
        red, green, blue = np.clip(grey + saturation * rng.normal(0, 0.5, 3), 0, 1) * 255
        return int(red), int(green), int(blue)

    side = SCENE_PX
    image = Image.new("RGB", (side, side), colour())
    pen = ImageDraw.Draw(image)
    horizon = int(rng.uniform(0.3, 0.9) * side)
    pen.rectangle((0, horizon, side, side), fill=colour())
    for _ in range(int(rng.integers(0, 28))):
        x, y = rng.uniform(-0.2, 1.0, 2) * side
        w, h = np.exp(rng.uniform(np.log(0.04), np.log(0.7), 2)) * side
        form = int(rng.integers(4))
        if form == 0:
            pen.ellipse((x, y, x + w, y + h), fill=colour())
        elif form == 1:
            pen.line((x, y, x + w, y + float(rng.normal(0, 1)) * h), fill=colour(), width=int(rng.integers(1, 7)))
        elif form == 2:
            corners = [(float(x + a * w), float(y + b * h)) for a, b in rng.random((5, 2))]
            pen.polygon(corners, fill=colour())
        else:
            pen.rectangle((x, y, x + w, y + h), fill=colour())
    blurred = image.filter(ImageFilter.GaussianBlur(float(rng.choice([0.0, 0.7, 1.5, 3.0, 6.0]))))
    grain = rng.normal(0, float(rng.choice([0.0, 0.02, 0.08])), (side, side, 1))
    return np.asarray(np.clip(np.asarray(blurred) / 255.0 + grain, 0, 1) ** 2.2, dtype=np.float64)
