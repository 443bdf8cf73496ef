"""From a photo to line drawings of it, as a person might make them: for training where no sketch exists.

Edges at a random scale are traced into strokes; strokes are dropped (short inner ones most often), simplified, bent,
shifted, overshot and sometimes drawn twice. Every draw gives another drawing; the same random state gives the same one.
"""

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.images import flatten_on_white
from training.config.sketch_style import SketchStyle
from training.pseudo_sketches.lines import (
    Grey,
    Stroke,
    canny_strokes,
    everything,
    line_strokes,
    outline_strokes,
    product_mask,
    subject_mask,
)

SIDE_PX = 256
_SMOOTH_PX = (2.0, 6.0)
_FAINTER = 0.1  # of the edges' strictness
_LEFT_OUT = 0.4  # of the details that would else be left out
_REACH_PX = 5.0
_LIGHT_LINES = 0.25  # of the drawings by differences of Gaussians look for light lines instead of dark ones


@dataclass(frozen=True)
class Hand:
    """How one drawing is made; every number is drawn anew for each.

    Attributes:
        blur_px: scale at which edges are looked for.
        strictness: share of the image's gradient that an edge must exceed.
        detail: probability that a stroke of average length inside the outline is drawn.
        simplify_px: how coarsely a stroke's points are joined.
        stretch: errors of proportion: relative change of width and of height, and of slant.
        bend_px: errors of shape: a smooth deformation of the whole drawing.
        wobble_px: how far each stroke is shifted by itself.
        overshoot_px: how far strokes are drawn beyond their ends.
        redraw: probability that a stroke is drawn twice.
        width_px: of the pen.
        smooth_px: over what length of a stroke corners are rounded; 0 leaves polygons.
    """

    blur_px: float
    strictness: float
    detail: float
    simplify_px: float
    stretch: float
    bend_px: float
    wobble_px: float
    overshoot_px: float
    redraw: float
    width_px: int
    smooth_px: float = 0.0


def draw_hand(random: np.random.Generator, style: SketchStyle | None = None) -> Hand:
    """A random hand, from careful to careless; what a style leaves out is 0, the rest as with all ingredients."""
    care = random.random()
    hand = Hand(
        blur_px=float(random.uniform(0.8, 2.6)),
        strictness=float(random.uniform(0.75, 0.93)),
        detail=float(random.uniform(0.2, 1.0)),
        simplify_px=float(random.uniform(0.6, 2.8)),
        stretch=float(random.uniform(0.0, 0.15) * (1.4 - care)),
        bend_px=float(SIDE_PX * random.uniform(0.004, 0.03) * (1.5 - care)),
        wobble_px=float(random.uniform(0.0, 2.0) * (1.3 - care)),
        overshoot_px=float(random.uniform(0.0, 5.0)),
        redraw=float(random.uniform(0.0, 0.2)),
        width_px=int(random.integers(1, 4)),
    )
    style = style or SketchStyle()
    if style.smooth:
        hand = replace(hand, smooth_px=float(random.uniform(*_SMOOTH_PX)))
    if style.elaborate:
        hand = replace(
            hand,
            strictness=hand.strictness - _FAINTER,
            detail=1 - (1 - hand.detail) * _LEFT_OUT,
            overshoot_px=hand.overshoot_px + _REACH_PX,
        )
    return _leave_out(hand, style)


def _leave_out(hand: Hand, style: SketchStyle) -> Hand:
    if not style.details:
        hand = replace(hand, detail=1.0)
    if not style.warp:
        hand = replace(hand, stretch=0.0, bend_px=0.0)
    if not style.wobble:
        hand = replace(hand, wobble_px=0.0)
    if not style.redraw:
        hand = replace(hand, overshoot_px=0.0, redraw=0.0)
    return hand if style.width else replace(hand, width_px=2)


@dataclass(frozen=True)
class Drawable:
    """A photo, ready to be drawn any number of times.

    Attributes:
        pixels: (H, W, 3) uint8, at most 256 on a side.
        product: (H, W) uint8: 255 where there is something to draw.
    """

    pixels: NDArray[np.uint8]
    product: Grey


def drawable(photo: Image.Image, style: SketchStyle | None = None) -> Drawable:
    """Shrinks a photo (mode "RGB" or "RGBA", any size) and tells the product from its background."""
    style = style or SketchStyle()
    image = flatten_on_white(photo).convert("RGB")
    image.thumbnail((SIDE_PX, SIDE_PX))
    pixels = np.asarray(image)
    find = (subject_mask if style.subject else product_mask) if style.background else everything
    return Drawable(pixels, find(pixels))


def pseudo_sketch(
    photo: Image.Image | Drawable, random: np.random.Generator, style: SketchStyle | None = None
) -> Image.Image:
    """Draws a photo once.

    Args:
        photo: mode "RGB" or "RGBA", any size; or what `drawable` made of it in the same style.
        random: source of all randomness.
        style: which ingredients the drawing has; None for the default style.

    Returns:
        Mode "L", 256 × 256 or smaller on one side: black lines on white. A photo without any edge gives white paper.
    """
    style = style or SketchStyle()
    hand = draw_hand(random, style)
    seen = photo if isinstance(photo, Drawable) else drawable(photo, style)
    outline = outline_strokes(seen.product, random)
    inner = [stroke for stroke in _inner_strokes(seen, hand, style, random) if _is_drawn(stroke, hand, random)]
    paper = np.full(seen.product.shape, 255, np.uint8)
    for stroke in _draw_order(outline, inner):
        for _ in range(1 + (random.random() < hand.redraw)):
            _draw_stroke(paper, stroke, hand, style, random)
    return Image.fromarray(_bend(paper, hand, random), "L")


def _inner_strokes(seen: Drawable, hand: Hand, style: SketchStyle, random: np.random.Generator) -> list[Stroke]:
    by_lines = style.edges == "dog" or (style.edges == "both" and random.random() < 0.5)
    if not by_lines:
        return canny_strokes(seen.pixels, seen.product, blur_px=hand.blur_px, strictness=hand.strictness)
    light = bool(random.random() < _LIGHT_LINES)
    return line_strokes(seen.pixels, seen.product, blur_px=hand.blur_px, strictness=hand.strictness, light=light)


def _is_drawn(stroke: Stroke, hand: Hand, random: np.random.Generator) -> bool:
    length = len(stroke) / SIDE_PX
    return bool(random.random() < 1 - (1 - hand.detail) ** (length / 0.12))


def _draw_order(outline: list[Stroke], inner: list[Stroke]) -> list[Stroke]:
    """As a person would: the outline first, then long lines before short ones."""
    return [*outline, *sorted(inner, key=len, reverse=True)]


def _draw_stroke(paper: Grey, stroke: Stroke, hand: Hand, style: SketchStyle, random: np.random.Generator) -> None:
    """Simplifies, shifts and overshoots one stroke, and draws it on the paper."""
    corners = np.asarray(cv2.approxPolyDP(stroke[:, None], hand.simplify_px, False)[:, 0], np.float32)
    if len(corners) < 2:
        return
    moved: NDArray[Any] = corners.copy()
    for end, before in ((0, 1), (-1, -2)):
        direction = moved[end] - moved[before]
        reach = hand.overshoot_px * random.random() ** 2
        moved[end] += direction / max(1.0, float(np.hypot(*direction))) * reach
    moved = moved + random.normal(0, hand.wobble_px / 2, 2) + random.normal(0, hand.wobble_px / 3, corners.shape)
    line = moved if style.simplify else _every_point(stroke, corners, moved)
    if hand.smooth_px:
        line = _smoothed(line, hand.smooth_px)
    points = np.round(line * 8).astype(np.int32)[:, None]
    cv2.polylines(paper, [points], False, 0, hand.width_px, cv2.LINE_AA, shift=3)


def _smoothed(line: NDArray[Any], smooth_px: float) -> NDArray[Any]:
    """A polygon (P, 2) as a curve: a point every pixel, each the mean of its neighbourhood; the ends stay."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    steps = np.linspace(0, along[-1], max(2, round(along[-1])))
    points = np.stack([np.interp(steps, along, line[:, axis]) for axis in (0, 1)], axis=1)
    reach = min(round(3 * smooth_px), len(points) - 1)
    padded = np.pad(points, ((reach, reach), (0, 0)), "reflect", reflect_type="odd")
    blurred = cv2.GaussianBlur(padded, (1, 2 * reach + 1), 0, sigmaY=smooth_px, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred[reach : reach + len(points)])


def _every_point(stroke: Stroke, corners: Stroke, moved: NDArray[Any]) -> NDArray[Any]:
    """All points of a stroke, moved as its corners were and evenly in between.

    Args:
        stroke: (P, 2).
        corners: (C, 2): some of its points, in their order.
        moved: (C, 2): where they went.
    """
    places = [0]
    for corner in corners[1:-1]:
        places.append(places[-1] + 1 + int(np.argmax((stroke[places[-1] + 1 :] == corner).all(axis=1))))
    places.append(len(stroke) - 1)
    shifts = moved - corners
    along = np.arange(len(stroke))
    return stroke + np.stack([np.interp(along, places, shifts[:, axis]) for axis in (0, 1)], axis=1)


def _bend(paper: Grey, hand: Hand, random: np.random.Generator) -> Grey:
    """Errors of proportion: the whole drawing stretched, slanted and smoothly bent."""
    height, width = paper.shape
    field = random.normal(0, hand.bend_px, (4, 4, 2)).astype(np.float32)
    smooth = cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC)
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    x, y = columns - width / 2, rows - height / 2
    wider, taller, slant = random.normal(0, hand.stretch, 3)
    x, y = (
        x * (1 + max(0.0, wider)) + slant * y,
        y * (1 + max(0.0, taller)),
    )  # shrinks, so that nothing leaves the paper
    moved = cv2.remap(
        paper,
        (x + width / 2 + smooth[..., 0]).astype(np.float32),
        (y + height / 2 + smooth[..., 1]).astype(np.float32),
        cv2.INTER_LINEAR,
        borderValue=255,
    )
    return np.asarray(moved, np.uint8)
