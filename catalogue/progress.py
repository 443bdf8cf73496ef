"""Shows how far the catalogue is: a bar on a terminal, a line every few seconds elsewhere, as log files want them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from catalogue.generate import Report

_SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def shown(total: int, console: Console, *, clock: Callable[[], float] = time.monotonic) -> Iterator[Report]:
    """Yields the function to call with the number of finished items.

    Args:
        total: how many items there will be.
        console: where to show it.
        clock: seconds, for tests.
    """
    if not console.is_terminal:
        yield _lines(total, console, clock)
        return
    columns = (TextColumn("catalogue"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("items", total=total)
        yield lambda done: progress.update(task, completed=done)


def _lines(total: int, console: Console, clock: Callable[[], float]) -> Report:
    started = last_line = clock()

    def report(done: int) -> None:
        nonlocal last_line
        now = clock()
        if now >= last_line + _SECONDS_BETWEEN_LINES:
            last_line = now
            rate = done / (now - started)
            left = (total - done) / rate
            console.print(
                f"catalogue: {done:,} of {total:,} items, {rate:.1f} items/s, {left:,.0f} s left",
                highlight=False,
                soft_wrap=True,
            )

    return report
