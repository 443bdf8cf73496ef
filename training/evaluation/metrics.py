"""Retrieval metrics as pure functions of arrays, by the strict protocol: one ranking over the whole gallery."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.int64]
CUTOFFS = (1, 5, 10)
_Z = 1.959964  # of the normal distribution, for 95 %


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval, all in percent."""

    mean: float
    low: float
    high: float

    def rounded(self, digits: int) -> list[float]:
        """The two ends, for people and JSON."""
        return [round(self.low, digits), round(self.high, digits)]


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


def share_interval(hits: NDArray[np.bool_], photos: IntArray) -> Interval | None:
    """A share of hits with its 95 % Wilson interval, which holds at 0 and 100 % too.

    Queries of one photo resemble each other, so they count as fewer independent ones: as many as would vary as much as
    the photos do (the design effect; Kish, Survey Sampling, 1965, section 8.2), at least one a photo.

    Args:
        hits: (Q,) True where a query found its photo.
        photos: (Q,) the photo of each query.

    Returns:
        Mean and interval in percent; None for a single photo, which tells nothing of others.
    """
    _, photo = np.unique(photos, return_inverse=True)
    drawn, found = np.bincount(photo), np.bincount(photo, weights=hits)
    if len(drawn) < 2:
        return None
    share = found.sum() / drawn.sum()
    spread = len(drawn) / (len(drawn) - 1) * ((found - share * drawn) ** 2).sum() / drawn.sum() ** 2
    variance = share * (1 - share)
    independent = float(np.clip(variance / max(spread, 1e-12), len(drawn), drawn.sum()))
    shrunk = 1 + _Z**2 / independent
    centre = (share + _Z**2 / (2 * independent)) / shrunk
    reach = _Z * math.sqrt(variance / independent + (_Z / (2 * independent)) ** 2) / shrunk
    low, high = max(0.0, centre - reach), min(1.0, centre + reach)
    return Interval(mean=float(share * 100), low=float(low * 100), high=float(high * 100))


def bootstrap_gain(gained: IntArray, queries: IntArray, *, resamples: int = 10_000, seed: int = 0) -> Interval | None:
    """How much higher acc@k is than another encoder's on the same queries, with its 95 % percentile bootstrap interval.

    Photos are drawn with all their sketches, which resemble each other more than those of other photos.

    Args:
        gained: (P,) for each photo, queries that this encoder gets right less those that the other one gets right.
        queries: (P,) for each photo, its queries.
        resamples: how many times the photos are drawn anew, with replacement.
        seed: of the draws.

    Returns:
        Mean and interval in points; None for a single photo. Where all photos gain the same, no resample differs: the
        interval then leaves room for as many other photos as P could all have missed.
    """
    if len(gained) < 2:
        return None
    drawn = np.random.default_rng(seed).integers(len(gained), size=(resamples, len(gained)))
    low, high = np.percentile(100 * gained[drawn].sum(axis=1) / queries[drawn].sum(axis=1), [2.5, 97.5])
    mean = float(100 * gained.sum() / queries.sum())
    if low == high:
        unseen = 100 * _Z**2 / (len(gained) + _Z**2)  # Wilson's upper end for none of P
        low, high = max(-100.0, mean - unseen), min(100.0, mean + unseen)
    return Interval(mean=mean, low=float(low), high=float(high))


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
        result[f"acc@{k}_gained"] = round(float(100 * gained.mean()), 2)
        result[f"acc@{k}_gained_95"] = interval and interval.rounded(2)
    return result


def summarise(
    query_ranks: IntArray, targets: IntArray | None = None, *, cutoffs: Sequence[int] = CUTOFFS
) -> dict[str, Any]:
    """All metrics of one evaluation as plain JSON values: acc@k with intervals, mean rank, median rank and mAP.

    Args:
        query_ranks: (Q,) from `ranks`.
        targets: (Q,) the photo of each query; None where every query has a photo of its own.
        cutoffs: the k of acc@k.
    """
    photos = np.arange(len(query_ranks)) if targets is None else targets
    result: dict[str, Any] = {}
    for k in cutoffs:
        interval = share_interval(query_ranks <= k, photos)
        result[f"acc@{k}"] = round(accuracy_at(query_ranks, k), 2)
        result[f"acc@{k}_95"] = interval and interval.rounded(2)
    result["mean_rank"] = round(float(query_ranks.mean()), 2)
    result["median_rank"] = float(np.median(query_ranks))
    result["mAP"] = round(mean_average_precision(query_ranks), 2)
    return result
