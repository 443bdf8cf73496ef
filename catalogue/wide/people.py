"""People of the wide world: besides the usual ones, those who draw icons, sketch loosely or get the view wrong."""

from dataclasses import replace

import numpy as np

from catalogue.skill import Skill, draw_skill


def draw_wide_skill(rng: np.random.Generator) -> Skill:
    """A random person."""
    usual = draw_skill(rng)
    kind = rng.random()
    if kind < 0.18:
        return _icon(usual, rng)
    if kind < 0.3:
        return replace(usual, doubled=0.7, splits=0.7, overshoot=2.5 * usual.overshoot, tremor=2 * usual.tremor)
    if kind < 0.5:
        return replace(
            usual,
            view_error_degrees=18.0,
            flat_view=0.35,
            anisotropy=0.25,
            part_scale=1.8 * usual.part_scale,
            warp=1.5 * usual.warp,
        )
    return usual


def _icon(usual: Skill, rng: np.random.Generator) -> Skill:
    """Somebody who draws the idea of a thing: few lines, no perspective."""
    return replace(
        usual,
        num_strokes=int(rng.integers(5, 12)),
        separation=0.045,
        thin_radius=0.04,
        detail=int(rng.integers(2)),
        straightening=0.6,
        joins_corners=0.8,
        flat_view=0.7,
        parallel_view=1.0,
        hidden=0.0,
        doubled=0.0,
    )
