"""The hand that draws: planned strokes become drawn ones, with wobble, drift, overshoot, rounding and repetition."""

import numpy as np

from catalogue.curves import arc_lengths, resample
from catalogue.geometry import Array
from catalogue.skill import Skill

STEP = 0.008


def drawn(points: Array, skill: Skill, rng: np.random.Generator) -> list[Array]:
    """One planned stroke (n, 2) as one or more drawn ones."""
    length = float(arc_lengths(points)[-1])
    closed = length > 0.1 and float(np.linalg.norm(points[0] - points[-1])) < 0.02
    if closed:
        points = _started_elsewhere(points, rng)
    elif rng.random() < 0.25:
        points = points[::-1]
    pieces = [points]
    if length > 0.35 and rng.random() < skill.splits:
        cut, lap = int(len(points) * rng.uniform(0.35, 0.65)), int(rng.integers(0, 6))
        pieces = [points[: cut + lap], points[max(cut - lap, 0) :]]
    if rng.random() < skill.doubled:
        start = int(len(points) * rng.uniform(0, 0.4))
        pieces.append(points[start : max(start + 6, int(len(points) * rng.uniform(0.6, 1.0)))])
    return [by_hand(piece, skill, rng) for piece in pieces if len(piece) >= 3]


def by_hand(points: Array, skill: Skill, rng: np.random.Generator) -> Array:
    """A stroke as the hand makes it, (m, 2)."""
    length = max(float(arc_lengths(points)[-1]), 1e-3)
    line = resample(points, max(6, int(length / STEP)))
    if skill.straightening > 0.02:
        share = min(1.0, skill.straightening * float(rng.uniform(0.3, 1.5)))
        corners = simplified(line, 0.006 + 0.03 * skill.straightening * min(length, 1.0))
        line = (1 - share) * line + share * _along(corners, line)
    line = _rounded(line, skill.rounding * float(rng.uniform(0.3, 1.4)) / STEP)
    line = _overshot(line, skill.overshoot * rng.normal(0.25, 1.0, 2), length)
    size = min(length, 0.5)
    travelled = np.linspace(0.0, length, len(line))
    slow = _wander(travelled, 0.22, rng) * skill.wobble * (0.15 + size)
    fast = _wander(travelled, 0.04, rng) * skill.tremor
    end = rng.normal(0.0, skill.drift * size * 0.5, 2)
    begin = rng.normal(0.0, skill.drift * size * 0.25, 2)
    t = (travelled / length)[:, None]
    return np.asarray(line + slow + fast + begin * (1 - t) + end * t, dtype=np.float64)


def _started_elsewhere(points: Array, rng: np.random.Generator) -> Array:
    start = int(rng.integers(len(points)))
    turned = np.concatenate([points[start:], points[:start]])
    lap = int(rng.integers(1, max(2, len(points) // 12)))
    return np.concatenate([turned, turned[:lap]])


def _wander(travelled: Array, period: float, rng: np.random.Generator) -> Array:
    """Smooth random displacement (n, 2) of about unit size that changes over `period` of length."""
    knots = max(3, int(np.ceil(travelled[-1] / period)) + 2)
    values = rng.normal(0.0, 1.0, (knots, 2))
    place = travelled / max(float(travelled[-1]), 1e-9) * (knots - 1)
    low = np.minimum(place.astype(np.int64), knots - 2)
    t = place - low
    t = (t * t * (3 - 2 * t))[:, None]
    return np.asarray(values[low] * (1 - t) + values[low + 1] * t, dtype=np.float64)


def _rounded(line: Array, sigma: float) -> Array:
    """Gaussian smoothing along the line with its ends kept."""
    if sigma < 0.4 or len(line) < 8:
        return line
    reach = min(int(2.5 * sigma) + 1, len(line) - 1)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights /= weights.sum()
    head = 2 * line[0] - line[reach:0:-1]
    tail = 2 * line[-1] - line[-2 : -reach - 2 : -1]
    padded = np.concatenate([head, line, tail])
    return np.stack([np.convolve(padded[:, k], weights, mode="valid") for k in (0, 1)], axis=1)


def _overshot(line: Array, amounts: Array, length: float) -> Array:
    """The line continued at its ends (positive amounts) or cut short."""
    for side in (0, 1):
        line = line[::-1]
        amount = float(np.clip(amounts[side], -0.12 * length, 0.25 * length))
        steps = int(abs(amount) / STEP)
        if amount > 0 and steps > 0:
            direction = (line[-1] - line[-4]) / max(float(np.linalg.norm(line[-1] - line[-4])), 1e-9)
            line = np.concatenate([line, line[-1] + direction * (np.arange(1, steps + 1) * STEP)[:, None]])
        elif steps > 0 and len(line) - steps >= 5:
            line = line[:-steps]
    return line


def simplified(line: Array, tolerance: float) -> Array:
    """The fewest points that stay within the tolerance of the line (Ramer, Douglas, Peucker)."""
    keep = np.zeros(len(line), dtype=bool)
    keep[[0, -1]] = True
    stack = [(0, len(line) - 1)]
    while stack:
        first, last = stack.pop()
        if last - first < 2:
            continue
        chord = line[last] - line[first]
        norm = float(np.hypot(chord[0], chord[1]))
        offset = line[first + 1 : last] - line[first]
        away = np.abs(offset[:, 0] * chord[1] - offset[:, 1] * chord[0]) / norm if norm > 1e-9 else np.hypot(*offset.T)
        worst = int(np.argmax(away))
        if away[worst] > tolerance:
            middle = first + 1 + worst
            keep[middle] = True
            stack += [(first, middle), (middle, last)]
    return line[keep]


def _along(corners: Array, line: Array) -> Array:
    """Points on the polyline of corners at the same relative positions as those of the line."""
    return resample(corners, len(line))
