"""Parameters of a product family: declared once with range and meaning, drawn at random, varied between siblings."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

P = TypeVar("P")
SIBLING_LEVELS = 3


@dataclass(frozen=True)
class Measure:
    """A continuous parameter in [low, high]."""

    low: float
    high: float
    meaning: str

    def draw(self, rng: np.random.Generator) -> float:
        """A uniform value."""
        return float(rng.uniform(self.low, self.high))

    def levels(self) -> list[Any]:
        """Values far enough apart to be told from each other in a line drawing."""
        return [float(value) for value in np.linspace(self.low, self.high, SIBLING_LEVELS)]


@dataclass(frozen=True)
class Choice:
    """One of a few named options, or counts; options may be weighted by repetition."""

    options: tuple[Any, ...]
    meaning: str

    def draw(self, rng: np.random.Generator) -> Any:  # noqa: ANN401
        """An option at random."""
        return self.options[int(rng.integers(len(self.options)))]

    def levels(self) -> list[Any]:
        """The distinct options."""
        return list(dict.fromkeys(self.options))


def measure(low: float, high: float, meaning: str) -> Any:  # noqa: ANN401 - a dataclass field of whatever type
    """A dataclass field for a continuous parameter."""
    return field(metadata={"range": Measure(low, high, meaning)})


def choice(options: Sequence[Any], meaning: str) -> Any:  # noqa: ANN401 - a dataclass field of whatever type
    """A dataclass field for a parameter with a few values."""
    return field(metadata={"range": Choice(tuple(options), meaning)})


def flag(meaning: str) -> Any:  # noqa: ANN401 - as above
    """A dataclass field for something that is there or not."""
    return choice((False, True), meaning)


def ranges(parameters: type[Any] | object) -> dict[str, Measure | Choice]:
    """The declared range of every parameter, by name."""
    return {each.name: each.metadata["range"] for each in dataclasses.fields(parameters)}  # type: ignore[arg-type]


def draw_parameters(kind: type[P], rng: np.random.Generator) -> P:
    """Random parameters of one family."""
    return kind(**{name: allowed.draw(rng) for name, allowed in ranges(kind).items()})


def draw_siblings(base: P, shown: Callable[[P], Sequence[str]], count: int, rng: np.random.Generator) -> list[P]:
    """`count` designs equal to `base` except in one or two parameters, every two visibly different.

    Args:
        base: the design they share; the first sibling is not necessarily equal to it.
        shown: design -> parameters that show in a line drawing of it, distinct enough at every level. Two siblings
            differ in at least one parameter that shows in both of them.
        count: group size.
        rng: source of randomness.
    """
    names = rng.permutation(list(shown(base))).tolist()
    for num_varied in range(1, len(names) + 1):
        varied = names[:num_varied]
        siblings: list[P] = []
        for design in _variations(base, varied, rng):
            if all(_differ(design, other, varied, shown) for other in siblings):
                siblings.append(design)
            if len(siblings) == count:
                return siblings
    raise AssertionError("every family has enough parameters for its sibling groups")


def _variations(base: P, varied: Sequence[str], rng: np.random.Generator) -> Iterator[P]:
    """Every combination of levels of the varied parameters, in random order."""
    allowed = ranges(base)
    levels = [allowed[name].levels() for name in varied]
    combinations = list(itertools.product(*levels))
    for pick in rng.permutation(len(combinations)).tolist():
        yield dataclasses.replace(base, **dict(zip(varied, combinations[pick], strict=True)))  # type: ignore[type-var]


def _differ(one: P, other: P, varied: Sequence[str], shown: Callable[[P], Sequence[str]]) -> bool:
    both = set(shown(one)) & set(shown(other))
    return any(name in both and getattr(one, name) != getattr(other, name) for name in varied)
