"""Photos show the whole object, large enough, on a calm background."""

import numpy as np
import pytest

from catalogue.camera import frame
from catalogue.families.registry import FAMILIES
from catalogue.items import design_item, render_photo
from catalogue.tracing import Tracer


@pytest.mark.parametrize("which", range(len(FAMILIES)), ids=lambda k: FAMILIES[k].name)
def test_the_object_fills_a_good_part_of_the_frame_and_is_not_cut_off(which: int) -> None:
    for member in (0, 3):
        item = design_item("train", member * len(FAMILIES) + which)
        view = item.view
        camera = frame(
            item.solid.all_vertices(), azimuth=view.azimuth, elevation=view.elevation,
            perspective=view.perspective, fill=view.fill, shift=view.shift,
        )  # fmt: skip
        row, column = np.divmod(np.arange(64 * 64), 64)
        hit = Tracer(item.solid).cast(*camera.rays((np.stack([column, row], 1) + 0.5) / 64)).hit.reshape(64, 64)
        assert 0.01 < hit.mean() < 0.75
        border = np.concatenate([hit[0], hit[-1], hit[:, 0], hit[:, -1]])
        assert not border.any()


@pytest.mark.parametrize("which", range(len(FAMILIES)), ids=lambda k: FAMILIES[k].name)
def test_a_photo_is_neither_black_nor_burnt_out_and_repeats_exactly(which: int) -> None:
    item = design_item("demo", which)
    pixels = np.asarray(render_photo(item, image_size_px=96))
    assert pixels.shape == (96, 96, 3)
    assert 50 < pixels.mean() < 245
    assert pixels.std() > 8
    assert np.array_equal(pixels, np.asarray(render_photo(design_item("demo", which), image_size_px=96)))


def test_light_that_dips_below_zero_is_black_and_not_a_number() -> None:
    render_photo(design_item("demo", 180), image_size_px=384)  # a mug with a tight corner under its handle
