"""The one reading of a drawing, however it arrives: what is paper and what is ink is decided place by place.

A clean drawing comes back as it is. Anything else is read step by step: the sheet and the light on it, the ink on the
paper around it, and then whatever lines, frames and marks are not the drawing's.
"""

import numpy as np
from PIL import Image

from model.reading.clean import is_clean
from model.reading.colour import grey_by_colour, has_lost_colours
from model.reading.filters import Levels, Mask, grown
from model.reading.frames import box_of, without_frames
from model.reading.ink import Inked, find_ink, outlined
from model.reading.marks import without_marks
from model.reading.ruling import without_ruling
from model.reading.sheet import Sheet, find_sheet
from model.reading.transparency import grey_of_any_alpha

_SIDE_PX = 512  # larger pictures are read at a reduced size
_EVEN = 0.04  # of the levels: paper on which one threshold serves everywhere


def read_drawing(image: Image.Image) -> Image.Image:
    """Reads a drawing off the picture it arrives in.

    Args:
        image: mode "RGB" or "RGBA", any size.

    Returns:
        Mode "L": a clean drawing in its own size and greys; any other in black on white, its longer side at most 512
        pixels. Even white when nothing is drawn.
    """
    grey = grey_by_colour(image) if image.mode == "RGB" and has_lost_colours(image) else grey_of_any_alpha(image)
    return grey if is_clean(grey) else _read(grey)


def _read(grey: Image.Image) -> Image.Image:
    levels = _reduced(grey)
    sheet = find_sheet(levels)
    inked = find_ink(levels, sheet) if sheet.inside.any() else None
    if inked is None or not inked.mask.any():
        return Image.new("L", grey.size, 255)
    unruled = without_ruling(inked, sheet.inside)
    mask = without_frames(unruled.mask, sheet.inside)
    mask = without_marks(mask, box_of(sheet.inside))
    kept = Inked(unruled.darkness, mask, inked.lowest)
    drawn = outlined(kept)
    if drawn is kept and unruled is inked and _is_even(sheet):
        return _cleared(grey, sheet, inked.mask, mask)
    return _drawn(drawn)


def _is_even(sheet: Sheet) -> bool:
    return float(np.ptp(sheet.paper[sheet.inside])) < _EVEN


def _cleared(grey: Image.Image, sheet: Sheet, ink: Mask, kept: Mask) -> Image.Image:
    """The drawing in its own greys, with paper over what is not its ink."""
    away = (grown(ink & ~kept, 2) & ~grown(kept, 1)) | ~sheet.inside
    if not away.any():
        return grey
    cover = Image.fromarray(away).convert("L").resize(grey.size, Image.Resampling.NEAREST)
    cleared = grey.copy()
    cleared.paste(round(float(np.median(sheet.paper[sheet.inside])) * 255), mask=cover)
    return cleared


def _drawn(inked: Inked) -> Image.Image:
    """The ink in black on white, with the soft edges of its strokes."""
    darkness = np.where(grown(inked.mask, 1), inked.darkness, 0)
    darkness = np.where(inked.mask, np.maximum(darkness, 0.35), np.minimum(darkness, 0.28))
    return Image.fromarray((255 - np.rint(darkness * 255)).astype(np.uint8), "L")


def _reduced(grey: Image.Image) -> Levels:
    """The levels from 0 to 1, at most 512 pixels a side. Lines get fainter in smaller pictures, but are not lost.

    Twice the size is taken first; of each four pixels the one that differs most from their neighbourhood is kept.
    """
    factor = max(grey.size) / _SIDE_PX
    if factor <= 1:
        return np.asarray(grey, np.float32) / np.float32(255)
    size = max(1, round(grey.width / factor)), max(1, round(grey.height / factor))
    doubled = grey.resize((2 * size[0], 2 * size[1]), Image.Resampling.BOX, reducing_gap=2.0)
    quads = np.asarray(doubled, np.float32).reshape(size[1], 2, size[0], 2).swapaxes(1, 2).reshape(size[1], size[0], 4)
    middle = np.median(quads)
    lowest, highest = quads.min(axis=2), quads.max(axis=2)
    return np.asarray(np.where(middle >= 128, lowest, highest) / np.float32(255))
