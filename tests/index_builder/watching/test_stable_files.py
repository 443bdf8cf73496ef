from pathlib import Path

import pytest

from index_builder.watching.stable_files import StableFiles


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settling(clock: Clock) -> StableFiles:
    return StableFiles(settle_seconds=2.0, patience_seconds=30.0, clock=clock)


def test_nothing_is_due_while_nothing_changed(settling: StableFiles, clock: Clock) -> None:
    clock.now = 100.0
    assert not settling.is_due()


def test_a_file_that_grows_is_waited_for_even_without_events(
    settling: StableFiles, clock: Clock, tmp_path: Path
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"1")
    settling.note([path])
    for second in range(1, 6):
        clock.now = float(second)
        path.write_bytes(b"1" * (second + 1))
        assert not settling.is_due()
    clock.now = 6.9
    assert not settling.is_due()
    clock.now = 7.0
    assert settling.is_due()
    assert settling.take() == ([path], [])
    assert not settling.is_waiting


def test_an_event_begins_the_wait_anew(settling: StableFiles, clock: Clock, tmp_path: Path) -> None:
    settling.note([tmp_path / "a.jpg"])
    clock.now = 1.5
    settling.note([tmp_path / "a.jpg"])
    clock.now = 3.0
    assert not settling.is_due()
    clock.now = 3.5
    assert settling.is_due()


def test_a_file_that_never_rests_does_not_keep_the_others_waiting_for_ever(
    settling: StableFiles, clock: Clock, tmp_path: Path
) -> None:
    busy, quiet = tmp_path / "busy.jpg", tmp_path / "quiet.jpg"
    settling.note([quiet])
    while clock.now < 29.0:
        clock.now += 1.0
        settling.note([busy])
        assert settling.is_due() == (clock.now < 1.0)
    clock.now = 30.0
    assert settling.is_due()
    assert settling.take() == ([quiet], [busy])
    assert not settling.is_due()
    clock.now = 31.0
    assert settling.is_due()
