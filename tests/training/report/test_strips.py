from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageColor

from training.data.dataset import Split, read_split
from training.evaluation.evaluate import Evaluation
from training.evaluation.metrics import ranks
from training.report.strips import (
    GREEN,
    THUMBNAIL_PX,
    Cell,
    Strip,
    evenly_by_rank,
    failure_strips,
    ranking,
    sample_strips,
    sheet,
    worst_first,
)


@pytest.fixture
def split(dataset: Path) -> Split:
    return read_split(dataset, "test")


@pytest.fixture
def evaluation(split: Split) -> Evaluation:
    """Query 3 (the second sketch of photo 1) finds its photo last; the others find theirs third."""
    targets = np.repeat(np.arange(8), 2)
    scores = np.tile(np.linspace(0.8, 0.1, 8, dtype=np.float32), (16, 1))
    for query, target in enumerate(targets):
        better = [i for i in range(8) if i != target][:2]
        scores[query, target] = scores[query, better[1]] - 0.01
    scores[3, 1] = -1
    embeddings = np.eye(16, dtype=np.float32)
    return Evaluation(
        queries=tuple(sketch for item in split.items for sketch in item.sketches),
        gallery=tuple(item.photo for item in split.items),
        targets=targets,
        query_ranks=ranks(scores, targets),
        scores=scores,
        photo_embeddings=embeddings[:8],
        sketch_embeddings=embeddings,
        summary={},
    )


def test_samples_are_spread_evenly_from_the_best_rank_to_the_worst() -> None:
    query_ranks = np.array([50, 1, 9, 1, 30])
    assert evenly_by_rank(query_ranks, 3) == [1, 2, 0]
    assert evenly_by_rank(query_ranks, 9) == [1, 3, 2, 4, 0]


def test_failures_are_the_worst_first_and_never_a_success() -> None:
    assert worst_first(np.array([50, 1, 9, 1, 30, 9]), 10) == [0, 4, 2, 5]
    assert worst_first(np.array([50, 1, 9]), 1) == [0]
    assert worst_first(np.array([1, 1]), 5) == []


def test_the_place_in_a_row_is_the_rank_also_among_ties(evaluation: Evaluation) -> None:
    evaluation.scores[0] = 0.5
    for query in range(16):
        place = int(np.flatnonzero(ranking(evaluation, query) == evaluation.targets[query])[0]) + 1
        assert place == ranks(evaluation.scores, evaluation.targets)[query]


def test_a_sample_is_the_sketch_then_what_was_found_with_the_right_photo_marked(
    evaluation: Evaluation, split: Split
) -> None:
    (strip,) = sample_strips(evaluation, split, [4], found=5)
    assert [cell.role for cell in strip.cells] == ["query", "other", "other", "true", "other", "other"]
    assert strip.title == f"{split.items[2].id}, sketch {split.items[2].sketches[0].name}: rank 3"
    assert strip.cells[3].caption == f"3 · {evaluation.scores[4, 2]:.2f}"


def test_a_right_photo_beyond_the_row_stands_at_its_end_with_its_rank(evaluation: Evaluation, split: Split) -> None:
    (strip,) = sample_strips(evaluation, split, [3], found=5)
    assert [cell.role for cell in strip.cells] == ["query", *["other"] * 5, "true"]
    assert strip.cells[-1].caption == "8 · -1.00"


def test_a_failure_shows_its_own_photo_and_only_what_came_before_it(evaluation: Evaluation, split: Split) -> None:
    third, last = failure_strips(evaluation, split, [4, 3], found=5)
    assert [cell.role for cell in third.cells] == ["query", "true", "other", "other"]
    assert [cell.role for cell in last.cells] == ["query", "true", *["other"] * 5]
    assert last.title.endswith("rank 8")


def test_on_a_sheet_the_right_photo_alone_is_framed_green() -> None:
    plain = Image.new("RGB", (THUMBNAIL_PX, THUMBNAIL_PX), "white")
    cells = (Cell(plain, "sketch", "query"), Cell(plain, "1"), Cell(plain, "2", "true"))
    pixels = np.asarray(sheet([Strip("a title", cells)]))
    rows, columns = np.nonzero((pixels == ImageColor.getrgb(GREEN)).all(axis=2))
    assert np.ptp(rows) == np.ptp(columns) == THUMBNAIL_PX - 1
    assert columns.min() > 2 * THUMBNAIL_PX
    assert (pixels[(rows.min() + rows.max()) // 2, (columns.min() + columns.max()) // 2] == 255).all()
