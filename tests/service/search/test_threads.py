import time
from types import SimpleNamespace
from typing import Any

import pytest

from service.search import threads as capacity
from service.search.threads import CpuShare, calibrate


class Machine:
    """Opens encoders that take as long as a table says, by number of threads."""

    def __init__(self, milliseconds: dict[int, float], monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened: list[int] = []
        monkeypatch.setattr(capacity, "_fastest_encode", lambda threads: milliseconds[threads] / 1000)

    def open_with(self, threads: int) -> Any:
        self.opened.append(threads)
        return threads


@pytest.mark.parametrize(
    ("milliseconds", "cores", "lanes"),
    [
        ({1: 10, 2: 9}, 2, CpuShare(threads=1, encodes=2)),  # a small encoder: side by side
        ({1: 60, 2: 33, 4: 20, 8: 15}, 8, CpuShare(threads=4, encodes=2)),  # as many threads as spare a person the wait
        ({1: 400, 2: 220, 4: 130}, 4, CpuShare(threads=4, encodes=1)),  # a large one: all cores for each
        ({1: 60, 2: 31, 3: 45}, 3, CpuShare(threads=2, encodes=1)),  # more threads may be slower
        ({}, 1, CpuShare(threads=1, encodes=1)),  # nothing to choose, nothing to measure
    ],
)
def test_the_fewest_threads_that_are_fast_enough_are_taken_and_the_rest_of_the_cores_goes_to_other_sketches(
    monkeypatch: pytest.MonkeyPatch, milliseconds: dict[int, float], cores: int, lanes: CpuShare
) -> None:
    machine = Machine(milliseconds, monkeypatch)
    encoder, chosen = calibrate(machine.open_with, threads=0, encodes=0, cores=cores)
    assert (encoder, chosen) == (lanes.threads, lanes)


def test_an_encoder_that_only_waits_for_a_busy_machine_counts_as_fast() -> None:
    preprocessing = SimpleNamespace(image_size_px=8)
    waiting: Any = SimpleNamespace(
        bundle=SimpleNamespace(preprocessing=preprocessing), encode=lambda _images: time.sleep(0.05)
    )
    assert calibrate(lambda _threads: waiting, threads=0, encodes=0, cores=4)[1] == CpuShare(threads=1, encodes=4)


def test_what_the_operator_says_is_taken_and_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine({}, monkeypatch)
    assert calibrate(machine.open_with, threads=2, encodes=0, cores=8)[1] == CpuShare(threads=2, encodes=4)
    assert calibrate(machine.open_with, threads=4, encodes=3, cores=4)[1] == CpuShare(threads=4, encodes=3)
    assert machine.opened == [2, 4]
