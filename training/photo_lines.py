"""Lines of a photo as strokes: the product told from its backdrop, its outline, and edges by one of two detectors."""

import cv2
import numpy as np
from numpy.typing import NDArray

from model.strokes import centre_lines

MIN_STROKE_PX = 12
_BACKGROUND_TOLERANCE = 14  # of 255: how far a product must differ from a plain backdrop
_MIN_OUTLINE_SHARE = 0.02  # of the image: a smaller "product" is a speck, not the outline of anything
_MIN_GRADIENT = 16.0
_MIN_LINE_CONTRAST = 1.5  # of 255: a difference of Gaussians below this is noise of the photo
_WIDER = 1.6  # of the two Gaussians, after Marr and Hildreth (1980)
_OVERLAP_PX = 3

Grey = NDArray[np.uint8]
Stroke = NDArray[np.float32]  # (P, 2) points x, y in pixels


def product_mask(pixels: NDArray[np.uint8]) -> Grey:
    """Where the product is on a plain backdrop; everywhere when the backdrop is not plain.

    Args:
        pixels: (H, W, 3) uint8.

    Returns:
        (H, W) uint8: 255 product, 0 backdrop.
    """
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]).astype(np.int16)
    backdrop = np.median(border, axis=0)
    if np.percentile(np.abs(border - backdrop).max(axis=1), 90) > _BACKGROUND_TOLERANCE:
        return everything(pixels)
    differs = (np.abs(pixels - backdrop).max(axis=2) > _BACKGROUND_TOLERANCE).astype(np.uint8) * 255
    closed = cv2.morphologyEx(differs, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    contours, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    large = [contour for contour in contours if cv2.contourArea(contour) > _MIN_OUTLINE_SHARE * closed.size]
    if not large:
        return everything(pixels)
    mask = np.zeros_like(closed)
    cv2.drawContours(mask, large, -1, 255, cv2.FILLED)
    return np.asarray(cv2.bitwise_and(mask, closed), np.uint8)  # holes, as under a strap, stay backdrop


def everything(pixels: NDArray[np.uint8]) -> Grey:
    """The mask of a photo without a backdrop: (H, W) uint8, 255 everywhere."""
    return np.full(pixels.shape[:2], 255, np.uint8)


def outline_strokes(product: Grey, random: np.random.Generator) -> list[Stroke]:
    """The contours of a product mask, each in one to four strokes; none when the product fills the photo."""
    if product.all():
        return []
    contours, _ = cv2.findContours(product, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return [piece for contour in contours if len(contour) > MIN_STROKE_PX for piece in _pieces(contour, random)]


def _pieces(contour: cv2.typing.MatLike, random: np.random.Generator) -> list[Stroke]:
    """A closed line as a person draws it: in one to four strokes that begin anywhere and overlap a little."""
    points = np.roll(contour[:, 0].astype(np.float32), random.integers(len(contour)), axis=0)
    count = int(random.integers(1, 5))
    cuts = np.sort(random.choice(np.arange(1, len(points)), count - 1, replace=False))
    around = np.concatenate([points, points[:_OVERLAP_PX]])
    starts, ends = [0, *cuts], [*cuts, len(points)]
    return [around[start : end + _OVERLAP_PX] for start, end in zip(starts, ends, strict=True)]


def canny_strokes(pixels: NDArray[np.uint8], product: Grey, *, blur_px: float, strictness: float) -> list[Stroke]:
    """Canny edges inside the product; its own border is left to the outline.

    Args:
        pixels: (H, W, 3) uint8.
        product: (H, W) mask.
        blur_px: scale at which edges are looked for.
        strictness: share of the product's gradients that an edge must exceed.
    """
    grey = cv2.GaussianBlur(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (0, 0), blur_px)
    gradient = cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    high = max(_MIN_GRADIENT, float(np.quantile(gradient[product > 0], strictness)))
    edges = cv2.Canny(grey, 0.4 * high, high, L2gradient=True)
    contours, _ = cv2.findContours(_inside(edges, product), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return [_one_way(contour[:, 0].astype(np.float32)) for contour in contours if len(contour) > MIN_STROKE_PX]


def line_strokes(
    pixels: NDArray[np.uint8], product: Grey, *, blur_px: float, strictness: float, light: bool
) -> list[Stroke]:
    """Dark lines inside the product, and the dark sides of its edges, by a difference of Gaussians.

    A seam gives one line here and two with Canny. Lines are thinned, and cut where they meet.

    Args:
        pixels: (H, W, 3) uint8.
        product: (H, W) mask.
        blur_px: of the narrower Gaussian.
        strictness: share of the product's differences that a line must exceed.
        light: look for light lines instead, such as pale stitches on black leather.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    darker = cv2.GaussianBlur(grey, (0, 0), _WIDER * blur_px) - cv2.GaussianBlur(grey, (0, 0), blur_px)
    darker = -darker if light else darker
    least = max(_MIN_LINE_CONTRAST, float(np.quantile(darker[product > 0], strictness)))
    lines = _inside((darker > least).astype(np.uint8) * 255, product)
    return _segments(centre_lines(lines > 0).astype(np.uint8))


def _inside(edges: cv2.typing.MatLike, product: Grey) -> Grey:
    if not product.all():
        edges[cv2.erode(product, np.ones((5, 5), np.uint8)) == 0] = 0
    return np.asarray(edges, np.uint8)


def _segments(thin: Grey) -> list[Stroke]:
    """Lines one pixel wide, cut where three or more meet, as strokes."""
    neighbours = cv2.filter2D(thin, cv2.CV_16S, np.ones((3, 3), np.float32), borderType=cv2.BORDER_CONSTANT) - thin
    simple = np.where((thin > 0) & (neighbours <= 2), 255, 0).astype(np.uint8)
    contours, _ = cv2.findContours(simple, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return [_one_way(contour[:, 0].astype(np.float32)) for contour in contours if len(contour) > MIN_STROKE_PX]


def _one_way(points: Stroke) -> Stroke:
    """The contour of a thin line runs along it and back again: keeps the way between its two ends."""
    start = int(np.argmax(((points - points[0]) ** 2).sum(axis=1)))
    points = np.roll(points, -start, axis=0)
    end = int(np.argmax(((points - points[0]) ** 2).sum(axis=1)))
    return points[: end + 1]
