import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from model.strokes import centre_lines, set_stroke_width


def drawing(width: int) -> np.ndarray:
    image = Image.new("L", (120, 120), 0)
    ImageDraw.Draw(image).line([(15, 15), (100, 30), (60, 100)], fill=255, width=width)
    return np.asarray(image) > 0


def num_components(ink: np.ndarray) -> int:
    """A naive flood fill with eight neighbours."""
    left = {(int(y), int(x)) for y, x in zip(*np.nonzero(ink), strict=True)}
    count = 0
    while left:
        count += 1
        frontier = [left.pop()]
        while frontier:
            y, x = frontier.pop()
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= near
            frontier += near
    return count


@pytest.mark.parametrize("width", [1, 2, 3, 5, 8, 13])
def test_strokes_of_any_width_get_the_same_width_and_stay_connected(width: int) -> None:
    ink = set_stroke_width(drawing(width), width_px=3)
    length = 86 + 81
    assert num_components(ink) == 1
    assert 2.2 * length < ink.sum() < 3.9 * length


def test_a_centre_line_is_one_pixel_wide() -> None:
    line = np.zeros((20, 40), bool)
    line[8:13, 5:35] = True
    thin = centre_lines(line)
    assert thin.any()
    assert thin.sum(axis=0).max() == 1
    assert set(np.flatnonzero(thin.any(axis=1))) == {10}


def test_thinning_keeps_a_ring_closed() -> None:
    y, x = np.mgrid[:60, :60]
    distance = np.hypot(y - 30, x - 30)
    thin = centre_lines((distance > 15) & (distance < 22))
    assert num_components(thin) == 1
    angles = np.degrees(np.arctan2(*(np.argwhere(thin) - 30).T))
    assert set(np.digitize(angles, np.arange(-180, 180, 10)).tolist()) >= set(range(1, 37)), "the ring has a gap"
    assert distance[thin].min() > 15


def test_a_blank_raster_stays_blank() -> None:
    assert not set_stroke_width(np.zeros((9, 9), bool), width_px=3).any()


def naive_thinning(ink: np.ndarray) -> np.ndarray:
    """Zhang and Suen's algorithm as the paper states it, a pixel at a time."""
    grid = np.pad(ink, 1).astype(int)
    while True:
        changed = False
        for first_pass in (True, False):
            removed = []
            for y, x in np.argwhere(grid):
                p2, p3, p4 = grid[y - 1, x], grid[y - 1, x + 1], grid[y, x + 1]
                p5, p6, p7 = grid[y + 1, x + 1], grid[y + 1, x], grid[y + 1, x - 1]
                p8, p9 = grid[y, x - 1], grid[y - 1, x - 1]
                ring = [p2, p3, p4, p5, p6, p7, p8, p9]
                rises = sum((a, b) == (0, 1) for a, b in zip(ring, [*ring[1:], ring[0]], strict=True))
                sides = (p2 * p4 * p6, p4 * p6 * p8) if first_pass else (p2 * p4 * p8, p2 * p6 * p8)
                if 2 <= sum(ring) <= 6 and rises == 1 and sides == (0, 0):
                    removed.append((y, x))
            for y, x in removed:
                grid[y, x] = 0
            changed = changed or bool(removed)
        if not changed:
            return grid[1:-1, 1:-1] > 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (25, 1), (17, 23), (32, 40)])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 1.0])
def test_thinning_and_thickening_are_what_a_pixel_by_pixel_version_gives(shape: tuple[int, int], share: float) -> None:
    blobs = Image.fromarray((np.random.default_rng(7).random(shape) < share).astype(np.uint8) * 255)
    for ink in (np.asarray(blobs) > 0, np.asarray(blobs.filter(ImageFilter.BoxBlur(1))) > 100):
        thin = naive_thinning(ink)
        np.testing.assert_array_equal(centre_lines(ink), thin)
        for width in (3, 5):
            thick = Image.fromarray(thin.astype(np.uint8)).filter(ImageFilter.MaxFilter(width))
            np.testing.assert_array_equal(set_stroke_width(ink, width_px=width), np.asarray(thick) > 0)
