"""Embedding on Ray gives the gallery of the local engine, through the death of workers, of a node and of the driver.

Those that start Ray are skipped where it is not installed: uv pip install -p .venv/bin/python '.[ray]'
"""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyarrow import parquet

from index_builder.embedding.ray import driver as ray_engine
from index_builder.gallery.errors import GalleryError

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed: the extra ray")
HANG_SECONDS = 900


def start(script: str, *arguments: object, **options: Any) -> subprocess.Popen[str]:
    path = Path(__file__).with_name(script)
    root = Path(__file__).parents[4]
    environment = {**os.environ, "PYTHONPATH": f"{root}:{path.parent}"}
    environment["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    command = [sys.executable, str(path), *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True, **options
    )


def run(photos: Path, out: Path, log: Path, **options: Any) -> subprocess.Popen[str]:
    """A build on Ray in a process of its own; `log` gets a line for each encoded photo: the worker and its node."""
    return start("ray_build.py", photos, out, log, json.dumps(options))


def finish(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == 0, said
    return said


def kill(process: subprocess.Popen[str]) -> None:
    assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def encoded(log: Path) -> list[tuple[int, str]]:
    """The process and the node of each photo that was encoded."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [(int(process), node) for process, node in map(str.split, lines)]


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + HANG_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.05)


def wait_for(log: Path, number: int) -> None:
    wait_until(lambda: len(encoded(log)) >= number)


@contextmanager
def cluster(num_nodes: int) -> Iterator[tuple[str, list[str], Callable[[str], None]]]:
    """The address of a cluster, the ids of its nodes, and what kills a node."""
    process = start("ray_cluster.py", num_nodes, stdin=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    said = json.loads(process.stdout.readline())

    def kill_node(node: str) -> None:
        process.stdin.write(node + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "killed\n"

    try:
        yield said["address"], said["nodes"], kill_node
    finally:
        process.communicate(timeout=HANG_SECONDS)


@pytest.fixture
def filled(workshop: Any, photo: Any) -> Any:
    workshop.add(*(f"{number:03}.png" for number in range(120)))
    photo(workshop.photos / "same.png", 5)  # of the same content as 005.png
    (workshop.photos / "broken.jpg").write_bytes(b"no image")
    return workshop


def assert_as_local(workshop: Any, tmp_path: Path) -> None:
    """Content, ids, embeddings and counts are what the local engine makes of the same photos."""
    local = type(workshop)(workshop.photos, tmp_path / "local")
    local.build()
    assert workshop.content() == local.content()
    assert counts(workshop) == counts(local) == (122, 121, 1, 1)


def counts(workshop: Any) -> tuple[int, int, int, int]:
    with workshop.open() as gallery:
        found = gallery.manifest.counts
        return found.found, found.indexed, found.skipped, gallery.manifest.duplicates.photos


@needs_ray
def test_ray_gives_the_gallery_of_the_local_engine(filled: Any, tmp_path: Path) -> None:
    said = finish(run(filled.photos, filled.out, tmp_path / "log", num_workers=2))
    assert "Found 122 = indexed 121 + skipped 1" in said
    assert_as_local(filled, tmp_path)
    assert "Nothing to do" in finish(run(filled.photos, filled.out, tmp_path / "log"))


@needs_ray
def test_a_killed_worker_and_then_a_killed_driver_lose_no_photo(filled: Any, tmp_path: Path) -> None:
    log = tmp_path / "log"
    first = run(filled.photos, filled.out, log, num_workers=2, seconds_per_photo=0.1)
    wait_for(log, 10)
    os.kill(encoded(log)[-1][0], signal.SIGKILL)
    wait_for(log, 60)
    kill(first)
    again = tmp_path / "again"
    said = finish(run(filled.photos, filled.out, again, num_workers=2))
    resumed = int(said.partition("Resumed: ")[2].split()[0])
    # Lost is what was in hand: a batch of the killed worker, and what the driver had not committed.
    assert resumed >= 16
    assert len(encoded(again)) == 121 - resumed
    assert_as_local(filled, tmp_path)


@needs_ray
def test_what_workers_have_finished_in_shards_is_not_embedded_again(filled: Any, tmp_path: Path) -> None:
    shards = tmp_path / "shards"

    def finished() -> list[Path]:
        return list(shards.rglob("*.parquet"))

    log, again = tmp_path / "log", tmp_path / "again"
    options = {"num_workers": 2, "shards": shards.as_uri()}
    first = run(filled.photos, filled.out, log, **options, seconds_per_photo=0.05, commit_every=1_000_000)
    wait_until(lambda: len(finished()) >= 3)
    kill(first)
    wait_until(lambda: not any(Path(f"/proc/{process}").exists() for process, _ in encoded(log)))
    num_shards = len(finished())
    rows = sum(parquet.read_table(shard).column("vector").drop_null().length() for shard in finished())
    said = finish(run(filled.photos, filled.out, again, **options))
    assert f"Taken from {num_shards} shards of an earlier run: {rows} embeddings" in said
    assert 40 <= rows < 121
    assert len(encoded(again)) == 121 - rows
    assert_as_local(filled, tmp_path)
    assert not finished()


@needs_ray
def test_work_spreads_over_nodes_and_outlives_one(filled: Any, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with cluster(4) as (address, nodes, kill_node):
        driver = run(filled.photos, filled.out, log, ray_address=address, seconds_per_photo=0.2)
        wait_until(lambda: {node for _, node in encoded(log)} == set(nodes))
        victim = nodes[2]
        kill_node(victim)
        for process in {process for process, node in encoded(log) if node == victim}:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)  # on a machine that is gone nothing goes on
        at_death = len(encoded(log))
        said = finish(driver)
    assert "4 Ray workers" in said
    assert at_death < 100
    assert {node for _, node in encoded(log)[at_death:]} == {*nodes} - {victim}
    assert_as_local(filled, tmp_path)


def test_without_ray_the_extra_is_named(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.add("a.png")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(GalleryError, match="--engine ray needs Ray; install it with the extra ray"):
        workshop.build(engine="ray")


@pytest.mark.parametrize("option", [{"ray_address": "auto"}, {"shards": "auto"}])
def test_an_option_of_ray_without_the_engine_is_refused(workshop: Any, option: dict[str, str]) -> None:
    with pytest.raises(GalleryError, match=r"--(ray-address|shards) is auto, but --engine is local; give --engine ray"):
        workshop.build(**option)


def test_without_an_address_no_cluster_is_used_that_happens_to_run() -> None:
    given: dict[str, Any] = {}
    context = SimpleNamespace()
    data = SimpleNamespace(DataContext=SimpleNamespace(get_current=lambda: context))
    ray: Any = SimpleNamespace(init=lambda **options: given.update(options), data=data)
    ray_engine._connect(ray, None)
    assert given["address"] == "local"
