"""Coloured pens: the grey of a yellow line is nearly that of paper, its colour is not."""

import functools

import numpy as np
from PIL import Image, ImageChops

_SAMPLES = 64  # a side: enough to meet every stroke now and then
_MIN_CHROMA = 60  # of 255: below this, it is the tint of the light
_STANDS_OUT = 0.35  # of the strongest


def has_lost_colours(image: Image.Image) -> bool:
    """Tells whether an "RGB" drawing has colours that stand out from its paper and hardly do in grey."""
    samples = np.asarray(image.resize((_SAMPLES, _SAMPLES), Image.Resampling.NEAREST))
    red, green, blue = samples[..., 0], samples[..., 1], samples[..., 2]
    if np.array_equal(red, green) and np.array_equal(green, blue):
        return False
    pixels = samples.reshape(-1, 3).astype(np.int16)
    paper = np.median(pixels, axis=0)
    by_colour = np.abs(pixels - paper).max(axis=1)
    by_grey = np.abs((pixels - paper) @ np.array([0.299, 0.587, 0.114]))
    coloured = (pixels.max(axis=1) - pixels.min(axis=1) > _MIN_CHROMA) & (by_colour > _STANDS_OUT * by_colour.max())
    lost = coloured & (by_grey < _STANDS_OUT * by_grey.max())
    return int(lost.sum()) > 0.02 * max(1, int((by_colour > _STANDS_OUT * by_colour.max()).sum()))


def grey_by_colour(image: Image.Image) -> Image.Image:
    """An "RGB" drawing in grey, mode "L": as dark as the channel that differs most from the paper differs from it."""
    samples = np.asarray(image.resize((_SAMPLES, _SAMPLES), Image.Resampling.NEAREST)).reshape(-1, 3)
    red, green, blue = (int(level) for level in np.median(samples, axis=0))
    differences = ImageChops.difference(image, Image.new("RGB", image.size, (red, green, blue)))
    return ImageChops.invert(functools.reduce(ImageChops.lighter, differences.split()))
