"""Finishes of the wide world: some pieces of an item are of another material than a shop would choose."""

import numpy as np

from catalogue.materials import Finish, Material, ceramic, fabric, leather, metallic, painted, rubber, wooden

MAKERS = (ceramic, fabric, leather, metallic, painted, rubber, wooden)


def any_material(rng: np.random.Generator) -> Material:
    """A random material."""
    return MAKERS[int(rng.integers(len(MAKERS)))](rng)


def draw_wide_finish(finish: Finish, rng: np.random.Generator) -> Finish:
    """The finish with a quarter of its materials exchanged, and some items in one colour throughout."""
    slots = {name: any_material(rng) if rng.random() < 0.25 else each for name, each in finish.slots.items()}
    if rng.random() < 0.15:
        only = any_material(rng)
        slots = dict.fromkeys(slots, only)
    return Finish(slots)
