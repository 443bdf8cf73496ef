"""Shows the builder's progress: a bar on a terminal, a line every few seconds elsewhere."""

import time
import unicodedata
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

_SECONDS_BETWEEN_LINES = 5.0
_UNSHOWN = frozenset({"Cc", "Zl", "Zp", "Cs"})  # controls, line and paragraph separators, undecodable bytes


class Progress(Protocol):
    """Where the builder reports to."""

    def say(self, text: str) -> None:
        """Shows one line."""

    def start(self, total: int) -> None:
        """Begins to count photos that are read and embedded."""

    def advance(self) -> None:
        """One more photo is done."""

    def stop(self) -> None:
        """Ends the count."""


class ConsoleProgress:
    """Reports to a console: with a bar when it is a terminal, otherwise with plain lines, as log files want them."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: RichProgress | None = None
        self._total = self._done = 0
        self._started = self._last_line = 0.0

    def say(self, text: str) -> None:
        """Shows one line, whatever the names in it hold."""
        self._console.print(one_line(text), markup=False, highlight=False, soft_wrap=True)

    def start(self, total: int) -> None:
        """Begins to count."""
        self._total, self._done = total, 0
        self._started = self._last_line = time.monotonic()
        if self._console.is_terminal:
            columns = (TextColumn("embedding"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
            self._bar = RichProgress(*columns, console=self._console)
            self._bar.add_task("", total=total)
            self._bar.start()

    def advance(self) -> None:
        """One more photo is done."""
        self._done += 1
        now = time.monotonic()
        if self._bar is not None:
            self._bar.advance(self._bar.task_ids[0])
        elif now > self._last_line + _SECONDS_BETWEEN_LINES:
            self._last_line = now
            rate = self._done / (now - self._started)
            left = (self._total - self._done) / rate
            percent = 100 * self._done / self._total
            self.say(
                f"{self._done:,} of {self._total:,} photos ({percent:.0f} %), {rate:.1f} photos/s, {left:,.0f} s left"
            )

    def stop(self) -> None:
        """Takes the bar away or, without one, says how it went."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f} photos/s" if task.speed else "", style="progress.data.speed")


def one_line(text: str) -> str:
    """The text with line breaks and other control characters escaped, such as a file name may hold."""
    return "".join(
        character.encode("unicode_escape").decode() if unicodedata.category(character) in _UNSHOWN else character
        for character in text
    )


class SilentProgress:
    """Keeps what was said, for programs and tests."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        """Keeps one line."""
        self.lines.append(text)

    def start(self, total: int) -> None:
        """Counts nothing."""

    def advance(self) -> None:
        """Counts nothing."""

    def stop(self) -> None:
        """Counts nothing."""
