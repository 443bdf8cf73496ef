"""How a photo is framed, and the views from which a shop photographs its items."""

from dataclasses import dataclass

import numpy as np

from catalogue.family import Family


@dataclass(frozen=True)
class PhotoView:
    """How a photo was framed: angles in degrees, perspective as in `camera.frame`, fill and shift in image sizes."""

    azimuth: float
    elevation: float
    perspective: float
    fill: float
    shift: tuple[float, float]


def draw_view(family: Family, rng: np.random.Generator) -> PhotoView:
    """A random view of an item of the family, as a shop takes it."""
    views = family.views
    return PhotoView(
        float(rng.uniform(*views.azimuth_degrees)),
        float(rng.uniform(*views.elevation_degrees)),
        float(rng.uniform(0.12, 0.34)),
        float(rng.uniform(0.66, 0.82)),
        (float(rng.uniform(-0.04, 0.04)), float(rng.uniform(-0.02, 0.05))),
    )
