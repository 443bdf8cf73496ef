import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from index_builder.work import store as work

NUM_PHOTOS = 60


@pytest.fixture
def many(workshop: Any) -> Any:
    workshop.add(*(f"{number % 4}/{number:02}.png" for number in range(NUM_PHOTOS)))
    return workshop


def num_committed(out: Path) -> int:
    databases = list(out.glob("work/*/work.sqlite"))
    if not databases:
        return 0
    connection = sqlite3.connect(databases[0])
    try:
        return int(connection.execute("SELECT count(*) FROM embedded").fetchone()[0])
    finally:
        connection.close()


class Interrupting:
    """An encoder's hook that stops the build after some photos."""

    def __init__(self, error: BaseException, *, after: int) -> None:
        self.error, self.left = error, after

    def __call__(self, images: Any) -> None:
        self.left -= len(images)
        if self.left < 0:
            raise self.error


@pytest.mark.parametrize("after", [0, 1, 17, NUM_PHOTOS - 1])
@pytest.mark.parametrize("error", [RuntimeError("encoder died"), KeyboardInterrupt()], ids=["error", "ctrl-c"])
def test_an_interrupted_build_goes_on_where_it_stopped(many: Any, fake: Any, error: BaseException, after: int) -> None:
    with pytest.raises(type(error)):
        many.build(encoder=fake.FakeEncoder(Interrupting(error, after=after)))
    kept = num_committed(many.out)
    assert kept == many.num_encoded
    assert not (many.out / "CURRENT").exists()
    many.build()
    assert many.num_encoded == NUM_PHOTOS - kept
    if kept:
        assert f"Resumed: {kept} of {NUM_PHOTOS} were already embedded" in many.lines
    assert not (many.out / "work").exists()


def test_killed_at_any_moment_nothing_committed_is_embedded_twice_and_the_gallery_is_the_same(
    many: Any, fake: Any, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.touch()
    command = [sys.executable, fake.__file__, str(many.photos), str(many.out), str(log), "0.01"]
    environment = {"PYTHONPATH": str(Path(work.__file__).parents[2]), "PATH": ""}
    kept = 0
    for moment in (5, 13, 22):  # photos encoded in the process before it is killed
        started = log.stat().st_size
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 20
        while log.stat().st_size < started + moment and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        process.kill()
        _, said = process.communicate()
        assert process.returncode == -signal.SIGKILL, said.decode()
        now = num_committed(many.out)
        assert now >= kept
        # What was committed before this process is not encoded again: its photos and the kept ones never overlap.
        assert kept + (log.stat().st_size - started) <= NUM_PHOTOS
        kept = now
    assert 0 < kept < NUM_PHOTOS
    many.build()
    assert many.num_encoded == NUM_PHOTOS - kept
    resumed = many.content()
    many.out = tmp_path / "uninterrupted"
    many.build()
    assert many.num_encoded == NUM_PHOTOS
    assert many.content() == resumed


def test_a_resume_follows_what_changed_in_between(many: Any, fake: Any, photo: Any) -> None:
    with pytest.raises(RuntimeError):
        many.build(encoder=fake.FakeEncoder(Interrupting(RuntimeError("x"), after=24)))
    kept = many.num_encoded
    assert kept == 24
    (many.photos / "0/00.png").unlink()  # embedded already
    photo(many.photos / "0/04.png", 999)  # embedded already, now another picture
    (many.photos / "0/08.png").rename(many.photos / "3/moved.png")
    report = many.build()
    assert many.num_encoded == NUM_PHOTOS - kept + 1
    assert report.counts.indexed == NUM_PHOTOS - 1
    assert {"0/00", "0/08"}.isdisjoint(many.ids())
    assert "3/moved" in many.ids()


def test_a_resume_over_an_earlier_generation_uses_both(many: Any, fake: Any) -> None:
    many.build()
    many.add(*(f"new/{number}.png" for number in range(20)), first_seed=500)
    with pytest.raises(RuntimeError):
        many.build(encoder=fake.FakeEncoder(Interrupting(RuntimeError("x"), after=8)))
    with many.open() as gallery:
        assert gallery.size == NUM_PHOTOS
    many.build()
    assert many.num_encoded == 12
    assert f"Unchanged: {NUM_PHOTOS} of {NUM_PHOTOS + 20} keep the embedding they have" in many.lines
    assert f"Resumed: 8 of {NUM_PHOTOS + 20} were already embedded" in many.lines
    assert len(many.ids()) == NUM_PHOTOS + 20
