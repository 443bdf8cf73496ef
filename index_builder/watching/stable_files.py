"""Decides when changed files are complete: when size and time of change have stayed the same for a while."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

_Status = tuple[int, int]  # size in bytes, time of last change in ns


@dataclass
class _Restless:
    status: _Status | None
    since: float
    first_seen: float


class StableFiles:
    """The files that changed since the last build, and for how long each has stayed the same.

    The time is measured here, by a clock of this machine: those of a network drive may run ahead or behind.
    """

    def __init__(
        self, *, settle_seconds: float, patience_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Starts with nothing changed.

        Args:
            settle_seconds: a file that stays the same for so long is complete.
            patience_seconds: after so long, what is complete no longer waits for what is not.
            clock: seconds that only grow.
        """
        self._settle_seconds = settle_seconds
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._restless: dict[Path, _Restless] = {}

    def note(self, paths: Iterable[Path]) -> None:
        """Notes that files changed, appeared or went."""
        now = self._clock()
        for path in paths:
            known = self._restless.get(path)
            first_seen = now if known is None else known.first_seen
            self._restless[path] = _Restless(_status(path), now, first_seen)

    @property
    def is_waiting(self) -> bool:
        """True if anything is not known to be complete."""
        return bool(self._restless)

    def is_due(self) -> bool:
        """Returns True when something changed, and all of it is complete or has been waited for long enough."""
        now = self._clock()
        for path, entry in self._restless.items():
            status = _status(path)
            if status != entry.status:
                entry.status, entry.since = status, now
        if not self._restless:
            return False
        waited = now - min(entry.first_seen for entry in self._restless.values())
        return not self._unsettled(now) or waited >= self._patience_seconds

    def take(self) -> tuple[list[Path], list[Path]]:
        """Hands over what is complete, and forgets it; what is not complete is kept, and waited for anew."""
        now = self._clock()
        unsettled = self._unsettled(now)
        settled = [path for path in self._restless if path not in unsettled]
        self._restless = {path: self._restless[path] for path in unsettled}
        for entry in self._restless.values():
            entry.first_seen = now
        return settled, sorted(unsettled)

    def _unsettled(self, now: float) -> set[Path]:
        return {path for path, entry in self._restless.items() if now - entry.since < self._settle_seconds}


def _status(path: Path) -> _Status | None:
    """None for what is not a file, or no longer there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns) if path.is_file() else None
