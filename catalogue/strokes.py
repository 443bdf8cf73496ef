"""Chooses, joins and orders feature lines as a person would: outline first, then large parts, then details."""

from dataclasses import dataclass

import numpy as np

from catalogue.curves import arc_lengths
from catalogue.feature_lines import FeatureLine, tangents
from catalogue.geometry import Array
from catalogue.skill import Skill

DIRECTION_BINS = 4
AROUND_DOWN, AROUND_ACROSS = (np.indices((3, 3)) - 1).reshape(2, 1, 9)


@dataclass(frozen=True)
class Stroke:
    """A line meant to be drawn: points (n, 2), and how much it matters."""

    points: Array
    importance: float
    rank: float

    @property
    def length(self) -> float:
        """Arc length in image sizes."""
        return float(arc_lengths(self.points)[-1])


def without_twins(lines: list[FeatureLine], separation: float) -> list[FeatureLine]:
    """Lines minus the stretches that run close beside a longer or more outlying one."""
    side = 0.65 * separation  # with the neighbouring cells, 0.65 to 1.3 separations are covered
    cells = int(np.ceil(2.0 / side))
    taken = np.zeros((DIRECTION_BINS, cells + 3, cells + 3), dtype=bool)
    kept: list[FeatureLine] = []
    for line in sorted(lines, key=lambda each: -len(each.points) * (1 + each.outline)):
        direction = tangents(line.points)
        angle = np.mod(np.arctan2(direction[:, 1], direction[:, 0]), np.pi) / np.pi * DIRECTION_BINS
        cell = np.clip(((line.points + 0.5) / side).astype(np.int64), 0, cells) + 1
        bins = angle.astype(np.int64) % DIRECTION_BINS
        free = ~taken[bins, cell[:, 1], cell[:, 0]]
        for start, end in _long_runs(free):
            kept.append(FeatureLine(line.points[start:end], line.part, line.outline, line.hidden, line.thin))
        fuzzy = np.floor(angle[None] + np.array([[-0.5], [0.0], [0.5]])).astype(np.int64) % DIRECTION_BINS
        taken[fuzzy[:, :, None], cell[:, 1:] + AROUND_DOWN, cell[:, :1] + AROUND_ACROSS] = True
    return kept


def _long_runs(free: Array) -> list[tuple[int, int]]:
    """Stretches of true values; short interruptions are bridged, short stretches dropped."""
    changes = np.flatnonzero(np.diff(np.concatenate([[0], free.astype(np.int8), [0]])))
    runs = [(int(a), int(b)) for a, b in zip(changes[::2], changes[1::2], strict=True)]
    joined: list[tuple[int, int]] = []
    for start, end in runs:
        if joined and start - joined[-1][1] <= 6:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return [(a, b) for a, b in joined if b - a >= max(4, 0.2 * len(free))]


def join(pieces: list[Array], *, radius: float, turn_degrees: float) -> list[list[tuple[int, bool]]]:
    """Chains of piece numbers (and whether each is reversed) whose ends meet and go on in about the same direction."""
    ends = np.concatenate([[piece[0], piece[-1]] for piece in pieces])
    outward = np.concatenate([[_leaving(piece[::-1]), _leaving(piece)] for piece in pieces])
    gap = np.linalg.norm(ends[:, None] - ends[None], axis=-1)
    straight = -(outward @ outward.T)
    owner = np.arange(len(ends)) // 2
    allowed = (gap < radius) & (straight > np.cos(np.radians(turn_degrees))) & (owner[:, None] < owner[None])
    first, second = np.nonzero(allowed)
    order = np.argsort(gap[first, second] / radius + 1.5 * (1 - straight[first, second]))
    partner: dict[int, int] = {}
    for a, b in zip(first[order].tolist(), second[order].tolist(), strict=True):
        if a not in partner and b not in partner:
            partner[a], partner[b] = b, a
    return _walk(len(pieces), partner)


def _leaving(piece: Array) -> Array:
    """Unit direction in which a piece runs off its last point."""
    back = piece[max(0, len(piece) - 5)]
    step = piece[-1] - back
    return np.asarray(step / max(float(np.linalg.norm(step)), 1e-9), dtype=np.float64)


def _walk(count: int, partner: dict[int, int]) -> list[list[tuple[int, bool]]]:
    """Follows partnered ends (2k and 2k + 1 are start and end of piece k); loops are cut once."""
    unused = set(range(count))
    free_first = sorted(range(count), key=lambda k: (2 * k in partner) and (2 * k + 1 in partner))
    chains = []
    for seed in free_first:
        if seed not in unused:
            continue
        entry = 2 * seed if 2 * seed not in partner else 2 * seed + 1 if 2 * seed + 1 not in partner else 2 * seed
        chain: list[tuple[int, bool]] = []
        while entry // 2 in unused:
            unused.discard(entry // 2)
            chain.append((entry // 2, entry % 2 == 1))
            leaving = entry ^ 1
            if leaving not in partner:
                break
            entry = partner[leaving]
        chains.append(chain)
    return chains


def plan(lines: list[FeatureLine], levels: list[int], skill: Skill, rng: np.random.Generator) -> list[Stroke]:
    """Strokes in drawing order, not yet deformed by the hand.

    Args:
        lines: as extracted, possibly with part proportions changed.
        levels: level of each part.
        skill: how fully the person draws.
        rng: source of randomness.
    """
    draws_hidden = rng.random() < skill.hidden
    wanted = [each for each in lines if levels[each.part] <= skill.detail and (not each.hidden or draws_hidden)]
    kept = without_twins(wanted, skill.separation)
    if not kept:
        return []
    corners = 120.0 if rng.random() < skill.joins_corners else 42.0
    pieces = [each.points for each in kept]
    strokes = []
    for chain in join(pieces, radius=max(0.018, 0.7 * skill.separation), turn_degrees=corners):
        points = np.concatenate([pieces[k][::-1] if back else pieces[k] for k, back in chain])
        outline = float(np.mean([kept[k].outline for k, _ in chain]))
        level = min(levels[kept[k].part] for k, _ in chain)
        length = float(arc_lengths(points)[-1])
        importance = length * (0.6 + outline) * (1.0, 0.8, 0.5)[level] * float(np.exp(rng.normal(0, 0.25)))
        rank = level + (0.0 if outline > 0.5 else 0.7) - 0.5 * min(length, 1.0) + rng.normal(0, 0.12)
        strokes.append(Stroke(points, importance, float(rank)))
    strokes = [each for each in strokes if each.length > 0.6 * skill.separation + 0.012]
    strokes.sort(key=lambda each: -each.importance)
    few = strokes[: skill.num_strokes]
    chosen = [each for k, each in enumerate(few) if k < 3 or rng.random() > skill.miss]
    return sorted(chosen, key=lambda each: each.rank)
