"""Light and lenses of the wide world: from any side, hard or soft, tinted, dim or bright; noise and blur."""

import numpy as np

from catalogue.lighting import Light
from catalogue.photo import Lens


def draw_wide_light(rng: np.random.Generator, *, camera_azimuth: float) -> Light:
    """A key light from anywhere above."""
    around = np.radians(camera_azimuth + float(rng.normal(0, 70)))
    above = np.radians(float(rng.uniform(22, 82)))
    direction = np.array([np.sin(around) * np.cos(above), np.sin(above), np.cos(around) * np.cos(above)])
    tint = np.exp(rng.normal(0.0, 0.1, 3))
    softness = float(np.exp(rng.uniform(np.log(0.04), np.log(0.6))))
    return Light(direction, softness, tint, float(rng.uniform(0.3, 1.3)), float(rng.uniform(0.25, 0.9)))


def draw_wide_lens(rng: np.random.Generator) -> Lens:
    """Vignette, noise, exposure and sharpness of some camera."""
    return Lens(
        vignette=float(rng.uniform(0.0, 0.5)),
        grain_seed=int(rng.integers(2**31)),
        noise=float(rng.choice([0.003, 0.006, 0.015, 0.03])),
        exposure=float(np.exp(rng.normal(0.3, 0.25))),
        blur=float(rng.choice([0.0, 0.0, 0.002, 0.005])),
    )
