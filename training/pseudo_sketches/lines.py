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
_SMALL_PX = 96  # the longer side on which GrabCut works
_MARGIN = 0.06  # of each side: taken for background
_CUTS = 3
_MIN_SUBJECT, _MAX_SUBJECT = 0.03, 0.8  # of the photo: beyond, GrabCut found a speck or nothing to tell apart

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


def subject_mask(pixels: NDArray[np.uint8]) -> Grey:
    """The product on a plain backdrop, or else what GrabCut tells from the photo's margin; everywhere when neither can.

    Args:
        pixels: (H, W, 3) uint8.

    Returns:
        (H, W) uint8: 255 subject, 0 background.
    """
    product = product_mask(pixels)
    if not product.all() or min(pixels.shape[:2]) < _SMALL_PX:
        return product
    height, width = pixels.shape[:2]
    scale = _SMALL_PX / max(height, width)
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    inset_y, inset_x = (max(1, round(_MARGIN * side)) for side in small.shape[:2])
    box = inset_x, inset_y, small.shape[1] - 2 * inset_x, small.shape[0] - 2 * inset_y
    labels = np.zeros(small.shape[:2], np.uint8)
    cv2.setRNGSeed(0)
    cv2.grabCut(small, labels, box, np.zeros((1, 65)), np.zeros((1, 65)), _CUTS, cv2.GC_INIT_WITH_RECT)
    found = _main_parts(((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.uint8))
    if not _MIN_SUBJECT < found.mean() < _MAX_SUBJECT:
        return product
    smooth = cv2.resize(found * np.float32(255), (width, height), interpolation=cv2.INTER_CUBIC)
    inside = np.asarray(cv2.GaussianBlur(smooth, (0, 0), 1.5)) > 127
    return np.asarray(inside * np.uint8(255), np.uint8)


def _main_parts(found: Grey) -> Grey:
    """The largest connected part and those at least a quarter as large."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(
        cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    )
    areas = stats[1:, cv2.CC_STAT_AREA]
    kept = [part for part in range(1, count) if areas[part - 1] >= areas.max() / 4]
    return np.asarray(np.isin(parts, kept), np.uint8)


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
    return trace(centre_lines(lines > 0).astype(np.uint8))[0]


def _inside(edges: cv2.typing.MatLike, product: Grey) -> Grey:
    if not product.all():
        edges[cv2.erode(product, np.ones((5, 5), np.uint8)) == 0] = 0
    return np.asarray(edges, np.uint8)


def trace(thin: Grey, *, min_px: int = MIN_STROKE_PX) -> tuple[list[Stroke], int]:
    """Follows lines one pixel wide, cut where three or more meet.

    Args:
        thin: (H, W) uint8, not 0 on the lines.
        min_px: shorter pieces are left out.

    Returns:
        The pieces, and the number of places where lines meet.
    """
    line = np.pad((thin > 0).astype(np.uint8), 1)
    ring = [line[1 + y : line.shape[0] - 1 + y, 1 + x : line.shape[1] - 1 + x] for y, x in _RING]
    rises = np.sum([ring[i] < ring[(i + 1) % 8] for i in range(8)], axis=0)
    line = line[1:-1, 1:-1]
    meeting = cv2.dilate(np.where(rises >= 3, line, 0).astype(np.uint8), np.ones((3, 3), np.uint8))
    simple = np.where(meeting > 0, 0, line) * np.uint8(255)
    contours, _ = cv2.findContours(simple, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    strokes = [_one_way(contour[:, 0].astype(np.float32)) for contour in contours]
    places = cv2.connectedComponents(meeting, connectivity=8)[0] - 1
    return [stroke for stroke in strokes if len(stroke) >= min_px], places


_RING = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))  # clockwise from above


def _one_way(points: Stroke) -> Stroke:
    """The contour of a thin line runs along it and back again: keeps the way between its two ends."""
    start = int(np.argmax(((points - points[0]) ** 2).sum(axis=1)))
    points = np.roll(points, -start, axis=0)
    end = int(np.argmax(((points - points[0]) ** 2).sum(axis=1)))
    return points[: end + 1]
