from typing import Any

import pytest

from benchmarks.ablation import gain, table


def run(hits: dict[str, list[bool]], **values: float) -> dict[str, Any]:
    return {"acc@1": 0.0, "acc@5": 0.0, "acc@10": 0.0, "mean_rank": 1.0, "hits": hits} | values


def test_a_gain_is_counted_over_the_queries_of_all_folds_and_seeds() -> None:
    baseline = [run({"a": [True, False], "b": [False]}), run({"c": [False]})]
    better = [run({"a": [True, True], "b": [True]}), run({"c": [False]})]
    assert gain(better, baseline).startswith("+50.0 ")  # 3 of 4 against 1 of 4
    assert gain(baseline, better).startswith("-50.0 ")


def test_a_gain_that_every_photo_shares_leaves_room_for_other_photos_and_one_of_a_few_is_uncertain() -> None:
    photos = [f"photo {i}" for i in range(40)]
    none = [run({key: [False, False] for key in photos})]
    assert gain([run({key: [True, False] for key in photos})], none) == "+50.0 (+41.2 to +58.8)"
    few = [run({key: [False, False] for key in photos} | {photos[0]: [True, True]})]
    low, high = gain(few, none).split("(")[1].rstrip(")").split(" to ")
    assert float(low) == 0
    assert float(high) > 5


def test_the_table_compares_with_its_first_row_and_shows_the_probe_of_teachers() -> None:
    shares = {"probe_matched": 60.0, "probe_sketches_shuffled": 2.0, "probe_photos_shuffled": 20.0}
    first, second = table({"plain": [run({"a": [True]})], "taught": [run({"a": [True]}, **shares)]}).splitlines()[2:]
    assert first == "| plain | 1 | 0.0 (0.0–0.0) | 0.0 (0.0–0.0) | 0.0 (0.0–0.0) | 1.0 (1.0–1.0) |  |  |"
    assert second.endswith("| of a single photo | 60 / 2 / 20 |")


def test_runs_over_other_photos_are_not_compared() -> None:
    with pytest.raises(ValueError, match="did not measure the same photos"):
        gain([run({"a": [True]})], [run({"b": [True]})])
