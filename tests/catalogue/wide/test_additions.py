"""What people add and leave out: shading stays inside, most drawings stay whole, nothing is ever lost entirely."""

import numpy as np

from catalogue.curves import circle
from catalogue.wide.additions import hatched, with_additions

ROUND = circle(0.3, 60)[:, [0, 2]] + 0.5


def test_shading_stays_within_the_line_that_it_fills() -> None:
    for seed in range(20):
        for stroke in hatched(ROUND, np.random.default_rng(seed)):
            assert np.linalg.norm(stroke - 0.5, axis=1).max() < 0.34


def test_a_straight_line_is_not_shaded() -> None:
    straight = np.linspace((0.1, 0.5), (0.9, 0.5), 40)
    assert hatched(straight, np.random.default_rng(0)) == []


def test_drawings_change_in_many_ways_and_always_keep_some_lines() -> None:
    strokes = [ROUND + shift for shift in (-0.1, 0.0, 0.1, 0.15, 0.2)]
    counts = [len(with_additions(list(strokes), np.random.default_rng(seed))) for seed in range(200)]
    assert min(counts) >= 2
    assert counts.count(5) > 80
    assert any(count < 5 for count in counts)
    assert any(count > 5 for count in counts)


def test_the_same_stream_gives_the_same_additions() -> None:
    one, other = (with_additions([ROUND] * 3, np.random.default_rng(4)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
