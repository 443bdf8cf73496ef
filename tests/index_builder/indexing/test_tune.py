from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from index_builder.gallery.indexes.lists import ApproximateIndex
from index_builder.indexing.lists import ListFormat, fill, train_lists
from index_builder.indexing.tune import find_ground_truth, measure, tune


@pytest.fixture
def index(disk: Any, tmp_path: Path) -> ApproximateIndex:
    stored = disk.written(tmp_path, disk.clustered(4000))
    lists = train_lists(stored, ListFormat(80, "SQ8"))
    fill(lists, stored)
    faiss.write_index(lists, str(tmp_path / "approximate.faiss"))
    return ApproximateIndex(tmp_path / "approximate.faiss", stored, nprobe=1, candidates_per_result=1)


def test_right_answers_are_the_ten_best_without_the_query_itself(disk: Any, tmp_path: Path) -> None:
    vectors = disk.clustered(1500)
    sketches = disk.clustered(30, seed=7)
    held = find_ground_truth(disk.written(tmp_path, vectors), sketches)
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -2)
    tenth = np.sort(scores, axis=1)[:, -10]
    np.testing.assert_allclose(held["photos"].enough, tenth[held["photos"].own_rows], atol=1e-5)
    np.testing.assert_allclose(held["sketches"].enough, np.sort(sketches @ vectors.T, axis=1)[:, -10], atol=1e-5)
    assert (len(held["photos"].queries), len(held["sketches"].queries)) == (500, 30)
    assert set(held["sketches"].own_rows.tolist()) == {-1}


def test_photos_that_are_all_the_same_are_all_right(disk: Any, tmp_path: Path) -> None:
    vectors = np.repeat(disk.clustered(3), 30, axis=0)
    held = find_ground_truth(disk.written(tmp_path, vectors), None)["photos"]
    np.testing.assert_allclose(held.enough, 1, atol=1e-5)


def test_looking_into_every_list_finds_everything_and_into_one_does_not(index: Any, disk: Any, tmp_path: Path) -> None:
    held = find_ground_truth(disk.written(tmp_path, disk.clustered(4000)), disk.clustered(50, seed=7))
    index.index.nprobe, index.candidates_per_result = 80, 8
    assert measure(index, held).recall == {"photos": 1.0, "sketches": 1.0}
    index.index.nprobe = 1
    assert measure(index, held).recall["photos"] < 0.9


@pytest.mark.parametrize("target", [0.6, 0.95, 0.99])
def test_tuning_reaches_the_target_with_no_more_than_is_needed(
    index: Any, disk: Any, tmp_path: Path, target: float
) -> None:
    held = find_ground_truth(disk.written(tmp_path, disk.clustered(4000)), None)
    chosen = tune(index, held, target=target)
    assert chosen.assured >= target
    assert (index.nprobe, index.candidates_per_result) == (chosen.nprobe, chosen.candidates_per_result)
    assert measure(index, held).recall == chosen.recall
    index.index.nprobe = max(1, chosen.nprobe // 2)
    assert measure(index, held).assured < target or chosen.nprobe == 1


def test_the_harder_kind_of_query_decides(index: Any, disk: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("index_builder.indexing.tune.NUM_QUERIES", 80)
    stored = disk.written(tmp_path, disk.clustered(4000))
    far = np.random.default_rng(3).standard_normal((80, 32)).astype(np.float32)  # belong to no cluster
    far /= np.linalg.norm(far, axis=1, keepdims=True)
    with_photos = tune(index, find_ground_truth(stored, None), target=0.95)
    with_both = tune(index, find_ground_truth(stored, far), target=0.95)
    assert with_both.nprobe > with_photos.nprobe
    assert with_both.recall["sketches"] < with_both.recall["photos"]
