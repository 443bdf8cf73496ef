"""Measures once at start, in some hundredths of a second, how FAISS is fastest on this machine.

FAISS compares several queries at once either by its own loops or by a matrix product (BLAS). From how many queries on
the product wins, and whether a second thread helps, depends on the processor and on how much of it a container may
use; FAISS's own defaults fit neither. What was found is for one dimension and holds only inside `calibrated`: the
product rounds otherwise than the loops, and a score must not depend on what was measured or searched before it.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import faiss
import numpy as np

from index_builder.gallery.indexes.threads import faiss_threads
from model.cores import usable_cores

_NUM_VECTORS = 8192
_BATCHES = (2, 4, 8, 16, 32, 64)
_REPEATS = 3
_ALWAYS, _NEVER = 1, 1 << 30
_LARGEST_THRESHOLD = (1 << 31) - 1  # FAISS holds a C int


@dataclass(frozen=True)
class Calibration:
    """The result of the measurement.

    Attributes:
        blas_threshold: from so many queries at once on, FAISS uses a matrix product.
        threads: how many threads work on many queries at once.
    """

    blas_threshold: int
    threads: int


@cache
def calibrate(dimension: int) -> Calibration:
    """Measures once for vectors of this dimension; FAISS's settings are afterwards what they were."""
    generator = np.random.default_rng(0)
    vectors = generator.standard_normal((_NUM_VECTORS, dimension), np.float32)
    queries = generator.standard_normal((max(_BATCHES), dimension), np.float32)
    index = faiss.IndexFlatIP(dimension)
    index.add(vectors)

    def seconds(num_queries: int, threshold: int) -> float:
        times = []
        with blas_from(threshold, dimension):
            for _ in range(_REPEATS):
                start = time.perf_counter()
                index.search(queries[:num_queries], 10)
                times.append(time.perf_counter() - start)
        return min(times)  # the fastest: whatever else runs only adds

    with faiss_threads(1):
        seconds(max(_BATCHES), _ALWAYS)  # starts BLAS
        wins = (number for number in _BATCHES if seconds(number, _ALWAYS) < seconds(number, _NEVER))
        threshold = next(wins, _NEVER)
        alone = seconds(max(_BATCHES), min(threshold, max(_BATCHES)))
    num_cores = usable_cores()
    with faiss_threads(num_cores):
        together = seconds(max(_BATCHES), min(threshold, max(_BATCHES)))
    return Calibration(threshold, num_cores if together < alone else 1)


@contextmanager
def calibrated(dimension: int) -> Iterator[None]:
    """Inside, FAISS compares several queries of this dimension at once in the way measured as the fastest."""
    found = calibrate(dimension)
    with faiss_threads(found.threads), blas_from(found.blas_threshold, dimension):
        yield


@contextmanager
def blas_from(num_queries: int, dimension: int) -> Iterator[None]:
    """From so many queries at once on a matrix product: FAISS 1.15 compares its threshold with queries × dimension."""
    previous = faiss.cvar.distance_compute_blas_threshold
    faiss.cvar.distance_compute_blas_threshold = min(num_queries * dimension, _LARGEST_THRESHOLD)
    try:
        yield
    finally:
        faiss.cvar.distance_compute_blas_threshold = previous
