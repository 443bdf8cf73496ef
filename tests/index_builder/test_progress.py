import io

import pytest
from rich.console import Console

from index_builder import progress as module
from index_builder.progress import ConsoleProgress


def run(console: Console) -> None:
    progress = ConsoleProgress(console)
    progress.say("Found [3] photos: é")
    progress.start(3)
    for _ in range(3):
        progress.advance()
    progress.stop()


def test_a_log_file_gets_plain_lines_with_count_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS_BETWEEN_LINES", 0.0)
    stream = io.StringIO()
    run(Console(file=stream, width=40))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "Found [3] photos: é"
    assert lines[1].startswith("1 of 3 photos (33 %), ")
    assert "photos/s, " in lines[1]
    assert lines[1].endswith(" s left")
    assert "\x1b" not in stream.getvalue()


def test_a_file_name_makes_no_lines_and_no_colours_of_its_own() -> None:
    stream = io.StringIO()
    ConsoleProgress(Console(file=stream, force_terminal=True)).say("Skipped new\nline\u2028\x1b[31m\udcff.jpg, é")
    assert stream.getvalue() == "Skipped new\\nline\\u2028\\x1b[31m\\udcff.jpg, é\n"


def test_a_log_file_is_not_flooded() -> None:
    stream = io.StringIO()
    run(Console(file=stream))
    assert len(stream.getvalue().splitlines()) == 1


def test_a_terminal_gets_a_bar_with_count_and_rate() -> None:
    stream = io.StringIO()
    run(Console(file=stream, force_terminal=True, width=100))
    assert "3/3" in stream.getvalue()
    assert "embedding" in stream.getvalue()
