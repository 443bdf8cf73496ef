"""Retrieval metrics as pure functions of arrays, by the strict protocol: one ranking over the whole gallery."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.int64]
CUTOFFS = (1, 5, 10)


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % bootstrap interval, all in percent."""

    mean: float
    low: float
    high: float


def ranks(scores: FloatArray, targets: IntArray) -> IntArray:
    """The rank of each query's own photo in the whole gallery; ties count against the query.

    Args:
        scores: (Q, N), higher is better, finite.
        targets: (Q,) index of the right photo of each query.

    Returns:
        (Q,) ranks from 1 to N.

    Raises:
        ValueError: the shapes do not fit, a target is outside the gallery, or a score is not finite.
    """
    if scores.ndim != 2 or targets.shape != (scores.shape[0],):
        raise ValueError(f"Got scores {scores.shape} and targets {targets.shape}; expected (Q, N) and (Q,).")
    if not np.isfinite(scores).all():
        raise ValueError("Some scores are not finite: the encoder's output is broken.")
    if len(targets) and not (targets.min() >= 0 and targets.max() < scores.shape[1]):
        raise ValueError(f"A target lies outside the gallery of {scores.shape[1]} photos.")
    own = scores[np.arange(len(targets)), targets][:, None]
    return np.asarray((scores >= own).sum(axis=1), np.int64)


def accuracy_at(query_ranks: IntArray, k: int) -> float:
    """acc@k in percent: the share of queries whose photo is among the first k.

    Each query has one right photo, so this is also recall@k.
    """
    return float((query_ranks <= k).mean() * 100)


def mean_average_precision(query_ranks: IntArray) -> float:
    """MAP in percent; with one right photo per query this is the mean reciprocal rank."""
    return float((1.0 / query_ranks).mean() * 100)


def bootstrap_accuracy(query_ranks: IntArray, k: int, *, resamples: int = 10_000, seed: int = 0) -> Interval:
    """acc@k with its 95 % percentile bootstrap interval over queries.

    Args:
        query_ranks: (Q,) from `ranks`.
        k: cut-off.
        resamples: how many times the queries are drawn anew, with replacement.
        seed: of the draws.

    Returns:
        Mean and interval in percent.
    """
    hits = (query_ranks <= k).mean()
    # The number of hits in a resample of Q queries is binomial: the draws need not be written out.
    draws = np.random.default_rng(seed).binomial(len(query_ranks), hits, size=resamples) / len(query_ranks)
    low, high = np.percentile(draws * 100, [2.5, 97.5])
    return Interval(mean=float(hits * 100), low=float(low), high=float(high))


def bootstrap_gain(gained: IntArray, queries: IntArray, *, resamples: int = 10_000, seed: int = 0) -> Interval:
    """How much higher acc@k is than another encoder's on the same queries, with its 95 % percentile bootstrap interval.

    Photos are drawn with all their sketches, which resemble each other more than those of other photos.

    Args:
        gained: (P,) for each photo, queries that this encoder gets right less those that the other one gets right.
        queries: (P,) for each photo, its queries.
        resamples: how many times the photos are drawn anew, with replacement.
        seed: of the draws.

    Returns:
        Mean and interval in points.
    """
    drawn = np.random.default_rng(seed).integers(len(gained), size=(resamples, len(gained)))
    low, high = np.percentile(100 * gained[drawn].sum(axis=1) / queries[drawn].sum(axis=1), [2.5, 97.5])
    return Interval(mean=float(100 * gained.sum() / queries.sum()), low=float(low), high=float(high))


def compare(query_ranks: IntArray, other: IntArray, targets: IntArray) -> dict[str, Any]:
    """The gain over another encoder's ranks of the same queries, as plain JSON values.

    Args:
        query_ranks: (Q,) from `ranks`.
        other: (Q,) the other encoder's.
        targets: (Q,) the photo of each query.
    """
    photos, photo = np.unique(targets, return_inverse=True)
    queries = np.bincount(photo, minlength=len(photos))
    result: dict[str, Any] = {}
    for k in CUTOFFS:
        gained = (query_ranks <= k).astype(np.int64) - (other <= k)
        interval = bootstrap_gain(np.rint(np.bincount(photo, weights=gained)).astype(np.int64), queries)
        result[f"acc@{k}_gained"] = round(interval.mean, 2)
        result[f"acc@{k}_gained_95"] = [round(interval.low, 2), round(interval.high, 2)]
    return result


def summarise(query_ranks: IntArray, *, cutoffs: Sequence[int] = CUTOFFS) -> dict[str, Any]:
    """All metrics of one evaluation as plain JSON values: acc@k with intervals, mean rank, median rank and mAP."""
    result: dict[str, Any] = {}
    for k in cutoffs:
        interval = bootstrap_accuracy(query_ranks, k)
        result[f"acc@{k}"] = round(interval.mean, 2)
        result[f"acc@{k}_95"] = [round(interval.low, 2), round(interval.high, 2)]
    result["mean_rank"] = round(float(query_ranks.mean()), 2)
    result["median_rank"] = float(np.median(query_ranks))
    result["mAP"] = round(mean_average_precision(query_ranks), 2)
    return result
