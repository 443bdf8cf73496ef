import numpy as np
import pytest

from training.evaluation.metrics import (
    accuracy_at,
    compare,
    mean_average_precision,
    ranks,
    share_interval,
    summarise,
)


def test_perfect_embeddings_score_exactly_100() -> None:
    scores = np.eye(7, dtype=np.float32)
    summary = summarise(ranks(scores, np.arange(7)))
    assert summary["acc@1"] == summary["acc@10"] == summary["mAP"] == 100
    assert summary["acc@1_95"] == [64.57, 100.0]  # Wilson, 7 of 7
    assert summary["mean_rank"] == 1


def test_ranks_by_hand() -> None:
    scores = np.array([[0.9, 0.5, 0.1], [0.9, 0.5, 0.7], [0.2, 0.2, 0.2]])
    assert ranks(scores, np.array([0, 1, 2])).tolist() == [1, 3, 3]


def test_ties_count_against_the_query() -> None:
    assert ranks(np.zeros((2, 10)), np.array([0, 9])).tolist() == [10, 10]


def test_ranks_equal_a_naive_version() -> None:
    random = np.random.default_rng(1)
    scores, targets = random.integers(0, 5, (40, 30)).astype(float), random.integers(0, 30, 40)
    naive = [
        1 + sum(score >= row[target] for i, score in enumerate(row) if i != target)
        for row, target in zip(scores, targets, strict=True)
    ]
    assert ranks(scores, targets).tolist() == naive


def test_accuracy_counts_the_first_k() -> None:
    query_ranks = np.array([1, 2, 5, 6, 11])
    assert [accuracy_at(query_ranks, k) for k in (1, 5, 10)] == [20, 60, 80]


def test_mean_average_precision_with_one_right_photo_is_the_mean_reciprocal_rank() -> None:
    assert mean_average_precision(np.array([1, 2, 4])) == pytest.approx(100 * (1 + 0.5 + 0.25) / 3)


@pytest.mark.parametrize(
    ("scores", "targets", "message"),
    [
        (np.zeros((2, 3)), np.zeros(3, int), "expected"),
        (np.full((1, 3), np.nan), np.zeros(1, int), "finite"),
        (np.zeros((1, 3)), np.array([3]), "outside"),
    ],
)
def test_a_mismatch_is_refused(scores: np.ndarray, targets: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ranks(scores, targets)


def test_a_gain_is_of_the_same_queries_and_its_interval_of_photos_with_all_their_sketches() -> None:
    targets = np.repeat(np.arange(50), 4)
    before, after = np.full(200, 7), np.where(targets < 25, 1, 7)  # all sketches of every other photo, or none
    gained = compare(after, before, targets)
    assert (gained["acc@1_gained"], gained["acc@10_gained"]) == (50.0, 0.0)
    assert gained["acc@5_gained_95"] == gained["acc@1_gained_95"]
    low, high = gained["acc@1_gained_95"]
    assert 24 < high - low < 32  # of 50 photos; 200 independent queries would give 14
    assert compare(before, after, targets)["acc@1_gained"] == -50.0
    low, high = gained["acc@10_gained_95"]  # nothing gained on any of 50 photos is not nothing on all photos
    assert -8 < low < -5
    assert 5 < high < 8


def ends(hits: list[int], photos: list[int]) -> list[float]:
    interval = share_interval(np.array(hits, bool), np.array(photos))
    assert interval is not None
    return interval.rounded(1)


def test_the_interval_of_independent_queries_is_wilsons() -> None:
    assert ends([1] * 8 + [0] * 2, list(range(10))) == [49.0, 94.3]  # as in tables
    assert ends([0] * 10, list(range(10))) == [0.0, 27.8]
    assert ends([1] * 10, list(range(10))) == [72.2, 100.0]


def test_queries_that_share_the_fate_of_their_photo_count_as_one() -> None:
    photos = np.repeat(np.arange(10), 20).tolist()
    assert ends([int(photo < 5) for photo in photos], photos) == ends([1] * 5 + [0] * 5, list(range(10)))
    alternating = [query % 2 for query in range(200)]
    low, high = ends(alternating, photos)
    assert high - low < 15  # of 200


def test_a_single_photo_has_no_interval() -> None:
    assert share_interval(np.array([True, False]), np.array([3, 3])) is None
    assert summarise(np.array([1, 2]), np.array([0, 0]))["acc@1_95"] is None
    assert compare(np.array([1, 2]), np.array([1, 1]), np.array([0, 0]))["acc@1_gained_95"] is None
