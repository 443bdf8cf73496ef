"""Inverted lists made of embeddings on disk: trained, filled, and carried over from one generation to the next."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.generation_files import map_index
from index_builder.gallery.indexes.lists import list_codes, list_ids
from index_builder.gallery.indexes.vectors import VectorFile

_ID_BYTES = 8
_TRAINING_PER_LIST = 40  # FAISS warns below 39; recall did not rise with 64
_LISTS_PER_ROOT = 4
_SEED = 20_260_101


@dataclass(frozen=True)
class ListFormat:
    """The number of lists and the way in which a list stores an embedding.

    Attributes:
        num_lists: as in "IVF4000".
        codes: as FAISS's factory calls them: "SQ8" (a byte for each dimension) or "RaBitQ" (a bit, and two numbers).
    """

    num_lists: int
    codes: str

    @property
    def factory(self) -> str:
        """In the language of `faiss.index_factory`."""
        return f"IVF{self.num_lists},{self.codes}"

    def memory_bytes(self, *, count: int, dimension: int) -> int:
        """Returns the bytes that searches keep in memory: codes, ids and centroids."""
        code_bytes = dimension if self.codes == "SQ8" else (dimension + 7) // 8 + 8
        return count * (code_bytes + _ID_BYTES) + self.num_lists * dimension * 4


def list_formats(count: int) -> Iterator[ListFormat]:
    """The formats for so many embeddings, the largest codes, which need the fewest reads from disk, first."""
    num_lists = max(1, min(int(_LISTS_PER_ROOT * count**0.5), count // _TRAINING_PER_LIST))
    for codes in ("SQ8", "RaBitQ"):
        yield ListFormat(num_lists, codes)


def train_lists(vectors: VectorFile, chosen: ListFormat) -> Any:  # noqa: ANN401  faiss has no types
    """An empty index whose lists fit the embeddings."""
    index: Any = faiss.index_factory(vectors.dimension, chosen.factory, faiss.METRIC_INNER_PRODUCT)
    number = min(vectors.count, chosen.num_lists * _TRAINING_PER_LIST)
    rows = np.random.default_rng(_SEED).choice(vectors.count, number, replace=False)
    index.cp.max_points_per_centroid = _TRAINING_PER_LIST
    index.train(vectors.rows(np.sort(rows)))
    return index


def fill(index: Any, vectors: VectorFile) -> None:  # noqa: ANN401  faiss has no types
    """Adds all embeddings; their ids are their rows."""
    for first, block in vectors.blocks():
        index.add_with_ids(block, np.arange(first, first + len(block)))


def carry_over(path: Path, previous_rows: NDArray[np.int64], vectors: VectorFile) -> Any:  # noqa: ANN401
    """The lists of an earlier generation for the photos of the next one, without training again.

    Codes of photos that stay are copied and renumbered, those that left are dropped, new photos are added.

    Args:
        path: of the earlier index.
        previous_rows: (N,) the row that each photo had, -1 for a new one; several may have had the same.
        vectors: the N embeddings of the next generation.
    """
    previous = map_index(path)
    index: Any = faiss.read_index(str(path))
    index.reset()
    stay = np.flatnonzero(previous_rows >= 0)
    stay = stay[np.argsort(previous_rows[stay], kind="stable")]
    stayed = previous_rows[stay]
    for number in range(index.nlist):
        ids = list_ids(previous, number)
        first, last = np.searchsorted(stayed, ids, "left"), np.searchsorted(stayed, ids, "right")
        entries = np.repeat(np.arange(len(ids)), last - first)
        within = np.arange(len(entries)) - np.repeat(np.cumsum(last - first) - (last - first), last - first)
        rows = np.ascontiguousarray(stay[first[entries] + within], np.int64)
        codes = np.ascontiguousarray(list_codes(previous, number)[entries])
        index.invlists.add_entries(number, len(rows), faiss.swig_ptr(rows), faiss.swig_ptr(codes))
    index.ntotal = len(stay)
    for rows in np.array_split(fresh := np.flatnonzero(previous_rows < 0), max(1, -(-len(fresh) // 16384))):
        index.add_with_ids(vectors.rows(rows), rows)
    return index
