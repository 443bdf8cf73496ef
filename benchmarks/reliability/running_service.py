"""A gallery of generated photos, and the service over it in a process of its own, for the scripts of this folder."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.living_photos import timed_build, write_photos
from benchmarks.start_up import is_ready

_PATIENCE_SECONDS = 180.0  # of a machine that has much else to do


@dataclass(frozen=True)
class Resources:
    """What a service holds: its process and all processes below it.

    Attributes:
        rss_mb: resident memory of all.
        own_mb: of the service's process alone, without what is mapped from files.
        num_fds: open descriptors of all.
        num_processes: how many they are.
    """

    rss_mb: float
    own_mb: float
    num_fds: int
    num_processes: int


@dataclass
class RunningService:
    """A service that answers at `url`."""

    url: str
    process: "subprocess.Popen[bytes]"

    def resources(self) -> Resources:
        """Resident memory, descriptors and processes, summed over the process tree."""
        pids = list(_tree(self.process.pid))
        own_mb = _status_mb(self.process.pid, "RssAnon")
        return Resources(sum(map(_rss_mb, pids)), own_mb, sum(map(_num_fds, pids)), len(pids))

    def peak_rss_mb(self) -> float:
        """The most memory that the process tree has held since `reset_peak`, process by process."""
        return sum(_status_mb(pid, "VmHWM") for pid in _tree(self.process.pid))

    def reset_peak(self) -> None:
        """Starts a new measurement of the peak."""
        for pid in _tree(self.process.pid):
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def wait_until_ready(self) -> None:
        """Returns when /readyz is green; fails when the process ends before."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not is_ready(self.url):
            assert self.process.poll() is None, f"the service ended with status {self.process.returncode}"
            assert time.monotonic() < deadline, "the service did not become ready"
            time.sleep(0.05)

    def stop(self) -> int:
        """SIGTERM, as an orchestrator does it; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_PATIENCE_SECONDS)


def start_service(gallery: Path, *options: str, port: int | None = None, log: Path | None = None) -> RunningService:
    """Starts `python -m service` over a gallery; `wait_until_ready` says when it can be used.

    Args:
        gallery: its folder.
        options: further flags.
        port: a free one when None.
        log: file for its output; None discards it.
    """
    port = port or free_port()
    command = [sys.executable, "-m", "service", "--gallery", str(gallery), "--port", str(port), *options]
    with (log or Path(os.devnull)).open("ab") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream)
    return RunningService(f"http://127.0.0.1:{port}", process)


@contextmanager
def running(gallery: Path, *options: str, log: Path | None = None) -> Iterator[RunningService]:
    """A ready service, which is stopped at the end of the block."""
    service = start_service(gallery, *options, log=log)
    try:
        service.wait_until_ready()
        yield service
    finally:
        if service.process.poll() is None:
            service.stop()


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def make_gallery(folder: Path, *, num_photos: int) -> Path:
    """Writes photos and builds a gallery of them, with a column `mark` that is 0; returns the gallery's folder."""
    write_photos(folder / "photos", range(num_photos))
    publish_marked(folder, 0, num_photos=num_photos)
    return folder / "gallery"


def publish_marked(folder: Path, mark: int, *, num_photos: int) -> str:
    """Publishes a generation whose photos all have `mark` in their metadata; returns its name."""
    table = folder / "metadata.csv"
    table.write_text("photo_id,mark\n" + "".join(f"{number:06},{mark}\n" for number in range(num_photos)))
    return timed_build(folder, metadata=table)[0].generation


def processes_below(pid: int) -> list[int]:
    """The processes that a process has started, and those that they have started."""
    return list(_tree(pid))[1:]


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for child in _words(f"/proc/{pid}/task/{pid}/children"):
        yield from _tree(int(child))


def _words(path: str) -> Sequence[str]:
    try:
        return Path(path).read_text().split()
    except OSError:  # the process has ended
        return ()


def _rss_mb(pid: int) -> float:
    return _status_mb(pid, "VmRSS")


def _status_mb(pid: int, field: str) -> float:
    words = _words(f"/proc/{pid}/status")
    return int(words[words.index(field + ":") + 1]) / 1024 if field + ":" in words else 0.0


def _num_fds(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208  counted, not used
    except OSError:
        return 0
