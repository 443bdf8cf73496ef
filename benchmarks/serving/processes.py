"""A contender's processes: started in a session of their own, measured through /proc, and ended by their ids."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_END_SECONDS = 20.0


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path) -> Iterator[int]:
    """Runs a command for the time of a `with` block and yields its process id.

    Raises:
        SystemExit: in place of any error of the block when the command has ended by itself; says where its output is.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env=os.environ | environment, cwd=folder, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process.pid
    except BaseException:
        if process.poll() is not None:
            raise SystemExit(f"{command[0]} ended with status {process.returncode}; its output is in {log}.") from None
        raise
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    members = family(process.pid)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for member in members:  # helpers that outlived it
        if _started_ticks(member) == members[member]:
            os.kill(member, signal.SIGKILL)


def family(root: int) -> dict[int, int]:
    """A process and all its descendants: id -> when it started, which tells it from a later one with the same id."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (stat := _stat(int(folder.name))) is not None:
            children.setdefault(int(stat[1]), []).append(int(folder.name))
    found, queue = {}, [root]
    while queue:
        member = queue.pop()
        if (ticks := _started_ticks(member)) is not None:
            found[member] = ticks
        queue += children.get(member, [])
    return found


def _stat(process_id: int) -> list[str] | None:
    try:
        # The name, in brackets, may hold anything; what follows it is plain.
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _started_ticks(process_id: int) -> int | None:
    stat = _stat(process_id)
    return None if stat is None else int(stat[19])


def memory_mb(root: int) -> dict[str, float]:
    """Resident memory of a process and its descendants in MB: now, and the sum of their peaks.

    Pages that several processes share count once for each of them.
    """
    now = peak = 0
    for member in family(root):
        try:
            status = Path(f"/proc/{member}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        fields = dict(line.split(":", 1) for line in status.splitlines())
        now += int(fields.get("VmRSS", "0 kB").split()[0])
        peak += int(fields.get("VmHWM", "0 kB").split()[0])
    return {"rss_mb": round(now / 1024, 1), "peak_rss_mb": round(peak / 1024, 1)}


def settle(root: int, *, seconds: float = 10.0) -> None:
    """Waits until a contender has stopped working off what was asked of it."""
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        before = cpu_seconds(root)
        time.sleep(0.3)
        if cpu_seconds(root) - before <= 0.05:
            return


def cpu_seconds(root: int) -> float:
    """Time that a process and its living descendants have computed; less sensitive to a busy machine than latency."""
    stats = [_stat(member) for member in family(root)]
    ticks = sum(int(stat[11]) + int(stat[12]) for stat in stats if stat is not None)
    return ticks / os.sysconf("SC_CLK_TCK")
