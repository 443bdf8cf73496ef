"""Measures how much of the right answer an index finds, and chooses the fastest parameters that find enough.

Recall@10 is the share of the ten best photos, as exact search gives them, that a search finds; a photo that scores as
much as the tenth counts as found. Queries are photos of the gallery, each without itself, and sketches if there are
any; the index has to be good enough for the harder kind. So that a promise made on some hundred queries holds for
others, it is the lower end of recall's 95 % interval that has to reach the target.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import faiss
import numpy as np
from faiss.contrib.exhaustive_search import knn_ground_truth
from numpy.typing import NDArray

from index_builder.gallery.indexes.vectors import VectorFile

K = 10
NUM_QUERIES = 500
_SEED = 20_260_102
_FACTORS = (2, 4, 8, 16)
_Z_95 = 1.64  # one-sided
_SAME_SCORE = 2e-6
_FLAT_STEPS, _FLAT_GAIN = 3, 0.002


class InvertedLists(Protocol):
    """An index whose searches look into some of its lists, and compare some candidates exactly."""

    nprobe: int
    candidates_per_result: int

    @property
    def nlist(self) -> int:
        """The number of lists."""

    def search(self, query: NDArray[np.float32], wanted: int, /) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Exact scores (F,), falling, and rows (F,) of at least `wanted` photos near a (D,) query, or of all."""


@dataclass(frozen=True)
class GroundTruth:
    """Queries of one kind and what exact search answers.

    Attributes:
        queries: (Q, D) float32.
        own_rows: (Q,) the row of a query that is a photo of the gallery, which is not an answer to itself; else -1.
        enough: (Q,) the score of the last right answer.
        num_right: how many right answers there are, usually K.
    """

    queries: NDArray[np.float32]
    own_rows: NDArray[np.int64]
    enough: NDArray[np.float32]
    num_right: int


@dataclass(frozen=True)
class OperatingPoint:
    """Recall and speed of an index with some parameters.

    Attributes:
        nprobe: how many lists a search looks into.
        candidates_per_result: how many candidates for each result are compared exactly.
        recall: kind of query -> recall@10.
        assured: the lower end of the interval of the worst of them.
        search_ms: mean time of a search, one thread.
    """

    nprobe: int
    candidates_per_result: int
    recall: dict[str, float]
    assured: float
    search_ms: float


def find_ground_truth(vectors: VectorFile, sketches: NDArray[np.float32] | None) -> dict[str, GroundTruth]:
    """Chooses queries and searches exactly for their answers, reading the embeddings once, piece by piece."""
    number = min(NUM_QUERIES, vectors.count)
    rows = np.sort(np.random.default_rng(_SEED).choice(vectors.count, number, replace=False)).astype(np.int64)
    queries, own_rows = vectors.rows(rows), rows
    if sketches is not None:
        queries = np.concatenate([queries, sketches])
        own_rows = np.concatenate([rows, np.full(len(sketches), -1)])
    num_right = min(K, vectors.count - 1)
    blocks = (block for _, block in vectors.blocks())
    scores, found = knn_ground_truth(queries, blocks, num_right + 1, faiss.METRIC_INNER_PRODUCT, ngpu=0)
    others = found != own_rows[:, None]
    # A photo with more than ten equals may not be among its own answers: then the last answer is the one too many.
    others[others.all(axis=1), -1] = False
    enough = scores[others].reshape(len(queries), num_right)[:, -1]
    held = {"photos": GroundTruth(queries[:number], rows, enough[:number], num_right)}
    if sketches is not None:
        held["sketches"] = GroundTruth(sketches, own_rows[number:], enough[number:], num_right)
    return held


def tune(index: InvertedLists, ground_truth: Mapping[str, GroundTruth], *, target: float) -> OperatingPoint:
    """The fastest parameters whose recall is assured to reach the target; the best recall if none do.

    The index is left with these parameters.
    """
    points = faiss.OperatingPoints()
    tried: list[OperatingPoint] = []
    for factor in _FACTORS:
        for nprobe in _steps(index.nlist):
            index.nprobe, index.candidates_per_result = nprobe, factor
            tried.append(measure(index, ground_truth))
            last = tried[-1]
            points.add(last.assured, last.search_ms, f"nprobe={nprobe},candidates={factor}", len(tried) - 1)
            if last.assured >= target or _is_flat(tried):
                break
    best = [points.optimal_pts.at(place) for place in range(points.optimal_pts.size())]  # by rising recall and time
    chosen = tried[next((point for point in best if point.perf >= target), best[-1]).cno]
    index.nprobe, index.candidates_per_result = chosen.nprobe, chosen.candidates_per_result
    return chosen


def _is_flat(tried: list[OperatingPoint]) -> bool:
    """True if more lists no longer help: the codes lost what is missing, and more candidates are needed."""
    same = [each for each in tried if each.candidates_per_result == tried[-1].candidates_per_result]
    return len(same) > _FLAT_STEPS and same[-1].assured < same[-1 - _FLAT_STEPS].assured + _FLAT_GAIN


def measure(index: InvertedLists, ground_truth: Mapping[str, GroundTruth]) -> OperatingPoint:
    """Recall and speed with the index's present parameters."""
    recall, assured, seconds, number = {}, 1.0, 0.0, 0
    for kind, queries in ground_truth.items():
        start = time.perf_counter()
        shares = np.array([_share(index, queries, place) for place in range(len(queries.queries))])
        seconds, number = seconds + time.perf_counter() - start, number + len(shares)
        recall[kind] = round(float(shares.mean()), 4)
        assured = min(assured, max(1e-6, float(shares.mean() - _Z_95 * shares.std() / len(shares) ** 0.5)))
    return OperatingPoint(index.nprobe, index.candidates_per_result, recall, assured, seconds / number * 1000)


def _share(index: InvertedLists, ground_truth: GroundTruth, place: int) -> float:
    own = ground_truth.own_rows[place]
    scores, rows = index.search(ground_truth.queries[place], ground_truth.num_right + int(own >= 0))
    right = (rows != own) & (scores >= ground_truth.enough[place] - _SAME_SCORE)
    return min(int(right.sum()), ground_truth.num_right) / ground_truth.num_right


def _steps(num_lists: int) -> Iterator[int]:
    """1, 2, 3, 4, 6, 8, 12, … and all of them."""
    nprobe = 1
    while nprobe < num_lists:
        yield nprobe
        nprobe += max(1, (1 << (nprobe.bit_length() - 1)) // 2)
    yield num_lists
