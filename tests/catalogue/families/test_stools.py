"""Frames of stools run along the axes, where a bar needs to be told which side is up."""

import dataclasses

import numpy as np

from catalogue.families.stools import StoolParameters, build
from catalogue.parameters import draw_parameters


def test_the_runners_of_a_frame_are_square_bars_at_any_splay() -> None:
    drawn = draw_parameters(StoolParameters, np.random.default_rng(0))
    for splay in np.linspace(0.95, 1.5, 12):
        solid = build(dataclasses.replace(drawn, legs="frame", splay=float(splay)))
        for part in solid.parts:
            if part.name.startswith("runner"):
                assert np.isclose(np.ptp(part.surface.vertices[:, 1]), drawn.leg_width, rtol=0.01)
