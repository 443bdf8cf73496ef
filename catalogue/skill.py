"""How well and how fully somebody draws: one dataclass from a hurried novice to a careful hand."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Skill:
    """Habits and errors of one sketch; lengths are in image sizes.

    Attributes:
        level: 0 novice to 1 careful; only for the record.
        num_strokes: upper limit on strokes.
        separation: parallel lines closer than this are drawn as one.
        detail: highest part level drawn (0 main, 1 secondary, 2 detail).
        thin_radius: bars with a smaller half width are single lines.
        miss: probability that a line is left out.
        wobble: slow deviation of the hand, per unit of length.
        tremor: fast deviation.
        drift: error of a stroke's end point, per unit of length.
        overshoot: how far ends run on or fall short.
        rounding: how strongly corners are cut.
        straightening: 0 follows the form, 1 replaces curves by few straight pieces.
        joins_corners: probability of drawing round a corner without lifting the pen.
        splits: probability that a long stroke is drawn in two.
        doubled: probability that a stroke is drawn twice.
        hidden: probability that hidden lines are drawn through.
        part_scale, part_shift: proportion errors of single parts.
        warp: smooth distortion of the whole.
        anisotropy: spread of the height-to-width error (logarithmic).
        view_error_degrees: spread of the error in azimuth and elevation.
        flat_view: probability of falling back to a plain side or front view.
        parallel_view: probability of drawing without perspective.
        pen_width: width of the line.
    """

    level: float
    num_strokes: int
    separation: float
    detail: int
    thin_radius: float
    miss: float
    wobble: float
    tremor: float
    drift: float
    overshoot: float
    rounding: float
    straightening: float
    joins_corners: float
    splits: float
    doubled: float
    hidden: float
    part_scale: float
    part_shift: float
    warp: float
    anisotropy: float
    view_error_degrees: float
    flat_view: float
    parallel_view: float
    pen_width: float


NOVICE = Skill(
    level=0.0,
    num_strokes=11,
    separation=0.045,
    detail=1,
    thin_radius=0.028,
    miss=0.16,
    wobble=0.022,
    tremor=0.0012,
    drift=0.06,
    overshoot=0.02,
    rounding=0.02,
    straightening=0.5,
    joins_corners=0.6,
    splits=0.05,
    doubled=0.05,
    hidden=0.12,
    part_scale=0.10,
    part_shift=0.014,
    warp=0.035,
    anisotropy=0.13,
    view_error_degrees=10.0,
    flat_view=0.22,
    parallel_view=0.6,
    pen_width=0.012,
)
CAREFUL = Skill(
    level=1.0,
    num_strokes=70,
    separation=0.014,
    detail=2,
    thin_radius=0.009,
    miss=0.02,
    wobble=0.006,
    tremor=0.0005,
    drift=0.012,
    overshoot=0.008,
    rounding=0.004,
    straightening=0.05,
    joins_corners=0.3,
    splits=0.2,
    doubled=0.12,
    hidden=0.01,
    part_scale=0.02,
    part_shift=0.003,
    warp=0.012,
    anisotropy=0.04,
    view_error_degrees=4.0,
    flat_view=0.03,
    parallel_view=0.25,
    pen_width=0.007,
)


def between(level: float) -> Skill:
    """The skill at a level from 0 (novice) to 1 (careful).

    Raises:
        ValueError: the level is outside [0, 1].
    """
    if not 0.0 <= level <= 1.0:
        raise ValueError(f"skill level is {level}, expected 0 (novice) to 1 (careful); choose a value in that range")
    low, high = NOVICE.__dict__, CAREFUL.__dict__
    mixed = {name: low[name] + level * (high[name] - low[name]) for name in low}
    mixed["num_strokes"] = round(NOVICE.num_strokes * (CAREFUL.num_strokes / NOVICE.num_strokes) ** level)
    mixed["detail"] = 1 if level < 0.4 else 2
    return Skill(**mixed)


def draw_skill(rng: np.random.Generator) -> Skill:
    """A random person: most are neither novice nor careful, and each habit varies on its own."""
    level = float(np.clip(rng.beta(1.7, 1.5), 0.0, 1.0))
    values = dict(between(level).__dict__)
    for name, value in values.items():
        if isinstance(value, float) and name not in ("level", "thin_radius", "separation"):
            values[name] = value * float(np.exp(rng.normal(0.0, 0.35)))
    values["pen_width"] = float(np.clip(values["pen_width"], 0.005, 0.02))
    values["num_strokes"] = max(5, round(values["num_strokes"] * float(rng.uniform(0.75, 1.3))))
    return Skill(**values)
