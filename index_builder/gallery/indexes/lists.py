"""Search in inverted lists: candidates from small codes in memory, exact scores from the embeddings on disk.

A filtered search looks at as many matching photos as an unfiltered one looks at photos, however rare they are and
wherever they lie; of few matching photos it looks at all, exactly.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.generation_files import map_index
from index_builder.gallery.indexes.vectors import VectorFile

# Reading an embedding costs about a microsecond: so many are compared exactly before the lists are worth their while.
FEW_ROWS = 1000
_NUM_REMEMBERED = 8  # selections; while somebody draws, the same filters come again and again
_WIDENING = 4
_faiss: Any = faiss  # its type stubs know the C++ constructors, not the Python ones

Found = tuple[NDArray[np.float32], NDArray[np.int64]]


@dataclass(frozen=True)
class _Selection:
    """The rows that match some filters, as the lists see them.

    Attributes:
        rows: which; kept so that the array is not replaced by another of the same identity.
        selector: FAISS's view of them.
        counts: how many of them each list holds.
    """

    rows: NDArray[np.int64]
    selector: Any
    counts: NDArray[np.int64]


class ApproximateIndex:
    """Inverted lists, mapped from disk, whose ids are row numbers. Safe to use from several threads."""

    def __init__(self, path: Path, vectors: VectorFile, *, nprobe: int, candidates_per_result: int) -> None:
        """Maps an index.

        Args:
            path: of the index.
            vectors: the embeddings that it was made of.
            nprobe: how many lists an unfiltered search looks into.
            candidates_per_result: how many candidates for each result are compared exactly.

        Raises:
            GalleryError: the file is not an index.
        """
        self.index = map_index(path)
        self.index.nprobe = nprobe
        self.candidates_per_result = candidates_per_result
        self._vectors = vectors
        self._lock = threading.Lock()
        self._selections: OrderedDict[int, _Selection] = OrderedDict()

    @property
    def nprobe(self) -> int:
        """The number of lists that an unfiltered search looks into."""
        return int(self.index.nprobe)

    @nprobe.setter
    def nprobe(self, number: int) -> None:
        self.index.nprobe = number

    @property
    def nlist(self) -> int:
        """The number of lists."""
        return int(self.index.nlist)

    def search(self, query: NDArray[np.float32], wanted: int, rows: NDArray[np.int64] | None = None) -> Found:
        """Finds at least `wanted` rows near a query, or as many as there are.

        Args:
            query: (D,) float32.
            wanted: how many are needed, at least 1.
            rows: only these may be answered; None for all.

        Returns:
            Exact scores (F,), falling, and their rows (F,), with F >= min(wanted, number of rows).
        """
        if rows is None:
            return self._compared(query, self._candidates(query, wanted))
        if len(rows) <= max(FEW_ROWS, wanted):
            return self._compared(query, rows)
        return self._compared(query, self._candidates_among(query, wanted, self._selection(rows)))

    def _candidates(self, query: NDArray[np.float32], wanted: int) -> NDArray[np.int64]:
        number = min(wanted * self.candidates_per_result, self.index.ntotal)
        nprobe = self.nprobe
        while True:
            parameters = _faiss.SearchParametersIVF(nprobe=nprobe)
            found = self.index.search(query[None], number, params=parameters)[1][0]
            found = found[found >= 0]
            if len(found) >= wanted or nprobe >= self.index.nlist:
                return np.asarray(found, np.int64)
            nprobe = min(nprobe * _WIDENING, self.index.nlist)  # these lists hold too few photos

    def _candidates_among(self, query: NDArray[np.float32], wanted: int, selection: _Selection) -> NDArray[np.int64]:
        number = min(wanted * self.candidates_per_result, len(selection.rows))
        nearness = self._centroids @ query
        lists = np.flatnonzero(selection.counts)
        lists = lists[np.argsort(-nearness[lists])]
        enough = max(number, self.nprobe * self.index.ntotal // self.index.nlist)
        num_lists = int(np.searchsorted(np.cumsum(selection.counts[lists]), enough)) + 1
        chosen = np.ascontiguousarray(lists[:num_lists], np.int64)
        found = self._search_lists(query, number, chosen, nearness[chosen], selection.selector)
        return found[found >= 0]

    def _search_lists(
        self,
        query: NDArray[np.float32],
        number: int,
        lists: NDArray[np.int64],
        nearness: NDArray[np.float32],
        selector: Any,  # noqa: ANN401  faiss has no types
    ) -> NDArray[np.int64]:
        scores, found = np.empty(number, np.float32), np.empty(number, np.int64)
        parameters = _faiss.SearchParametersIVF(nprobe=len(lists), sel=selector)
        # FAISS's Python method takes no parameters here, the C++ one behind it does.
        self.index.search_preassigned_c(
            1,
            faiss.swig_ptr(query),
            number,
            faiss.swig_ptr(lists),
            faiss.swig_ptr(nearness),
            faiss.swig_ptr(scores),
            faiss.swig_ptr(found),
            False,
            parameters,
        )
        return found

    def _compared(self, query: NDArray[np.float32], rows: NDArray[np.int64]) -> Found:
        rows = np.sort(rows)
        vectors = self._vectors.rows(rows)
        # By FAISS, so that a photo has the score that an exact index gives it.
        scores, order = faiss.knn(query[None], vectors, len(rows), metric=faiss.METRIC_INNER_PRODUCT)
        return scores[0], rows[order[0]]

    def _selection(self, rows: NDArray[np.int64]) -> _Selection:
        with self._lock:
            known = self._selections.get(id(rows))
            if known is None:
                known = self._selections[id(rows)] = self._select(rows)
            self._selections.move_to_end(id(rows))
            while len(self._selections) > _NUM_REMEMBERED:
                self._selections.popitem(last=False)
            return known

    def _select(self, rows: NDArray[np.int64]) -> _Selection:
        matching = np.zeros(self.index.ntotal, np.bool_)
        matching[rows] = True
        # A bitmap answers in constant time; the array that suits a flat index is walked for every photo of a list.
        selector = _faiss.IDSelectorBitmap(np.packbits(matching, bitorder="little"))
        return _Selection(rows, selector, np.bincount(self._list_of_row[rows], minlength=self.index.nlist))

    @cached_property
    def _centroids(self) -> NDArray[np.float32]:
        return np.asarray(self.index.quantizer.reconstruct_n(0, self.index.nlist), np.float32)

    @cached_property
    def _list_of_row(self) -> NDArray[np.int32]:
        lists = np.empty(self.index.ntotal, np.int32)
        for number in range(self.index.nlist):
            lists[list_ids(self.index, number)] = number
        return lists


def list_ids(index: Any, number: int) -> NDArray[np.int64]:  # noqa: ANN401  faiss has no types
    """The rows that one inverted list holds, (rows,) int64; a copy."""
    size = index.invlists.list_size(number)
    if not size:
        return np.empty(0, np.int64)
    return np.array(faiss.rev_swig_ptr(index.invlists.get_ids(number), size), np.int64)


def list_codes(index: Any, number: int) -> NDArray[np.uint8]:  # noqa: ANN401  faiss has no types
    """The codes of one inverted list in the order of its rows, (rows, bytes) uint8; a copy."""
    size, width = index.invlists.list_size(number), index.code_size
    if not size:
        return np.empty((0, width), np.uint8)
    return np.array(faiss.rev_swig_ptr(index.invlists.get_codes(number), size * width), np.uint8).reshape(size, width)


def encoded(index: Any, number: int, vectors: NDArray[np.float32]) -> NDArray[np.uint8]:  # noqa: ANN401
    """The codes that embeddings (rows, D) get in a list, (rows, bytes) uint8."""
    codes = np.empty((len(vectors), index.code_size), np.uint8)
    if len(vectors):
        lists = np.full(len(vectors), number, np.int64)
        index.encode_vectors(len(vectors), faiss.swig_ptr(vectors), faiss.swig_ptr(lists), faiss.swig_ptr(codes))
    return codes
