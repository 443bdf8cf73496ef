"""From a photo to line drawings of it, as a person might make them: for training where no sketch exists.

Edges at a random scale are traced into strokes; strokes are dropped (short inner ones most often), simplified, bent,
shifted, overshot and sometimes drawn twice. Every draw gives another drawing; the same random state gives the same one.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.images import flatten_on_white

SIDE_PX = 256
_BACKGROUND_TOLERANCE = 14  # of 255: how far a product must differ from a plain backdrop
_MIN_OUTLINE_SHARE = 0.02  # of the image: a smaller "product" is a speck, not the outline of anything
_MIN_STROKE_PX = 12
_OVERLAP_PX = 3

Grey = NDArray[np.uint8]
Stroke = NDArray[np.float32]  # (P, 2) points x, y in pixels


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


def draw_hand(random: np.random.Generator) -> Hand:
    """A random hand, from careful to careless."""
    care = random.random()
    return Hand(
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


def pseudo_sketch(photo: Image.Image, random: np.random.Generator) -> Image.Image:
    """Draws a photo once.

    Args:
        photo: mode "RGB" or "RGBA", any size.
        random: source of all randomness.

    Returns:
        Mode "L", 256 × 256 or smaller on one side: black lines on white. A photo without any edge gives white paper.
    """
    hand = draw_hand(random)
    image = flatten_on_white(photo).convert("RGB")
    image.thumbnail((SIDE_PX, SIDE_PX))
    pixels = np.asarray(image)
    product = product_mask(pixels)
    outline = _outline_strokes(product, random)
    inner = [stroke for stroke in _edge_strokes(pixels, product, hand) if _is_drawn(stroke, hand, random)]
    paper = np.full(pixels.shape[:2], 255, np.uint8)
    for stroke in _draw_order(outline, inner):
        for _ in range(1 + (random.random() < hand.redraw)):
            _draw_stroke(paper, stroke, hand, random)
    return Image.fromarray(_bend(paper, hand, random), "L")


def product_mask(pixels: NDArray[np.uint8]) -> Grey:
    """Where the product is on a plain backdrop; everywhere when the backdrop is not plain.

    Args:
        pixels: (H, W, 3) uint8.

    Returns:
        (H, W) uint8: 255 product, 0 backdrop.
    """
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]).astype(np.int16)
    backdrop = np.median(border, axis=0)
    whole = np.full(pixels.shape[:2], 255, np.uint8)
    if np.percentile(np.abs(border - backdrop).max(axis=1), 90) > _BACKGROUND_TOLERANCE:
        return whole
    differs = (np.abs(pixels - backdrop).max(axis=2) > _BACKGROUND_TOLERANCE).astype(np.uint8) * 255
    closed = cv2.morphologyEx(differs, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    contours, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    large = [contour for contour in contours if cv2.contourArea(contour) > _MIN_OUTLINE_SHARE * closed.size]
    if not large:
        return whole
    mask = np.zeros_like(closed)
    cv2.drawContours(mask, large, -1, 255, cv2.FILLED)
    return np.asarray(cv2.bitwise_and(mask, closed), np.uint8)  # holes, as under a strap, stay backdrop


def _outline_strokes(product: Grey, random: np.random.Generator) -> list[Stroke]:
    if product.all():
        return []
    contours, _ = cv2.findContours(product, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return [piece for contour in contours if len(contour) > _MIN_STROKE_PX for piece in _pieces(contour, random)]


def _pieces(contour: cv2.typing.MatLike, random: np.random.Generator) -> list[Stroke]:
    """A closed line as a person draws it: in one to four strokes that begin anywhere and overlap a little."""
    points = np.roll(contour[:, 0].astype(np.float32), random.integers(len(contour)), axis=0)
    count = int(random.integers(1, 5))
    cuts = np.sort(random.choice(np.arange(1, len(points)), count - 1, replace=False))
    around = np.concatenate([points, points[:_OVERLAP_PX]])
    starts, ends = [0, *cuts], [*cuts, len(points)]
    return [around[start : end + _OVERLAP_PX] for start, end in zip(starts, ends, strict=True)]


def _edge_strokes(pixels: NDArray[np.uint8], product: Grey, hand: Hand) -> list[Stroke]:
    """Edges inside the product as strokes; its own border is left to the outline."""
    grey = cv2.GaussianBlur(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (0, 0), hand.blur_px)
    gradient = cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    high = max(16.0, float(np.quantile(gradient[product > 0], hand.strictness)))
    edges = cv2.Canny(grey, 0.4 * high, high, L2gradient=True)
    if not product.all():
        edges[cv2.erode(product, np.ones((5, 5), np.uint8)) == 0] = 0
    contours, _ = cv2.findContours(edges, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return [_one_way(contour[:, 0].astype(np.float32)) for contour in contours if len(contour) > _MIN_STROKE_PX]


def _one_way(points: Stroke) -> Stroke:
    """The contour of a thin line runs along it and back again: keeps the way between its two ends."""
    start = int(np.argmax(((points - points[0]) ** 2).sum(axis=1)))
    points = np.roll(points, -start, axis=0)
    end = int(np.argmax(((points - points[0]) ** 2).sum(axis=1)))
    return points[: end + 1]


def _is_drawn(stroke: Stroke, hand: Hand, random: np.random.Generator) -> bool:
    length = len(stroke) / SIDE_PX
    return bool(random.random() < 1 - (1 - hand.detail) ** (length / 0.12))


def _draw_order(outline: list[Stroke], inner: list[Stroke]) -> list[Stroke]:
    """As a person would: the outline first, then long lines before short ones."""
    return [*outline, *sorted(inner, key=len, reverse=True)]


def _draw_stroke(paper: Grey, stroke: Stroke, hand: Hand, random: np.random.Generator) -> None:
    """Simplifies, shifts and overshoots one stroke, and draws it on the paper."""
    simple = cv2.approxPolyDP(stroke[:, None], hand.simplify_px, False)[:, 0]
    if len(simple) < 2:
        return
    for end, before in ((0, 1), (-1, -2)):
        direction = simple[end] - simple[before]
        reach = hand.overshoot_px * random.random() ** 2
        simple[end] += direction / max(1.0, float(np.hypot(*direction))) * reach
    simple = simple + random.normal(0, hand.wobble_px / 2, 2) + random.normal(0, hand.wobble_px / 3, simple.shape)
    points = np.round(simple * 8).astype(np.int32)[:, None]
    cv2.polylines(paper, [points], False, 0, hand.width_px, cv2.LINE_AA, shift=3)


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
