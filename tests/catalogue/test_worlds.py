"""The shop stays what it is; the wide world has other items, faces both ways and shares nothing with the shop."""

import numpy as np
import pytest

from catalogue.families.registry import FAMILIES, WIDE_FAMILIES
from catalogue.items import describe, design_item, render_photo
from catalogue.sketch import Sketcher, rasterise
from catalogue.worlds import get_world

WIDE = range(len(WIDE_FAMILIES))


def test_the_families_of_the_shop_come_first_in_the_wide_world_and_ids_cannot_clash() -> None:
    assert WIDE_FAMILIES[: len(FAMILIES)] == FAMILIES
    assert len({family.noun for family in WIDE_FAMILIES}) == len(WIDE_FAMILIES)


def test_an_item_without_a_world_is_the_shops() -> None:
    assert describe(design_item("demo", 3)) == describe(design_item("demo", 3, world="shop"))
    assert describe(design_item("demo", 3)) != describe(design_item("demo", 3, world="wide"))


def test_an_unknown_world_is_refused_with_a_remedy() -> None:
    with pytest.raises(ValueError, match="expected one of shop, wide"):
        get_world("moon")


@pytest.mark.parametrize("which", WIDE, ids=lambda k: WIDE_FAMILIES[k].noun)
def test_photos_of_the_wide_world_show_something_and_repeat_exactly(which: int) -> None:
    pixels = np.asarray(render_photo(design_item("train", which, world="wide"), image_size_px=64))
    assert pixels.std() > 4
    assert np.array_equal(pixels, np.asarray(render_photo(design_item("train", which, world="wide"), image_size_px=64)))


@pytest.mark.parametrize("which", WIDE, ids=lambda k: WIDE_FAMILIES[k].noun)
def test_sketches_of_the_wide_world_have_ink_inside_the_frame(which: int) -> None:
    sketcher = Sketcher(design_item("train", len(WIDE_FAMILIES) + which, world="wide"))
    for number in range(6):
        strokes = sketcher.draw(number).strokes
        points = np.concatenate(strokes)
        assert points.min() > 0.0
        assert points.max() < 1.0
        assert (np.asarray(rasterise(strokes, image_size_px=128)) < 128).mean() > 0.001


def test_what_hangs_is_in_the_air_and_everything_else_on_the_floor() -> None:
    for which, family in enumerate(WIDE_FAMILIES):
        low = design_item("train", which, world="wide").solid.bounds()[0, 1]
        assert low > 0.1 if family.hangs else abs(low) < 1e-9
