"""Joining, thinning and deforming of strokes."""

import dataclasses
import itertools

import numpy as np

from catalogue.feature_lines import FeatureLine
from catalogue.hand import by_hand, simplified
from catalogue.skill import NOVICE
from catalogue.strokes import join, without_twins


def straight(start: tuple[float, float], end: tuple[float, float], count: int = 40) -> np.ndarray:  # type: ignore[type-arg]
    return np.linspace(np.array(start), np.array(end), count)


def test_pieces_of_one_straight_line_are_joined_whatever_their_direction() -> None:
    pieces = [straight((0.1, 0.5), (0.3, 0.5)), straight((0.5, 0.5), (0.305, 0.5)), straight((0.505, 0.5), (0.9, 0.5))]
    chains = join(pieces, radius=0.02, turn_degrees=40.0)
    assert len(chains) == 1
    joined = np.concatenate([pieces[k][::-1] if back else pieces[k] for k, back in chains[0]])
    assert np.all(np.diff(joined[:, 0]) > 0) or np.all(np.diff(joined[:, 0]) < 0)


def test_a_sharp_corner_is_not_joined() -> None:
    pieces = [straight((0.1, 0.5), (0.5, 0.5)), straight((0.5, 0.5), (0.5, 0.9))]
    assert len(join(pieces, radius=0.02, turn_degrees=40.0)) == 2
    assert len(join(pieces, radius=0.02, turn_degrees=120.0)) == 1


def test_a_loop_of_pieces_is_cut_once() -> None:
    corners = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9), (0.1, 0.1)]
    pieces = [straight(a, b) for a, b in itertools.pairwise(corners)]
    chains = join(pieces, radius=0.02, turn_degrees=120.0)
    assert [len(chain) for chain in chains] == [4]


def test_two_close_parallel_lines_are_drawn_as_one() -> None:
    lines = [FeatureLine(straight((0.1, y), (0.9, y), 80), 0, 0.0, False, False) for y in (0.5, 0.505, 0.7)]
    assert len(without_twins(lines, 0.02)) == 2


def test_a_crossing_line_survives() -> None:
    across = FeatureLine(straight((0.1, 0.5), (0.9, 0.5), 80), 0, 0.0, False, False)
    down = FeatureLine(straight((0.5, 0.2), (0.5, 0.8), 60), 0, 0.0, False, False)
    assert len(without_twins([across, down], 0.02)) == 2


def test_simplifying_keeps_corners_and_drops_the_rest() -> None:
    bent = np.concatenate([straight((0, 0), (1, 0)), straight((1, 0), (1, 1))])
    assert np.allclose(simplified(bent, 0.01), [(0, 0), (1, 0), (1, 1)])


def test_a_hand_without_errors_follows_the_line() -> None:
    zero = dict.fromkeys(("wobble", "tremor", "drift", "overshoot", "rounding", "straightening"), 0.0)
    steady = dataclasses.replace(NOVICE, **zero)
    line = straight((0.1, 0.2), (0.8, 0.6))
    result = by_hand(line, steady, np.random.default_rng(0))
    assert np.allclose(result[[0, -1]], line[[0, -1]])
    assert len(simplified(result, 1e-6)) == 2
