"""Builds a gallery on a disk that fails at every single call, one after the other, and looks what is left.

A first build and a rebuild are each run as often as they make calls to files of the gallery: writing, flushing,
renaming, removing, and for EIO reading too. In run n the n-th call fails, once or from then on. Besides, both run on
real file systems (tmpfs) of growing size, which need root. After every run the gallery must be absent, the one before
or the complete new one, with all hashes right; the builder must have ended with a sentence, not with a traceback; and
the next build, with the disk mended, must give exactly what an undisturbed build gives. Prints one JSON object, and
ends with status 1 if something else happened. Needs gcc.

    python -m benchmarks.reliability.failing_disk [--every 1] [--photos 12]
"""

import argparse
import ctypes
import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import faiss

from benchmarks.reliability.disk_scenarios import (
    PUBLISHED,
    SENTENCE,
    Scenario,
    build,
    in_fork,
    scenarios,
    verified_content,
)
from index_builder.gallery.folder_gallery import CURRENT, GENERATIONS
from index_builder.publishing.swap import WORK
from model.errors import SketchSearchError

_SHIM = "SKETCH_SEARCH_FAILING_CALLS"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="only every so many calls")
    parser.add_argument("--photos", type=int, default=12)
    arguments = parser.parse_args()
    _run_again_with_the_shim()
    faiss.omp_set_num_threads(1)  # no threads before a fork
    tally = Tally()
    with tempfile.TemporaryDirectory() as name:
        for scenario in scenarios(Path(name), arguments.photos):
            for failure in FAILURES:
                fail_at_every_call(scenario, failure, arguments.every, tally)
            if os.geteuid() == 0:
                fill_small_disks(scenario, tally)
    print(json.dumps({"runs": tally.runs, "problems": tally.problems[:20]}, indent=2))
    sys.exit(bool(tally.problems))


@dataclass(frozen=True)
class Failure:
    """How a call fails."""

    name: str
    error: int
    stays: bool
    reads: bool


FAILURES = (
    Failure("the disk is full for a moment", errno.ENOSPC, stays=False, reads=False),
    Failure("the disk is full from then on", errno.ENOSPC, stays=True, reads=False),
    Failure("one call gives EIO", errno.EIO, stays=False, reads=True),
    Failure("every call gives EIO from then on", errno.EIO, stays=True, reads=True),
)


@dataclass
class Tally:
    """What happened in all runs."""

    runs: dict[str, Counter[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def note(self, what: str, outcome: str, problem: str | None, where: str) -> None:
        """Counts one run."""
        self.runs.setdefault(what, Counter())[outcome] += 1
        print(f"{what}, {where}: {problem or outcome}", file=sys.stderr, flush=True)
        if problem:
            self.problems.append(f"{what}, {where}: {problem}")


def fail_at_every_call(scenario: Scenario, failure: Failure, every: int, tally: Tally) -> None:
    total = count_calls(scenario, failure)
    for number in range(1, total + 1, every):
        with fresh_copy(scenario) as out:
            what = f"{scenario.name}: {failure.name}"
            status, said = in_fork(partial(failing_build, scenario, out, failure, number))
            outcome, problem = judge(scenario, out, status, said)
            tally.note(what, outcome, problem, f"call {number} of {total}")


def fill_small_disks(scenario: Scenario, tally: Tally) -> None:
    """Real full disks, from too small for the lock to just large enough."""
    for kibibytes in range(16, 704, 16):
        with fresh_copy(scenario, size=f"{kibibytes}k") as out:
            if scenario.before is not None and not (out / CURRENT).exists():
                continue  # not even the gallery before has room
            status, said = in_fork(partial(build, scenario.photos, out))
            subprocess.run(["mount", "-o", "remount,size=64m", str(out.parent)], check=True)
            outcome, problem = judge(scenario, out, status, said)
            tally.note(f"{scenario.name}: a tmpfs of 16 to 688 KiB", outcome, problem, f"{kibibytes} KiB")


@contextmanager
def fresh_copy(scenario: Scenario, *, size: str | None = None) -> Iterator[Path]:
    """A copy of the scenario's gallery, on a file system of its own if a size is given."""
    with tempfile.TemporaryDirectory() as name:
        if size is not None:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", name], check=True)
        try:
            try:
                shutil.copytree(scenario.start, Path(name) / "gallery")
            except (OSError, shutil.Error):
                shutil.rmtree(Path(name) / "gallery")
                (Path(name) / "gallery").mkdir()
            yield Path(name) / "gallery"
        finally:
            if size is not None:
                subprocess.run(["umount", name], check=True)


def judge(scenario: Scenario, out: Path, status: int, said: str) -> tuple[str, str | None]:
    """What the build came to, and what is wrong with it, if something is."""
    outcome = {PUBLISHED: "published", SENTENCE: "ended with a sentence"}.get(status, "traceback")
    try:
        left = verified_content(out)
        if left not in (scenario.before, scenario.after) or (status == PUBLISHED and left != scenario.after):
            return outcome, "the gallery is neither the one before nor the one after"
        again, why = in_fork(lambda: build(scenario.photos, out))
        if again != PUBLISHED or verified_content(out) != scenario.after:
            return outcome, f"the next build does not mend it: {why}"
    except Exception as error:  # whatever it is, it is a finding
        return outcome, f"{type(error).__name__}: {error}"
    leftovers = [path.name for path in (out / WORK, out / GENERATIONS / ".staging") if path.exists()]
    if leftovers:
        return outcome, f"left behind: {leftovers}"
    return outcome, f"a traceback: {said}" if outcome == "traceback" else None


def count_calls(scenario: Scenario, failure: Failure) -> int:
    with fresh_copy(scenario) as out:
        said = in_fork(lambda: failing_build(scenario, out, failure, 0))[1]
        return int(said)


def failing_build(scenario: Scenario, out: Path, failure: Failure, number: int) -> None:
    """Builds with call `number` failing; says how many calls there were."""
    shim = ctypes.CDLL(os.environ[_SHIM])
    shim.arm(str(out).encode(), ctypes.c_long(number), failure.error, failure.stays, failure.reads)
    try:
        build(scenario.photos, out)
    finally:
        shim.arm(b"", ctypes.c_long(0), 0, 0, 0) if number else None
    if not number:
        raise SketchSearchError(str(shim.counted()))


def _run_again_with_the_shim() -> None:
    if _SHIM in os.environ:
        return
    library = Path(tempfile.gettempdir()) / f"failing_calls.{os.getpid()}.so"
    source = Path(__file__).with_name("failing_calls.c")
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    os.environ |= {_SHIM: str(library), "LD_PRELOAD": str(library), "OMP_NUM_THREADS": "1"}
    os.execv(sys.executable, [sys.executable, "-m", "benchmarks.reliability.failing_disk", *sys.argv[1:]])


if __name__ == "__main__":
    main()
