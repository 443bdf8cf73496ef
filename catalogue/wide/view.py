"""Views of the wide world: more of the way around, from below and above, close and far, cut off a little."""

import numpy as np

from catalogue.family import Family
from catalogue.view import PhotoView


def draw_wide_view(family: Family, rng: np.random.Generator) -> PhotoView:
    """A random view of an item of the family."""
    views = family.views
    low, high = views.azimuth_degrees
    azimuth = float(rng.uniform(1.4 * low, 1.4 * high)) if rng.random() < 0.9 else float(rng.uniform(-180, 180))
    bottom, top = views.elevation_degrees
    elevation = float(rng.uniform(bottom - 6, top + 16))
    fill = float(rng.uniform(0.5, 0.96))
    room = max(0.5 - fill / 2, 0.02)
    shift = rng.uniform(-room, room, 2)
    return PhotoView(
        azimuth,
        elevation if family.hangs else max(elevation, 1.0),
        float(rng.uniform(0.06, 0.55)),
        fill,
        (float(shift[0]), float(shift[1])),
    )
