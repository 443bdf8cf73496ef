"""Chooses the index of a generation: exact while that is fast and small enough, else inverted lists.

The rule: a gallery is searched exactly when its embeddings fit into the memory that was allowed and one exact search in
one thread takes at most EXACT_MS, less than encoding a sketch does. Up to SMALL_BYTES of embeddings no time is
measured: that much is searched in about a millisecond anywhere. Otherwise the photos are put into inverted lists, with
the largest codes that fit the memory, and as many lists are searched as the recall needs.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.errors import GalleryError
from index_builder.gallery.generation_files import map_index, open_read_only, write_index
from index_builder.gallery.indexes.lists import ApproximateIndex
from index_builder.gallery.indexes.threads import faiss_threads
from index_builder.gallery.indexes.vectors import VectorFile
from index_builder.gallery.manifest import APPROXIMATE, INDEX, ITEMS, IndexTuning
from index_builder.indexing.calibration import calibrated
from index_builder.indexing.lists import ListFormat, carry_over, fill, list_formats, train_lists
from index_builder.indexing.requirements import IndexRequirements
from index_builder.indexing.tune import GroundTruth, OperatingPoint, find_ground_truth, measure, tune
from index_builder.progress import Progress

EXACT_MS = 5.0
SMALL_BYTES = 16_000_000
# So that noise does not turn a gallery near the limit back and forth with every rebuild.
_STAYS_EXACT = 1.3
_NUM_TIMED = 7
# The lists are trained again when their number no longer suits the gallery, or when they have come to need twice the
# work for the same recall.
_GROWTH = 2.0
_MORE_WORK = 2


@dataclass(frozen=True)
class PreviousIndex:
    """The index of the generation before.

    Attributes:
        folder: of the generation.
        tuning: which index it is.
        has_these_embeddings: whether the encoder that makes the embeddings now made that generation's, too.
    """

    folder: Path
    tuning: IndexTuning
    has_these_embeddings: bool


def choose_index(
    folder: Path,
    *,
    count: int,
    dimension: int,
    requirements: IndexRequirements,
    previous: PreviousIndex | None,
    progress: Progress,
) -> IndexTuning:
    """Chooses the index of a generation, writes it if it is not the exact one, and says so in a line.

    Args:
        folder: of the generation; its exact index and its items are written.
        count: N, how many photos it holds.
        dimension: D.
        requirements: the recall and the memory.
        previous: whose lists may be carried over.
        progress: told what was chosen and why.

    Raises:
        GalleryError: no index is small enough for the memory.
    """
    with closing(VectorFile(folder / INDEX, count=count, dimension=dimension)) as vectors:
        exact = exact_index(folder, vectors, requirements, previous)
        tuning = exact if exact.is_exact else _Lists(folder, vectors, requirements, progress).choose(exact, previous)
    progress.say(f"Index: {describe(tuning)}")
    return tuning


def describe(tuning: IndexTuning) -> str:
    """Says in a line which index was chosen, and why."""
    if tuning.is_exact:
        return f"exact, because {tuning.reason}"
    recall = ", ".join(f"{share:.3f} on {tuning.queries[kind]:,} {kind}" for kind, share in tuning.recall.items())
    return (
        f"{tuning.factory} in {_size(tuning.memory_bytes)}, because {tuning.reason}; recall@10 {recall} at "
        f"nprobe {tuning.nprobe}, {tuning.search_ms:.2f} ms a search"
    )


def _size(number: int) -> str:
    return f"{number / 1e6:,.0f} MB" if number >= 10_000_000 else f"{number / 1e3:,.1f} kB"


def exact_index(
    folder: Path, vectors: VectorFile, requirements: IndexRequirements, previous: PreviousIndex | None
) -> IndexTuning:
    """The exact index if it will do; else the reason why not, with an empty factory."""
    size = vectors.count * vectors.dimension * 4
    tuning = IndexTuning("Flat", "", size, vectors.dimension * 4, requirements.memory_bytes, requirements.recall)
    if not requirements.is_searched_here:
        return replace(tuning, reason="it is searched in another store")
    if size > requirements.memory_bytes:
        reason = f"{_size(size)} of embeddings are more than the {_size(requirements.memory_bytes)} allowed"
        return replace(tuning, factory="", reason=reason)
    if size <= SMALL_BYTES:
        return replace(tuning, reason=f"{vectors.count:,} photos are searched in a moment")
    milliseconds = _time_exact(folder, vectors)
    limit = EXACT_MS * (_STAYS_EXACT if previous is not None and previous.tuning.is_exact else 1)
    tuning = replace(tuning, exact_ms=round(milliseconds, 2))
    if milliseconds <= limit:
        return replace(tuning, reason=f"{vectors.count:,} photos are searched in {milliseconds:.1f} ms")
    return replace(tuning, factory="", reason=f"an exact search takes {milliseconds:.0f} ms (at most {EXACT_MS:g})")


def _time_exact(folder: Path, vectors: VectorFile) -> float:
    """Milliseconds of the fastest of some exact searches in one thread: whatever else runs only adds."""
    index = map_index(folder / INDEX)
    queries = vectors.between(0, min(_NUM_TIMED, vectors.count))
    times = []
    with faiss_threads(1):
        for query in queries:
            start = time.perf_counter()
            index.search(query[None], 10)
            times.append(time.perf_counter() - start)
    return min(times) * 1000


@dataclass(frozen=True)
class _Lists:
    """Makes the inverted lists of a generation."""

    folder: Path
    vectors: VectorFile
    requirements: IndexRequirements
    progress: Progress

    def choose(self, exact: IndexTuning, previous: PreviousIndex | None) -> IndexTuning:
        """Trains lists, or carries the previous ones over, and tunes them; `exact` says why there are lists."""
        sketches = self.requirements.sketches() if self.requirements.sketches is not None else None
        if sketches is None:
            self.progress.say("Recall is measured with photos alone; drawings are harder: give some with --sketches")
        chosen = self._format()
        with calibrated(self.vectors.dimension):
            ground_truth = find_ground_truth(self.vectors, sketches)
            numbers = {kind: len(queries.queries) for kind, queries in ground_truth.items()}
            tuning = replace(exact, queries=numbers)
            if previous is not None and not previous.tuning.is_exact:
                carried = self._carry_over(tuning, chosen, previous, ground_truth)
                if carried is not None:
                    return carried
            return self._train(tuning, chosen, ground_truth)

    def _train(self, tuning: IndexTuning, chosen: ListFormat, ground_truth: Mapping[str, GroundTruth]) -> IndexTuning:
        index = train_lists(self.vectors, chosen)
        fill(index, self.vectors)
        point = self._written(index, lambda lists: tune(lists, ground_truth, target=self.requirements.recall))
        return self._described(
            replace(tuning, trained_on=self.vectors.count, trained_nprobe=point.nprobe),
            chosen,
            point,
        )

    def _carry_over(
        self, tuning: IndexTuning, chosen: ListFormat, previous: PreviousIndex, ground_truth: Mapping[str, GroundTruth]
    ) -> IndexTuning | None:
        """The previous lists for this generation; None, having said why, when they have to be trained anew."""
        why = _why_unsuitable(self.vectors.count, chosen, previous)
        if not why:
            previous_rows = _previous_rows(self.folder / ITEMS, previous.folder / ITEMS)
            index = carry_over(previous.folder / APPROXIMATE, previous_rows, self.vectors)
            point = self._written(index, lambda lists: self._again(lists, previous.tuning, ground_truth))
            kept = replace(
                tuning,
                trained_on=previous.tuning.trained_on,
                trained_nprobe=previous.tuning.trained_nprobe,
                added_since=previous.tuning.added_since + int((previous_rows < 0).sum()),
            )
            if not kept.added_since or point.nprobe <= _MORE_WORK * previous.tuning.trained_nprobe:
                return self._described(kept, ListFormat(index.nlist, chosen.codes), point)
            why = f"with the new photos they need nprobe {point.nprobe}, {kept.trained_nprobe} when trained"
        self.progress.say(f"The lists are trained anew: {why}")
        return None

    def _again(
        self, lists: ApproximateIndex, previous: IndexTuning, ground_truth: Mapping[str, GroundTruth]
    ) -> OperatingPoint:
        """Keeps the previous parameters if they still reach the recall; else tunes anew."""
        lists.index.nprobe, lists.candidates_per_result = previous.nprobe, previous.candidates_per_result
        point = measure(lists, ground_truth)
        if point.assured >= self.requirements.recall and previous.recall_target == self.requirements.recall:
            return point
        return tune(lists, ground_truth, target=self.requirements.recall)

    def _written(self, index: Any, work: Callable[[ApproximateIndex], OperatingPoint]) -> OperatingPoint:  # noqa: ANN401
        """Writes the lists, and works on them as they will be served: mapped from disk."""
        path = self.folder / APPROXIMATE
        write_index(index, path)
        return work(ApproximateIndex(path, self.vectors, nprobe=1, candidates_per_result=1))

    def _described(self, tuning: IndexTuning, chosen: ListFormat, point: OperatingPoint) -> IndexTuning:
        size = chosen.memory_bytes(count=self.vectors.count, dimension=self.vectors.dimension)
        if point.assured < self.requirements.recall:
            self.progress.say(
                f"The recall is not assured to reach {self.requirements.recall:g} ({point.assured:.3f}): this is the "
                "best that these lists give; more --memory allows larger codes"
            )
        return replace(
            tuning,
            factory=chosen.factory,
            memory_bytes=size,
            bytes_per_vector=round(size / self.vectors.count, 1),
            recall=point.recall,
            search_ms=round(point.search_ms, 3),
            nprobe=point.nprobe,
            candidates_per_result=point.candidates_per_result,
        )

    def _format(self) -> ListFormat:
        """The largest codes that fit the memory."""
        smallest = 0
        for each in list_formats(self.vectors.count):
            smallest = each.memory_bytes(count=self.vectors.count, dimension=self.vectors.dimension)
            if smallest <= self.requirements.memory_bytes:
                return each
        raise GalleryError(
            f"--memory allows {self.requirements.memory_bytes:,} bytes; the smallest index of "
            f"{self.vectors.count:,} photos needs {smallest:,}: give at least that."
        )


def _why_unsuitable(count: int, chosen: ListFormat, previous: PreviousIndex) -> str:
    """Why previous lists cannot be carried over; empty when they can."""
    tuning = previous.tuning
    if not previous.has_these_embeddings:
        return "another encoder made the embeddings"
    if not tuning.factory.endswith("," + chosen.codes):
        return f"{chosen.codes} codes suit the memory, {tuning.factory} was built"
    if not tuning.trained_on / _GROWTH <= count <= tuning.trained_on * _GROWTH:
        return f"there are {count:,} photos, {tuning.trained_on:,} when they were trained"
    return ""


def _previous_rows(items: Path, previous_items: Path) -> NDArray[np.int64]:
    """For each row the one that its content had in the previous generation, -1 for new content, (N,) int64."""
    with closing(open_read_only(items)) as database:
        database.execute("ATTACH ? AS previous", (f"{previous_items.resolve().as_uri()}?mode=ro&immutable=1",))
        query = """SELECT coalesce((SELECT row FROM previous.items AS p
            WHERE p.content_sha256 = i.content_sha256 LIMIT 1), -1) FROM items AS i ORDER BY i.row"""
        return np.fromiter((row for (row,) in database.execute(query)), np.int64)
