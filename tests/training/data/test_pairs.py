from collections import Counter
from itertools import chain

import numpy as np
import pytest
from PIL import Image

from model.preprocess import Preprocessing
from training.data.dataset import Item
from training.data.pairs import PreparedPairs, drop_parts

SIZES = {"cup": 9, "hat": 8, "owl": 1, "axe": 6}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> PreparedPairs:
    folder = tmp_path_factory.mktemp("categories")
    ink = np.full((16, 16), 255, np.uint8)
    ink[4:12, 8] = 0
    Image.fromarray(ink).save(folder / "s.png")
    Image.new("RGB", (16, 16), "red").save(folder / "p.jpg")
    items = tuple(
        Item(f"{category}{i}", category, folder / "p.jpg", (folder / "s.png",))
        for category, count in SIZES.items()
        for i in range(count)
    )
    return PreparedPairs(items, Preprocessing(image_size_px=16), categories=tuple(sorted(SIZES)))


def order(pairs: PreparedPairs, *, epoch: int = 0, group: int = 4, seed: int = 0) -> list[list[int]]:
    return [batch.item.tolist() for batch in pairs.batches(8, seed=seed, epoch=epoch, category_group=group)]


@pytest.mark.parametrize("group", [1, 3, 4, 50])
def test_every_photo_takes_part_once_in_a_pass_whatever_the_grouping(pairs: PreparedPairs, group: int) -> None:
    assert sorted(chain(*order(pairs, group=group))) == list(range(24))


def test_photos_of_one_category_follow_each_other_in_groups(pairs: PreparedPairs) -> None:
    flat = [pairs.items[i].category for i in chain(*order(pairs, group=4))]
    for category, size in SIZES.items():
        runs = np.flatnonzero([here == category and (i == 0 or flat[i - 1] != category) for i, here in enumerate(flat)])
        assert len(runs) <= max(1, round(size / 4))


def test_grouped_batches_hold_more_pairs_of_one_category_than_batches_at_random(pairs: PreparedPairs) -> None:
    def same(group: int) -> int:
        batches = [batch for epoch in range(20) for batch in order(pairs, epoch=epoch, group=group)]
        counts = [Counter(pairs.items[i].category for i in batch) for batch in batches]
        return sum(n * (n - 1) // 2 for count in counts for n in count.values())

    assert same(4) > 1.3 * same(1)


def test_the_order_depends_on_seed_and_epoch_alone_and_differs_between_passes(pairs: PreparedPairs) -> None:
    assert order(pairs, epoch=3) == order(pairs, epoch=3)
    assert order(pairs, epoch=3) != order(pairs, epoch=4)
    assert order(pairs, epoch=3) != order(pairs, epoch=3, seed=1)
    partners = [
        {frozenset(pairs.items[i].id for i in batch) for batch in order(pairs, epoch=epoch)} for epoch in (0, 1)
    ]
    assert partners[0] != partners[1]


def test_without_grouping_the_order_is_the_plain_permutation(pairs: PreparedPairs) -> None:
    expected = np.random.default_rng([5, 2]).permutation(24).tolist()
    assert list(chain(*order(pairs, group=1, epoch=2, seed=5))) == expected


def test_parts_of_a_sketch_are_left_out_but_never_the_largest() -> None:
    sketch = np.full((32, 32), 255, np.uint8)
    sketch[2:20, 2:20] = 0
    sketch[25:27, 25:27] = 40
    sketch[2:5, 27:30] = 0
    random = np.random.default_rng(0)
    seen = {tuple((drop_parts(sketch, 0.5, random)[[10, 26, 3], [10, 26, 28]] == 255).tolist()) for _ in range(50)}
    assert seen == {(False, detail, corner) for detail in (False, True) for corner in (False, True)}
    assert np.array_equal(drop_parts(sketch, 0.0, random), sketch)


def test_a_blank_sketch_has_no_parts_to_leave_out() -> None:
    blank = np.full((8, 8), 255, np.uint8)
    assert np.array_equal(drop_parts(blank, 0.9, np.random.default_rng(0)), blank)
