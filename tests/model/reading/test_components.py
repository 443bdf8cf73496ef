import numpy as np

from model.reading.components import components_of, similar_regions


def test_parts_touch_at_corners_too() -> None:
    mask = np.array([[1, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 1]], bool)
    parts = components_of(mask)
    assert sorted(parts.sizes.tolist()) == [2, 2]
    assert sorted(map(tuple, parts.boxes.tolist())) == [(0, 0, 2, 2), (3, 1, 4, 3)]


def test_a_spiral_is_one_part_and_a_chosen_part_comes_back_as_a_mask() -> None:
    mask = np.zeros((9, 9), bool)
    mask[0], mask[:, 8], mask[8], mask[2:, 0], mask[2, :7], mask[2:7, 6], mask[6, 2:7] = [True] * 7
    mask[4, 3] = True
    parts = components_of(mask)
    assert len(parts.sizes) == 2
    np.testing.assert_array_equal(
        parts.mask_of(parts.sizes == 1, mask.shape), np.eye(9, dtype=bool)[[4]].T @ np.eye(9, dtype=bool)[[3]]
    )


def test_nothing_has_no_parts() -> None:
    assert components_of(np.zeros((3, 3), bool)).sizes.tolist() == []


def test_a_region_goes_on_over_small_steps_and_ends_at_a_large_one() -> None:
    regions = similar_regions(np.array([[0.0, 0.05, 0.1, 0.5, 0.55]], np.float32), 0.06)
    assert regions.tolist() == [[0, 0, 0, 1, 1]]
