from dataclasses import replace
from pathlib import Path

import pytest

from model.feedback import LOG_NAME, Confirmation, read_feedback

ONE = Confirmation(
    sketch="sketches/ab.png",
    photo_id="Möbel/100 %",
    photo_sha256="ff",
    rank=3,
    generation="g1",
    bundle="b1",
    time="2026-11-21T12:00:00+00:00",
)


def test_a_confirmation_survives_its_line() -> None:
    assert Confirmation.from_line(ONE.to_line()) == ONE
    assert ONE.to_line().count("\n") == 1


@pytest.mark.parametrize(
    "line",
    [
        ONE.to_line()[:-20],
        "[]",
        ONE.to_line().replace("sketches/ab.png", "sketches/../../etc/passwd"),
        ONE.to_line().replace("sketches/ab.png", "/etc/passwd"),
        ONE.to_line().replace("3", '"3"'),
        ONE.to_line().replace('"bundle"', '"bnudle"'),
    ],
)
def test_a_line_that_is_cut_off_or_leads_outside_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Confirmation.from_line(line)


def test_damaged_lines_are_counted_and_the_others_read(tmp_path: Path) -> None:
    other = replace(ONE, photo_id="b")
    text = ONE.to_line() + ONE.to_line()[:30] + "\n\n" + other.to_line()
    (tmp_path / LOG_NAME).write_bytes(text.encode() + b"\xff\xfe\n")
    feedback = read_feedback(tmp_path)
    assert feedback.confirmations == (ONE, other)
    assert feedback.damaged_lines == (2, 5)
