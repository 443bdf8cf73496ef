import numpy as np
import pytest
from PIL import Image, ImageDraw

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
