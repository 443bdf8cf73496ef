import numpy as np
import pytest

from training.evaluation.metrics import (
    accuracy_at,
    bootstrap_accuracy,
    compare,
    mean_average_precision,
    ranks,
    summarise,
)


def test_perfect_embeddings_score_exactly_100() -> None:
    scores = np.eye(7, dtype=np.float32)
    summary = summarise(ranks(scores, np.arange(7)))
    assert summary["acc@1"] == summary["acc@10"] == summary["mAP"] == 100
    assert summary["acc@1_95"] == [100, 100]
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


def test_the_interval_covers_the_mean_and_narrows_with_more_queries() -> None:
    few = bootstrap_accuracy(np.array([1, 2] * 20), 1)
    many = bootstrap_accuracy(np.array([1, 2] * 2000), 1)
    assert few.low < few.mean < few.high
    assert many.high - many.low < (few.high - few.low) / 5


def test_the_binomial_draw_equals_resampling_the_queries() -> None:
    query_ranks = np.array([1] * 46 + [2] * 69)
    random = np.random.default_rng(3)
    naive = [(random.choice(query_ranks, len(query_ranks)) <= 1).mean() * 100 for _ in range(4000)]
    interval = bootstrap_accuracy(query_ranks, 1)
    np.testing.assert_allclose([interval.low, interval.high], np.percentile(naive, [2.5, 97.5]), atol=1.0)


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
    assert gained["acc@10_gained_95"] == [0.0, 0.0]
