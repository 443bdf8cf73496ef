"""Rows of pictures for a report: a sketch with the photos it found, and images under their attention maps.

A strip becomes HTML cells that wrap on a narrow screen, and all strips of a section also one PNG.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps

from training.data.dataset import Split
from training.data.preview import square_thumbnail
from training.evaluation.evaluate import Evaluation

Role = Literal["query", "true", "other"]
THUMBNAIL_PX = 128
GREEN = "#1a9850"
FRAME_PX = 5
_GAP_PX, _TEXT_PX = 8, 18


@dataclass(frozen=True)
class Cell:
    """One picture.

    Attributes:
        image: square, mode "RGB".
        caption: a few words below it.
        role: "true" is framed green; "query" stands apart.
    """

    image: Image.Image
    caption: str
    role: Role = "other"


@dataclass(frozen=True)
class Strip:
    """A row of pictures under a title."""

    title: str
    cells: tuple[Cell, ...]


def ranking(evaluation: Evaluation, query: int) -> NDArray[np.int64]:
    """The gallery's rows from best to worst for one query; ties count against the query, as in its rank."""
    own = np.arange(evaluation.scores.shape[1]) == evaluation.targets[query]
    return np.lexsort((own, -evaluation.scores[query]))


def evenly_by_rank(query_ranks: NDArray[np.int64], count: int) -> list[int]:
    """Queries spread evenly over the ranks from best to worst: nothing is picked by hand or at random.

    Returns:
        At most `count` different queries, best rank first; of equal ranks the earlier query comes first.
    """
    order = np.argsort(query_ranks, kind="stable")
    positions = np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int)
    return [int(query) for query in order[positions]]


def worst_first(query_ranks: NDArray[np.int64], count: int) -> list[int]:
    """Queries whose photo is not first, worst rank first; of equal ranks the earlier query comes first."""
    order = np.argsort(-query_ranks, kind="stable")
    return [int(query) for query in order if query_ranks[query] > 1][:count]


def sample_strips(evaluation: Evaluation, split: Split, queries: Sequence[int], *, found: int = 10) -> list[Strip]:
    """Each query's sketch, then the first `found` photos; after them its own photo if it is not among those."""
    strips = []
    for query in queries:
        order, own = ranking(evaluation, query), int(evaluation.targets[query])
        cells = [_query_cell(evaluation, query)]
        cells += [_photo_cell(evaluation, query, int(row), rank) for rank, row in enumerate(order[:found], start=1)]
        if own not in order[:found]:
            cells.append(_photo_cell(evaluation, query, own, int(evaluation.query_ranks[query])))
        strips.append(Strip(_title(evaluation, split, query), tuple(cells)))
    return strips


def failure_strips(evaluation: Evaluation, split: Split, queries: Sequence[int], *, found: int = 5) -> list[Strip]:
    """Each query's sketch, its own photo, then the photos that came first instead."""
    strips = []
    for query in queries:
        own, rank = int(evaluation.targets[query]), int(evaluation.query_ranks[query])
        others = [int(row) for row in ranking(evaluation, query)[: rank - 1]][:found]
        cells = [_query_cell(evaluation, query), _photo_cell(evaluation, query, own, rank)]
        cells += [_photo_cell(evaluation, query, row, place) for place, row in enumerate(others, start=1)]
        strips.append(Strip(_title(evaluation, split, query), tuple(cells)))
    return strips


def sheet(strips: Sequence[Strip]) -> Image.Image:
    """All strips in one picture, true photos framed green; mode "RGB"."""
    side = max(cell.image.width for strip in strips for cell in strip.cells)
    width = _GAP_PX + max(len(strip.cells) for strip in strips) * (side + _GAP_PX)
    row_px = 2 * _TEXT_PX + side + 2 * _GAP_PX
    picture = Image.new("RGB", (width, len(strips) * row_px + _GAP_PX), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(13)
    for row, strip in enumerate(strips):
        top = _GAP_PX + row * row_px
        draw.text((_GAP_PX, top), strip.title, fill="black", font=font)
        for column, cell in enumerate(strip.cells):
            left = _GAP_PX + column * (side + _GAP_PX)
            picture.paste(framed(cell), (left, top + _TEXT_PX))
            draw.text((left, top + _TEXT_PX + side + 2), cell.caption, fill="black", font=font)
    return picture


def framed(cell: Cell) -> Image.Image:
    """The picture of a cell; the true photo's edge is green."""
    if cell.role != "true":
        return cell.image
    return ImageOps.expand(ImageOps.crop(cell.image, FRAME_PX), FRAME_PX, GREEN)


def _title(evaluation: Evaluation, split: Split, query: int) -> str:
    item = split.items[int(evaluation.targets[query])]
    return f"{item.id}, sketch {evaluation.queries[query].name}: rank {int(evaluation.query_ranks[query])}"


def _query_cell(evaluation: Evaluation, query: int) -> Cell:
    return Cell(square_thumbnail(evaluation.queries[query], THUMBNAIL_PX), "sketch", "query")


def _photo_cell(evaluation: Evaluation, query: int, row: int, rank: int) -> Cell:
    caption = f"{rank} · {evaluation.scores[query, row]:.2f}"
    role: Role = "true" if row == evaluation.targets[query] else "other"
    return Cell(square_thumbnail(evaluation.gallery[row], THUMBNAIL_PX), caption, role)
