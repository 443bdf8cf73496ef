"""What people add to a drawing or leave out of it: shading, symbols, ground and shadow, frames, half a drawing."""

import numpy as np

from catalogue.curves import line
from catalogue.families.motifs import motif
from catalogue.geometry import Array

SYMBOLS = ("heart", "star", "flower", "face", "zigzag", "letters", "steam")
MOST_HATCHES = 26


def with_additions(strokes: list[Array], rng: np.random.Generator) -> list[Array]:
    """The strokes (n, 2) of a drawing, y down, with a few habits of people; most drawings stay as they are."""
    if len(strokes) < 2:
        return strokes
    drawn = _partly(strokes, rng)
    low, high = _bounds(drawn)
    added: list[Array] = []
    if rng.random() < 0.16:
        for _ in range(int(rng.integers(1, 4))):
            added += hatched(drawn[int(rng.integers(len(drawn)))], rng)
    if rng.random() < 0.12:
        added += _symbols(low, high, rng)
    if rng.random() < 0.12:
        added += _ground(low, high, rng)
    if rng.random() < 0.03:
        added.append(_frame(low, high, rng))
    return drawn + added


def _bounds(strokes: list[Array]) -> tuple[Array, Array]:
    points = np.concatenate(strokes)
    return points.min(axis=0), points.max(axis=0)


def _partly(strokes: list[Array], rng: np.random.Generator) -> list[Array]:
    """Some stop early, some draw one side only, some lift the pen again and again."""
    kind = rng.random()
    if kind < 0.08 and len(strokes) > 4:
        return strokes[: max(3, int(len(strokes) * rng.uniform(0.45, 0.85)))]
    if kind < 0.12:
        turn = float(rng.uniform(0, 2 * np.pi))
        along = np.array([np.cos(turn), np.sin(turn)])
        limit = float(np.quantile(np.concatenate(strokes) @ along, rng.uniform(0.55, 0.85)))
        kept = [piece[piece @ along < limit] for piece in strokes]
        whole = [piece for piece in kept if len(piece) >= 4]
        return whole if len(whole) >= 2 else strokes
    if kind < 0.16:
        return [piece for stroke in strokes for piece in _dashes(stroke, rng)]
    return strokes


def _dashes(stroke: Array, rng: np.random.Generator) -> list[Array]:
    if len(stroke) < 24:
        return [stroke]
    pieces = np.array_split(stroke, max(2, len(stroke) // int(rng.integers(12, 30))))
    return [piece[: max(4, int(0.85 * len(piece)))] for piece in pieces if len(piece) >= 4]


def hatched(stroke: Array, rng: np.random.Generator) -> list[Array]:
    """Scribbled shading over the area that a stroke goes round, (n, 2) each; none where it goes round nothing."""
    turn = float(rng.choice([np.pi / 4, -np.pi / 4, 0.0, np.pi / 2])) + float(rng.normal(0, 0.15))
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    turned = stroke @ axes.T
    low, high = float(turned[:, 1].min()), float(turned[:, 1].max())
    count = min(int((high - low) / float(rng.uniform(0.012, 0.03))), MOST_HATCHES)
    rows = []
    for level in np.linspace(low, high, count + 2)[1:-1]:
        crossed = np.flatnonzero(np.diff(np.sign(turned[:, 1] - level)) != 0)
        if len(crossed) >= 2:
            rows.append((float(turned[crossed, 0].min()), float(turned[crossed, 0].max()), float(level)))
    if len(rows) < 3:
        return []
    ends = [((a, y), (b, y)) if k % 2 == 0 else ((b, y), (a, y)) for k, (a, b, y) in enumerate(rows)]
    if rng.random() < 0.5:
        corners = np.array([point for pair in ends for point in pair])
        return [(corners + rng.normal(0, 0.006, corners.shape)) @ axes]
    return [(line(a, b, 6) + rng.normal(0, 0.004, (6, 2))) @ axes for a, b in ends]


def _symbols(low: Array, high: Array, rng: np.random.Generator) -> list[Array]:
    """One kind of symbol above, beside or on the thing."""
    size = high - low
    name = str(rng.choice(SYMBOLS))
    scale = float(rng.uniform(0.07, 0.2)) * float(size.max())
    if name == "steam" or rng.random() < 0.3:
        centre = np.array([(low[0] + high[0]) / 2, low[1] - 1.2 * scale])
    else:
        centre = low + rng.uniform(-0.15, 1.15, 2) * size
    flip = np.array([1.0, -1.0])
    found = []
    for _ in range(1 if rng.random() < 0.7 else 3):
        found += [centre + flip * scale * (each + rng.normal(0, 0.03, each.shape)) for each in motif(name)]
        centre = centre + rng.normal(0, 2.0, 2) * scale
    return found


def _ground(low: Array, high: Array, rng: np.random.Generator) -> list[Array]:
    """A line on which the thing stands, or a scribbled shadow."""
    wide = float(high[0] - low[0])
    start, end = low[0] - rng.uniform(-0.1, 0.3) * wide, high[0] + rng.uniform(-0.1, 0.3) * wide
    y = high[1] + rng.uniform(-0.08, 0.03)
    ground = line((start, y), (end, y + rng.normal(0, 0.015)), 12)
    if rng.random() < 0.6:
        return [ground + rng.normal(0, 0.002, ground.shape)]
    turn = np.linspace(0, 2 * np.pi * float(rng.uniform(3, 7)), 90)
    drift = np.linspace(0.2, 0.8, 90)
    return [np.stack([start + (end - start) * (drift + 0.16 * np.cos(turn)), y + 0.02 * np.sin(turn)], axis=1)]


def _frame(low: Array, high: Array, rng: np.random.Generator) -> Array:
    margin = float(rng.uniform(0.04, 0.12))
    (a, b), (c, d) = low - margin, high + margin
    corners = [(a, b), (c, b), (c, d), (a, d), (a, b)]
    sides = [line(corners[k], corners[k + 1], 10) for k in range(4)]
    return np.asarray(np.concatenate(sides) + rng.normal(0, 0.002, (40, 2)), dtype=np.float64)
