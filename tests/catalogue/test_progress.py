"""Progress in a log: plain lines, spaced out, with how much is done and left."""

import io

from rich.console import Console

from catalogue.progress import shown


def test_a_log_gets_a_line_every_five_seconds_with_rate_and_time_left() -> None:
    seconds = iter([0.0, 1.0, 5.0, 6.0, 10.0])
    log = io.StringIO()
    with shown(40, Console(file=log), clock=lambda: next(seconds)) as report:
        for done in (2, 10, 12, 20):
            report(done)
    assert log.getvalue().splitlines() == [
        "catalogue: 10 of 40 items, 2.0 items/s, 15 s left",
        "catalogue: 20 of 40 items, 2.0 items/s, 10 s left",
    ]


def test_a_terminal_gets_a_bar() -> None:
    screen = io.StringIO()
    with shown(4, Console(file=screen, force_terminal=True, width=80)) as report:
        report(4)
    assert "4/4" in screen.getvalue()
    assert "items/s" not in screen.getvalue()
