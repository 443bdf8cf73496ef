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
import sqlite3
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.living_kills import content_of
from benchmarks.living_photos import write_photo
from index_builder.build import BuildSettings, build_gallery
from index_builder.gallery import CURRENT, GENERATIONS, open_gallery
from index_builder.generation_files import verify_files
from index_builder.photo_model import PhotoModel
from index_builder.progress import SilentProgress
from index_builder.publish import WORK
from model.errors import SketchSearchError
from model.preprocess import Preprocessing, prepare_photo

_PUBLISHED, _SENTENCE, _TRACEBACK = 0, 2, 3
_DIMENSION = 8
_PREPROCESSING = Preprocessing(image_size_px=32)
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
class Scenario:
    """A state of a gallery and its photos, and what a build has to make of it."""

    name: str
    photos: Path
    start: Path
    before: dict[str, Any] | None
    after: dict[str, Any]


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


class MeanColours:
    """An encoder without a network, whose forks need no threads."""

    provider, precision = "CPUExecutionProvider", "fp32"

    def encode(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, 3, 32, 32) to (B, 8), unit norm."""
        cells = images.reshape(len(images), 3, 4, 8, 32).mean(axis=(3, 4)).reshape(len(images), 12)[:, :_DIMENSION]
        return np.asarray(cells / np.linalg.norm(cells, axis=1, keepdims=True), np.float32)


def build(photos: Path, out: Path) -> None:
    """An undisturbed build, in this process."""

    def prepare(image: Image.Image) -> NDArray[np.float32]:
        return prepare_photo(image, _PREPROCESSING)

    model = PhotoModel("colours", "c" * 64, "fp32", _DIMENSION, 32, prepare, MeanColours)
    build_gallery(BuildSettings(photos, out, num_workers=1), model=model, progress=SilentProgress())


def scenarios(folder: Path, num_photos: int) -> Iterator[Scenario]:
    """A first build, and a rebuild after a photo has come, another has gone and a third has changed."""
    photos, empty = folder / "photos", folder / "empty"
    photos.mkdir()
    empty.mkdir()
    for number in range(num_photos):
        write_photo(photos / f"{number:02}.jpg", number)
    in_fork(lambda: build(photos, folder / "first"))
    first = content_of(folder / "first")
    yield Scenario("first build", photos, empty, None, first)
    write_photo(photos / f"{num_photos:02}.jpg", num_photos)
    write_photo(photos / "01.jpg", num_photos + 1)
    (photos / "00.jpg").unlink()
    shutil.copytree(folder / "first", folder / "second")
    in_fork(lambda: build(photos, folder / "second"))
    yield Scenario("rebuild", photos, folder / "first", first, content_of(folder / "second"))


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
    outcome = {_PUBLISHED: "published", _SENTENCE: "ended with a sentence"}.get(status, "traceback")
    try:
        left = verified_content(out)
        if left not in (scenario.before, scenario.after) or (status == _PUBLISHED and left != scenario.after):
            return outcome, "the gallery is neither the one before nor the one after"
        again, why = in_fork(lambda: build(scenario.photos, out))
        if again != _PUBLISHED or verified_content(out) != scenario.after:
            return outcome, f"the next build does not mend it: {why}"
    except Exception as error:  # whatever it is, it is a finding
        return outcome, f"{type(error).__name__}: {error}"
    leftovers = [path.name for path in (out / WORK, out / GENERATIONS / ".staging") if path.exists()]
    if leftovers:
        return outcome, f"left behind: {leftovers}"
    return outcome, f"a traceback: {said}" if outcome == "traceback" else None


def verified_content(out: Path) -> dict[str, Any] | None:
    """All that the gallery answers, every file hashed; None when there is none."""
    if not (out / CURRENT).exists():
        return None
    with open_gallery(out, bundle=None) as gallery:
        verify_files(gallery.folder, gallery.manifest)
    return content_of(out)


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


def in_fork(work: Callable[[], None]) -> tuple[int, str]:
    """Runs work in a child process; returns how it ended, as the command line would, and its last words."""
    with tempfile.TemporaryFile("w+") as words:
        child = os.fork()
        if not child:
            status = _PUBLISHED
            os.dup2(words.fileno(), 2)
            try:
                work()
            except (SketchSearchError, OSError, sqlite3.Error) as error:  # as index_builder.commands.run
                status = _SENTENCE
                words.write(str(error))
            except BaseException:
                status = _TRACEBACK
                words.write(traceback.format_exc())
            words.flush()
            os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        words.seek(0)
        return status, words.read()


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
