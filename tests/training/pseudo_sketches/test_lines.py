import numpy as np
import pytest
from PIL import Image, ImageDraw

from training.pseudo_sketches.lines import canny_strokes, everything, line_strokes, outline_strokes


def seam(*, light: bool) -> np.ndarray:
    """A thin horizontal line across leather; (H, W, 3) uint8."""
    leather, thread = ((60, 50, 40), (200, 190, 180)) if light else ((200, 190, 180), (60, 50, 40))
    photo = Image.new("RGB", (200, 100), leather)
    ImageDraw.Draw(photo).line([(20, 50), (180, 50)], fill=thread, width=2)
    return np.asarray(photo)


@pytest.mark.parametrize("light", [True, False])
def test_a_seam_is_one_line_for_differences_of_gaussians_and_a_loop_around_it_for_canny(light: bool) -> None:
    pixels = seam(light=light)
    lines = line_strokes(pixels, everything(pixels), blur_px=1.2, strictness=0.9, light=light)
    assert len(lines) == 1
    assert np.abs(lines[0][:, 1] - 50).max() <= 2
    assert len(lines[0]) == pytest.approx(160, abs=12)
    edges = canny_strokes(pixels, everything(pixels), blur_px=1.2, strictness=0.9)
    assert {int(np.sign(y - 50.5)) for stroke in edges for _, y in stroke} == {-1, 1}


def test_lines_are_cut_where_they_meet() -> None:
    photo = Image.new("RGB", (200, 200), "white")
    ImageDraw.Draw(photo).line([(20, 100), (180, 100)], fill="black", width=2)
    ImageDraw.Draw(photo).line([(100, 20), (100, 180)], fill="black", width=2)
    pixels = np.asarray(photo)
    lines = line_strokes(pixels, everything(pixels), blur_px=1.0, strictness=0.9, light=False)
    assert len(lines) == 4
    assert all(min(np.ptp(line, axis=0)) <= 3 for line in lines)  # each along one axis


def test_soft_shading_has_no_line() -> None:
    ramp = np.repeat(np.tile(np.linspace(40, 220, 200), (100, 1))[..., None], 3, axis=2).astype(np.uint8)
    assert not line_strokes(ramp, everything(ramp), blur_px=1.2, strictness=0.8, light=False)


def test_a_product_that_fills_the_photo_has_no_outline() -> None:
    assert outline_strokes(everything(np.zeros((9, 9, 3), np.uint8)), np.random.default_rng(0)) == []
