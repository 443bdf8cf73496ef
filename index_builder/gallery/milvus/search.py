"""Search in one collection: candidates by Milvus, exact scores here, so that an answer does not depend on the index."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.indexes.threads import faiss_threads
from index_builder.gallery.manifest import IndexTuning
from index_builder.gallery.milvus.connection import MilvusConnection
from index_builder.gallery.milvus.schema import METADATA, PHOTO_ID, ROW, VECTOR

MAX_RESULTS = 16_384  # of one search, in Milvus
_WIDENING = 4


@dataclass(frozen=True)
class MilvusSelection:
    """The photos that match some filters: the expression that finds them, and how many they are."""

    expression: str
    count: int


@dataclass(frozen=True)
class Candidates:
    """Compared photos, in no order.

    Attributes:
        scores: (F,) float32, exact.
        rows: (F,) int64, by which equal scores are ordered.
        photo_ids: of the rows.
        metadata: of the rows, as JSON.
    """

    scores: NDArray[np.float32]
    rows: NDArray[np.int64]
    photo_ids: Sequence[str]
    metadata: Sequence[str]


class MilvusIndex:
    """The index of a collection, with the parameters of its searches. Safe to use from several threads."""

    def __init__(self, connection: MilvusConnection, collection: str, *, size: int, tuning: IndexTuning) -> None:
        """Takes a loaded collection.

        Args:
            connection: to the Milvus that holds it.
            collection: its name.
            size: how many photos it holds.
            tuning: which index it has, and how it is searched.
        """
        self._connection = connection
        self._collection = collection
        self._size = size
        self.nlist = 0 if tuning.is_exact else num_lists(tuning.factory)
        self.nprobe = tuning.nprobe
        self.candidates_per_result = tuning.candidates_per_result

    def search(self, query: NDArray[np.float32], wanted: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The scores, falling, and rows of at least `wanted` photos near a query, or of all."""
        found = self.candidates(query, wanted)
        order = np.argsort(-found.scores)
        return found.scores[order], found.rows[order]

    def candidates(
        self, query: NDArray[np.float32], wanted: int, selection: MilvusSelection | None = None
    ) -> Candidates:
        """Finds at least `wanted` photos near a query, or as many as there are.

        Args:
            query: (D,) float32.
            wanted: how many are needed, at least 1 and at most MAX_RESULTS.
            selection: only these may be answered; None for all.
        """
        size = self._size if selection is None else selection.count
        if self.nlist:
            return self._in_lists(query, wanted, selection, size)
        # Milvus keeps any of several equal scores: fetch until the last one kept is better than the first one dropped.
        size = min(size, MAX_RESULTS)
        wanted = min(wanted, size)
        fetched = min(wanted + 1, size)
        while True:
            found = self._fetch(query, fetched, selection, {})
            scores = -np.sort(-found.scores)
            if fetched == size or scores[wanted - 1] > scores[-1]:
                return found
            fetched = min(2 * fetched, size)

    def _in_lists(
        self, query: NDArray[np.float32], wanted: int, selection: MilvusSelection | None, size: int
    ) -> Candidates:
        wanted = min(wanted, size)
        number = min(wanted * self.candidates_per_result, size, MAX_RESULTS)
        # As many matching photos are looked at as an unfiltered search looks at photos.
        nprobe = min(self.nlist, -(-self.nprobe * self._size // size))
        while True:
            found = self._fetch(query, number, selection, {"nprobe": nprobe})
            if len(found.rows) >= wanted or nprobe >= self.nlist:
                return found
            nprobe = min(nprobe * _WIDENING, self.nlist)  # these lists hold too few photos

    def _fetch(
        self, query: NDArray[np.float32], number: int, selection: MilvusSelection | None, parameters: dict[str, Any]
    ) -> Candidates:
        (hits,) = self._connection.read(
            "search",
            self._collection,
            data=[query],
            anns_field=VECTOR,
            limit=number,
            filter="" if selection is None else selection.expression,
            output_fields=[ROW, PHOTO_ID, METADATA, VECTOR],
            search_params={"metric_type": "IP", "params": parameters},
        )
        entities = [hit["entity"] for hit in hits]
        vectors = np.array([entity[VECTOR] for entity in entities], np.float32).reshape(-1, len(query))
        # By FAISS in one thread, so that a photo has the score that a gallery on disk gives it.
        with faiss_threads(1):
            scores, order = faiss.knn(query[None], vectors, len(vectors), metric=faiss.METRIC_INNER_PRODUCT)
        rows = np.array([entity[ROW] for entity in entities], np.int64)
        photo_ids = [entities[place][PHOTO_ID] for place in order[0]]
        return Candidates(scores[0], rows[order[0]], photo_ids, [entities[place][METADATA] for place in order[0]])


def num_lists(factory: str) -> int:
    """Returns the number of inverted lists of an index such as "IVF4000,SQ8"."""
    return int(factory.removeprefix("IVF").partition(",")[0])
