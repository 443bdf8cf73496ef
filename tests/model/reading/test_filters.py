import numpy as np
import pytest

from model.reading.filters import cell_medians, filled_in, grown, mean_of_nine, median_of_nine, shrunk


@pytest.mark.parametrize("radius", [1, 2, 3, 4, 7])
def test_a_mask_grows_and_shrinks_by_a_square(radius: int) -> None:
    mask = np.random.default_rng(radius).random((20, 31)) < 0.03
    naive = np.zeros_like(mask)
    for row, column in zip(*np.nonzero(mask), strict=True):
        naive[max(0, row - radius) : row + radius + 1, max(0, column - radius) : column + radius + 1] = True
    np.testing.assert_array_equal(grown(mask, radius), naive)
    np.testing.assert_array_equal(shrunk(~mask, radius), ~naive)


def test_means_and_medians_are_those_of_the_neighbourhood() -> None:
    levels = np.random.default_rng(0).random((6, 7)).astype(np.float32)
    around = levels[1:4, 2:5]
    assert mean_of_nine(levels)[2, 3] == pytest.approx(around.mean())
    assert median_of_nine(levels)[2, 3] == np.median(around)


def test_a_thin_line_does_not_show_in_the_medians_of_cells() -> None:
    levels = np.ones((10, 10), np.float32)
    levels[:, 4] = 0
    assert cell_medians(levels, 4).tolist() == [[1, 1, 1]] * 3


def test_holes_are_filled_from_around() -> None:
    levels = np.array([[0.2, 0.2, 9, 9, 0.6, 0.6]], np.float32)
    filled = filled_in(levels, levels < 1)
    assert filled[0, 2] == pytest.approx(0.2)
    assert filled[0, 3] == pytest.approx(0.6)
