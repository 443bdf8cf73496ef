"""Ink on a sheet: its strength at each pixel, compared with the paper around it, and the pixels that it covers."""

from dataclasses import dataclass

import numpy as np

from model.reading.components import components_of
from model.reading.filters import Levels, Mask, grown, mean_of_nine, shrunk
from model.reading.sheet import Sheet

MIN_CONTRAST = 0.09  # of the paper's level: what stands out less is no ink
_NOISES = 4.0  # standard deviations: fainter ones are the paper's grain
_GRAINY = 0.035  # noise above this is evened out first
_EVEN = 0.004  # noise below this is none: pixels that are dark enough need no dark neighbours
_WEAK, _STRONG = 0.3, 0.5  # of the darkest strokes: a stroke reaches the strong one and goes on down to the weak one
_SPECK_PIXELS = 5


@dataclass(frozen=True)
class Inked:
    """The ink of a drawing.

    Attributes:
        darkness: (H, W), 0 paper to 1 the darkest strokes.
        mask: (H, W) True where there is ink.
        lowest: the darkness above the paper's own grain.
    """

    darkness: Levels
    mask: Mask
    lowest: float


def find_ink(levels: Levels, sheet: Sheet) -> Inked | None:
    """Finds the ink on a sheet, dark on light or light on dark; None when nothing stands out.

    Args:
        levels: (H, W), 0 black to 1 white.
        sheet: from `find_sheet`.
    """
    distance = np.where(sheet.inside, sheet.paper - levels, 0)
    darkness = _as_share(distance, sheet.paper, light_paper=_is_light(distance))
    noise = _noise(darkness[sheet.inside])
    grainy = noise > _GRAINY
    if grainy:
        darkness = mean_of_nine(darkness)
        noise = _noise(darkness[sheet.inside])
    outstanding = darkness[darkness > max(_NOISES * noise, MIN_CONTRAST)]
    if len(outstanding) < 2:
        return None
    strongest = float(np.quantile(outstanding, 0.9))
    lowest = max(_NOISES * noise, MIN_CONTRAST / 2) / strongest
    relative = np.clip(darkness / strongest, 0, 1).astype(np.float32)
    mask = _lines(relative, max(_WEAK, lowest)) if noise > _EVEN else relative > _WEAK
    return Inked(relative, _without_specks(mask) if grainy else mask, lowest)


def outlined(inked: Inked) -> Inked:
    """Draws areas by their outline and by the lines inside them that are darker than they are."""
    rows, columns = np.nonzero(inked.mask)
    if len(rows) == 0:
        return inked
    height, width = int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
    radius = max(5, round(_AREA_RADIUS * max(height, width)))
    core = shrunk(inked.mask, radius)
    if core.sum() < _AREA_SHARE * height * width:
        return inked
    area = grown(core, radius + 1) & inked.mask
    outline = area & grown(~grown(core, radius), 1)
    lines = area & (inked.darkness > float(np.median(inked.darkness[core])) + _DARKER)
    drawn = (inked.mask & ~area) | lines | outline
    return Inked(np.where(drawn, np.maximum(inked.darkness, 0.8), 0).astype(np.float32), drawn, inked.lowest)


_DARKER = 0.15  # than the area it is drawn in
_AREA_RADIUS = 0.03  # of the drawing's longer side: what is wider than twice this is an area
_AREA_SHARE = 0.01  # of the drawing's box: smaller areas are dots of the pen


def _is_light(distance: Levels) -> bool:
    return float(distance[distance > _CLEAR].sum()) >= -float(distance[distance < -_CLEAR].sum())


_CLEAR = 0.1


def _as_share(distance: Levels, paper: Levels, *, light_paper: bool) -> Levels:
    """Ink takes a share of the light that its paper gives back, so that it is as strong in a shadow."""
    room = paper if light_paper else 1 - paper
    signed = distance if light_paper else -distance
    return np.clip(signed / np.maximum(room, 0.12), 0, 1).astype(np.float32)


def _noise(darkness: Levels) -> float:
    """The standard deviation of the paper's grain. Half of it is below zero, where darkness is cut off."""
    paper = darkness[darkness <= darkness.max(initial=0) / 2]  # a drawing may cover most of a small sheet
    return float(np.quantile(paper, 0.68)) * 2.1 if paper.size else 0.0


def _lines(darkness: Levels, weak: float) -> Mask:
    """Weak pixels count where they belong to a stroke that is strong somewhere."""
    mask = darkness > weak
    parts = components_of(mask)
    strong = np.zeros(len(parts.sizes), np.bool_)
    strong[parts.labels[darkness[parts.rows, parts.columns] > _STRONG]] = True
    return parts.mask_of(strong, mask.shape)


def _without_specks(mask: Mask) -> Mask:
    parts = components_of(mask)
    return parts.mask_of(parts.sizes > _SPECK_PIXELS, mask.shape)
