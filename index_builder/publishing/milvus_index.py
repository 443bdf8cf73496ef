"""Chooses the index of a collection by the rule of a gallery on disk, and tunes it on Milvus itself.

Exact while that is small and fast enough, judged by the files as for a gallery on disk; otherwise inverted lists with a
byte for each dimension. Milvus makes lists for each of its segments, so their number suits a segment.
"""

from dataclasses import replace

from index_builder.gallery.errors import GalleryError
from index_builder.gallery.folder_gallery import Gallery
from index_builder.gallery.indexes.vectors import VectorFile
from index_builder.gallery.manifest import IndexTuning
from index_builder.gallery.milvus.search import MilvusIndex, num_lists
from index_builder.indexing.choose import describe, exact_index
from index_builder.indexing.lists import ListFormat, list_formats
from index_builder.indexing.requirements import IndexRequirements
from index_builder.indexing.tune import find_ground_truth, tune
from index_builder.progress import Progress

_SEGMENT_BYTES = 1 << 30  # what Milvus puts into a segment unless it is configured otherwise


def choose(gallery: Gallery, vectors: VectorFile, requirements: IndexRequirements) -> IndexTuning:
    """Chooses the index of a generation, not tuned yet; GalleryError when the smallest needs more memory."""
    exact = exact_index(gallery.folder, vectors, replace(requirements, is_searched_here=True), None)
    if exact.is_exact:
        return exact
    per_segment = min(vectors.count, _SEGMENT_BYTES // (4 * vectors.dimension))
    lists: ListFormat = next(list_formats(per_segment))
    size = lists.memory_bytes(count=vectors.count, dimension=vectors.dimension)
    if size > requirements.memory_bytes:
        raise GalleryError(
            f"--memory allows {requirements.memory_bytes:,} bytes; the index of {vectors.count:,} photos in Milvus "
            f"needs {size:,}: give at least that."
        )
    bytes_per_vector = round(size / vectors.count, 1)
    return replace(exact, factory=lists.factory, memory_bytes=size, bytes_per_vector=bytes_per_vector)


def index_parameters(tuning: IndexTuning) -> dict[str, object]:
    """Index type and parameters in the words of Milvus."""
    if tuning.is_exact:
        return {"index_type": "FLAT", "metric_type": "IP"}
    # The client sends what is in `params` side by side, and milvus-lite reads only what is in a `params` that arrives.
    return {"index_type": "IVF_SQ8", "metric_type": "IP", "params": {"params": {"nlist": num_lists(tuning.factory)}}}


def tuned(
    index: MilvusIndex,
    tuning: IndexTuning,
    vectors: VectorFile,
    *,
    requirements: IndexRequirements,
    progress: Progress,
) -> IndexTuning:
    """The tuning with the parameters that reach the recall, measured by searches of the loaded collection."""
    if not tuning.is_exact:
        ground_truth = find_ground_truth(vectors, None if requirements.sketches is None else requirements.sketches())
        point = tune(index, ground_truth, target=requirements.recall)
        if point.assured < requirements.recall:
            progress.say(f"The recall is not assured to reach {requirements.recall:g} ({point.assured:.3f})")
        tuning = replace(
            tuning,
            recall=point.recall,
            queries={kind: len(each.queries) for kind, each in ground_truth.items()},
            search_ms=round(point.search_ms, 3),
            nprobe=point.nprobe,
            candidates_per_result=point.candidates_per_result,
            trained_on=vectors.count,
            trained_nprobe=point.nprobe,
        )
    progress.say(f"Index in Milvus: {describe(tuning)}")
    return tuning
