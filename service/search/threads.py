"""Fits searches to the machine: threads for one encode, sketches encoded at once."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from service.search.engine import SketchEncoder

E = TypeVar("E", bound=SketchEncoder)

_UNHURRIED_SECONDS = 0.025  # a quarter of the 100 ms within which results should follow the pen
_TRIALS = 3


@dataclass(frozen=True)
class CpuShare:
    """The share of a CPU that sketches get.

    Attributes:
        threads: of one encode.
        encodes: how many sketches are encoded at once.
    """

    threads: int
    encodes: int


def calibrate(open_with: Callable[[int], E], *, threads: int, encodes: int, cores: int) -> tuple[E, CpuShare]:
    """Opens an encoder with as many threads as it needs, and leaves the other cores to other sketches.

    Sketches side by side, on one thread each, make better use of a CPU than one sketch on all threads; more threads
    are worth their loss only where one thread would keep a person waiting. The fewest that encode within 25 ms are
    taken, or, where none do, the fastest.

    Args:
        open_with: opens the encoder with a number of threads.
        threads: wanted for one encode; 0 measures.
        encodes: wanted at once; 0 fills the cores.
        cores: that may be used.

    Returns:
        The encoder, which has encoded at least once where it was measured, and how the cores are shared.
    """
    encoder, chosen = (open_with(threads), threads) if threads else _measured(open_with, cores)
    return encoder, CpuShare(chosen, encodes or max(1, cores // chosen))


def _measured(open_with: Callable[[int], E], cores: int) -> tuple[E, int]:
    found: list[tuple[float, int, E]] = []
    threads = 1
    while True:
        encoder = open_with(threads)
        seconds = _fastest_encode(encoder) if cores > 1 else 0.0
        found.append((seconds, threads, encoder))
        if seconds <= _UNHURRIED_SECONDS or threads == cores:
            break
        threads = min(2 * threads, cores)
    _, threads, encoder = found[-1] if found[-1][0] <= _UNHURRIED_SECONDS else min(found, key=lambda each: each[:2])
    return encoder, threads


def _fastest_encode(encoder: SketchEncoder) -> float:
    """Seconds by the clock, or of the processor where those are fewer: a busy machine makes no encoder slow."""
    side = encoder.bundle.preprocessing.image_size_px
    image = np.zeros((1, 3, side, side), np.float32)
    seconds = []
    for _ in range(_TRIALS + 1):  # the first one allocates
        start, computed = time.perf_counter(), time.process_time()
        encoder.encode(image)
        seconds.append(min(time.perf_counter() - start, time.process_time() - computed))
    return min(seconds)
