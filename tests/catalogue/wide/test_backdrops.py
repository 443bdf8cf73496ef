"""Backdrops of the wide world."""

import numpy as np

from catalogue.backdrops import look
from catalogue.wide.backdrops import draw_scene, draw_wide_backdrop


def test_scenes_are_pictures_in_range_and_differ() -> None:
    one, other = (draw_scene(np.random.default_rng(seed)) for seed in (0, 1))
    assert one.shape == other.shape
    assert one.min() >= 0.0
    assert one.max() <= 1.0
    assert np.abs(one - other).mean() > 0.02


def test_a_scene_fills_the_picture_behind_the_object() -> None:
    seeds = (np.random.default_rng(seed) for seed in range(40))
    backdrop = next(b for b in (draw_wide_backdrop(rng, scale=1.0) for rng in seeds) if b.scene is not None)
    assert backdrop.scene is not None
    places = np.array([[0.0, 0.0], [1.0, 1.0]])
    directions = np.tile([0.0, 0.0, -1.0], (2, 1))
    seen = look(backdrop, np.tile([0.0, 1.0, 3.0], (2, 1)), directions, places)
    assert np.allclose(seen.colour, [backdrop.scene[0, 0], backdrop.scene[-1, -1]], atol=1e-4)
