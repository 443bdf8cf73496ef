"""Sketches have several strokes inside the frame; people differ; better hands draw more."""

import numpy as np
import pytest

from catalogue.families.registry import FAMILIES
from catalogue.items import design_item
from catalogue.sketch import Sketcher, draw_sketch, rasterise
from catalogue.skill import CAREFUL, NOVICE, between


@pytest.mark.parametrize("which", range(len(FAMILIES)), ids=lambda k: FAMILIES[k].name)
def test_sketches_have_several_strokes_inside_the_frame(which: int) -> None:
    sketcher = Sketcher(design_item("train", len(FAMILIES) + which))
    for number in range(6):
        sketch = sketcher.draw(number)
        assert len(sketch.strokes) >= 3
        points = np.concatenate(sketch.strokes)
        assert points.min() > 0.0
        assert points.max() < 1.0
        ink = np.asarray(rasterise(sketch.strokes, image_size_px=128)) < 128
        assert 0.003 < ink.mean() < 0.35


def test_a_sketch_is_the_same_every_time_and_every_number_is_another_person() -> None:
    item = design_item("test", 1)
    first, again, second = draw_sketch(item, 0), draw_sketch(item, 0), draw_sketch(item, 1)
    assert len(first.strokes) == len(again.strokes)
    assert all(np.array_equal(a, b) for a, b in zip(first.strokes, again.strokes, strict=True))
    assert first.skill != second.skill


def test_a_careful_hand_draws_more_strokes_than_a_novice() -> None:
    counts = {skill.level: 0 for skill in (NOVICE, CAREFUL)}
    for which in range(len(FAMILIES)):
        sketcher = Sketcher(design_item("train", which))
        for skill in (NOVICE, CAREFUL):
            counts[skill.level] += len(sketcher.draw(0, skill=skill).strokes)
    assert counts[1.0] > 1.3 * counts[0.0]
    assert counts[0.0] <= 14 * len(FAMILIES)


def test_careful_sketches_of_siblings_differ() -> None:
    for which in range(len(FAMILIES)):
        pictures = []
        for member in (0, 1):
            item = design_item("train", member * len(FAMILIES) + which)
            sketch = draw_sketch(item, 0, skill=CAREFUL)
            pictures.append(np.asarray(rasterise(sketch.strokes, image_size_px=64)).astype(float))
        assert np.abs(pictures[0] - pictures[1]).mean() > 1.0


def test_a_skill_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 0"):
        between(1.5)


def test_rasterised_strokes_are_black_on_white_with_the_given_width() -> None:
    line = np.array([[0.1, 0.5], [0.9, 0.5]])
    pixels = np.asarray(rasterise([line], image_size_px=100, pen_width_px=4.0))
    column = pixels[:, 50]
    assert column.min() == 0
    assert pixels[0, 0] == 255
    assert 3.5 <= (255 - column.astype(int)).sum() / 255 <= 4.5
