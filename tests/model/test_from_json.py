from dataclasses import asdict, dataclass, field
from typing import Any

import pytest

from model.from_json import from_json


@dataclass(frozen=True)
class Part:
    sizes: tuple[float, float] = (1.0, 2.0)
    margin: float | None = None

    def __post_init__(self) -> None:
        if self.margin == 9:
            raise ValueError("The margin is 9; expected less.")


@dataclass(frozen=True)
class Whole:
    name: str
    count: int = 1
    part: Part = field(default_factory=Part)


def test_what_was_written_is_read_back() -> None:
    whole = Whole("a", 3, Part((0.5, 4.0), 0.25))
    assert from_json(Whole, asdict(whole)) == whole


def test_what_is_missing_gets_its_default() -> None:
    assert from_json(Whole, {"name": "a", "part": {"margin": 1}}) == Whole("a", part=Part(margin=1.0))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "a", "colour": 1}, "There is no setting 'colour'; there are name, count, part"),
        ({"name": "a", "part": {"hue": 1}}, "There is no setting 'hue'; there are sizes, margin"),
        ({"name": "a", "count": "3"}, "count is '3': Input should be a valid integer"),
        ({"count": 3}, "name is .*required"),
        ({"name": "a", "part": {"margin": 9}}, "^The margin is 9; expected less.$"),
        ([], "the whole is"),
    ],
)
def test_what_does_not_fit_is_told_in_one_sentence(values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_json(Whole, values)
