"""Embedding on Ray gives the gallery that the local engine gives, through the death of workers and of the driver."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from index_builder.errors import GalleryError

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed: the extra ray")
HANG_SECONDS = 900


def run(photos: Path, out: Path, log: Path, *, seconds_per_photo: float = 0.0) -> subprocess.Popen[str]:
    """A build on Ray in a process of its own; `log` gets a line with the worker's id for each encoded photo."""
    script = Path(__file__).with_name("ray_build.py")
    command = [sys.executable, str(script), str(photos), str(out), str(log), str(seconds_per_photo)]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{root}:{script.parent}"}
    environment["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    return subprocess.Popen(
        command,
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == 0, said
    return said


def workers(log: Path) -> list[int]:
    return [int(line) for line in log.read_text().split()] if log.exists() else []


def wait_for(log: Path, number: int) -> None:
    deadline = time.monotonic() + HANG_SECONDS
    while len(workers(log)) < number:
        assert time.monotonic() < deadline, "nothing was encoded"
        time.sleep(0.05)


@pytest.fixture
def filled(workshop: Any, photo: Any) -> Any:
    workshop.add(*(f"{number:03}.png" for number in range(120)))
    photo(workshop.photos / "same.png", 5)  # of the same content as 005.png
    (workshop.photos / "broken.jpg").write_bytes(b"no image")
    return workshop


def as_local(workshop: Any, tmp_path: Path) -> dict[str, Any]:
    """What the local engine makes of the same photos."""
    local = type(workshop)(workshop.photos, tmp_path / "local")
    local.build()
    return dict(local.content())


def counts(workshop: Any) -> tuple[int, int, int]:
    with workshop.open() as gallery:
        found = gallery.manifest.counts
        assert gallery.manifest.duplicates.photos == 1
        return found.found, found.indexed, found.skipped


@needs_ray
def test_ray_gives_the_gallery_of_the_local_engine(filled: Any, tmp_path: Path) -> None:
    said = finish(run(filled.photos, filled.out, tmp_path / "log"))
    assert "Found 122 = indexed 121 + skipped 1" in said
    assert filled.content() == as_local(filled, tmp_path)
    assert counts(filled) == (122, 121, 1)
    assert "Nothing to do" in finish(run(filled.photos, filled.out, tmp_path / "log"))


@needs_ray
def test_a_killed_worker_and_then_a_killed_driver_lose_no_photo(filled: Any, tmp_path: Path) -> None:
    log = tmp_path / "log"
    first = run(filled.photos, filled.out, log, seconds_per_photo=0.1)
    wait_for(log, 10)
    os.kill(workers(log)[-1], signal.SIGKILL)
    wait_for(log, 60)
    assert first.poll() is None
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    before = len(workers(log))
    said = finish(run(filled.photos, filled.out, log))
    assert "Resumed: " in said
    assert filled.content() == as_local(filled, tmp_path)
    assert counts(filled) == (122, 121, 1)
    # Embedded again is at most what was in hand: of the driver not committed (8 and what is under way), of the worker.
    assert len(workers(log)) - before < 121


def test_without_ray_the_extra_is_named(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.add("a.png")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(GalleryError, match="--engine ray needs Ray; install it with the extra ray"):
        workshop.build(engine="ray")


def test_an_address_without_the_engine_is_refused(workshop: Any) -> None:
    with pytest.raises(GalleryError, match="--ray-address is auto, but --engine is local; give --engine ray"):
        workshop.build(ray_address="auto")
