"""A gallery's index on an NVIDIA GPU that answers as the CPU's does: the GPU proposes rows, the CPU scores them.

Not covered: approximate indexes, and searches among chosen rows. FAISS's flat GPU index takes the parameters of such a
search and ignores them, without an error, so those searches stay with the CPU's index.
"""

import logging
import threading
from typing import Any, Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.errors import GpuError

logger = logging.getLogger(__name__)

# How far a score of the GPU may be from the CPU's. In float32 they differ by about 1e-6; more means reduced precision.
TOLERANCE = 1e-4
MAX_PROPOSED = 2048  # FAISS selects no more than this on a GPU
_NUM_SPARE = 16  # proposed beyond what is wanted, so that rounding leaves none out
_NUM_CHECKED = 8
_REMEDY = "set the index device to cpu or auto"
_TEMPORARY_BYTES = 64 * 2**20  # FAISS would take 1.5 GB; one query needs little


class GpuLibrary(Protocol):
    """The part of FAISS's GPU build that is needed; a stand-in takes its place in tests."""

    def num_gpus(self) -> int:
        """Returns the number of GPUs."""

    def resources(self) -> Any:  # noqa: ANN401  faiss has no types
        """Streams and scratch memory of the GPU; takes about 100 ms."""

    def place(self, resources: Any, index: Any) -> Any:  # noqa: ANN401  faiss has no types
        """A copy of the index on the GPU; RuntimeError when it does not fit."""


class FaissGpu:
    """FAISS's GPU build, as far as it is installed."""

    def num_gpus(self) -> int:
        """0 without a GPU, or with the CPU build."""
        return int(faiss.get_num_gpus()) if hasattr(faiss, "StandardGpuResources") else 0

    def resources(self) -> Any:  # noqa: ANN401  faiss has no types
        """As small as searches for single queries allow."""
        made = faiss.StandardGpuResources()
        made.setTempMemory(_TEMPORARY_BYTES)
        made.setPinnedMemory(0)
        return made

    def place(self, resources: Any, index: Any) -> Any:  # noqa: ANN401  faiss has no types
        """On the first GPU that the process sees, in float32."""
        return faiss.index_cpu_to_gpu(resources, 0, index)


class Gpu:
    """The GPU of this process. FAISS may be called on it by one thread at a time."""

    def __init__(self, *, limit_bytes: int, required: bool, library: GpuLibrary | None = None) -> None:
        """Takes the GPU.

        Args:
            limit_bytes: an index that needs more is refused.
            required: after a failure of the GPU, searches fail instead of going on with the CPU.
            library: None for FAISS.

        Raises:
            GpuError: there is none.
        """
        self.required = required
        self._library = library or FaissGpu()
        self._limit_bytes = limit_bytes
        self._one_at_a_time = threading.Lock()
        if self._library.num_gpus() < 1:
            raise GpuError(
                f"FAISS finds no usable GPU to search on; install the gpu extra and a CUDA driver, or {_REMEDY}."
            )
        self._resources = self._library.resources()

    def place(self, index: Any) -> "GpuIndex":  # noqa: ANN401  faiss has no types
        """Copies an index to the GPU and makes sure that it scores as the CPU does.

        Args:
            index: a flat FAISS index of unit vectors by inner product, which must stay open beside the copy.

        Raises:
            GpuError: the index is of another kind, does not fit, or is scored differently.
        """
        if not isinstance(index, faiss.IndexFlat) or index.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise GpuError(
                f"The gallery's index is a {type(index).__name__}; only an exact one is searched on a GPU; {_REMEDY}."
            )
        num_bytes = index.ntotal * index.d * 4
        if num_bytes > self._limit_bytes:
            raise GpuError(
                f"The gallery's index needs {num_bytes / 1e6:,.0f} MB of GPU memory, and "
                f"{self._limit_bytes / 1e6:,.0f} MB are allowed; raise index_device_memory_mb, or {_REMEDY}."
            )
        try:
            placed = self.run(lambda: self._library.place(self._resources, index))
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            raise GpuError(
                f"The gallery's index ({num_bytes / 1e6:,.0f} MB) could not be put on the GPU ({reason}); free GPU "
                f"memory, or {_REMEDY}."
            ) from error
        found = GpuIndex(self, index, placed)
        found.check()
        return found

    def run(self, work: Any) -> Any:  # noqa: ANN401  faiss has no types
        """Does something on the GPU while no other thread does."""
        with self._one_at_a_time:
            return work()


class GpuIndex:
    """An index on the GPU beside the same index on the CPU. Safe to search from several threads."""

    def __init__(self, gpu: Gpu, index: Any, placed: Any) -> None:  # noqa: ANN401  faiss has no types
        self._gpu = gpu
        self._index = index
        self._placed = placed

    @property
    def device(self) -> str:
        """Where searches run: "cuda", or "cpu" after a failure of the GPU."""
        return "cpu" if self._placed is None else "cuda"

    def search(self, queries: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """As the index on the CPU answers, to the last bit.

        Args:
            queries: (B, D) float32, unit norm.
            k: at least 1, at most the number of rows.

        Returns:
            (B, k) float32 scores, best first, and (B, k) int64 rows.

        Raises:
            RuntimeError: the GPU failed and is required.
        """
        size, wanted = int(self._index.ntotal), k + _NUM_SPARE
        while (proposed := self._propose(queries, min(wanted, size))) is not None:
            last, rows = proposed
            answers = [self._scored(query, chosen, k) for query, chosen in zip(queries, rows, strict=True)]
            scores, best = (np.stack(parts) for parts in zip(*answers, strict=True))
            # What was not proposed scores at most `last` on the GPU: is the k-th best beyond doubt better than that?
            if rows.shape[1] == size or bool((scores[:, -1] > last + TOLERANCE).all()):
                return scores, best
            wanted *= 2
        scores, best = self._index.search(queries, k)
        return scores, best

    def check(self) -> None:
        """Compares some scores of the GPU with the CPU's; GpuError when they differ by more than rounding."""
        count = min(_NUM_CHECKED, int(self._index.ntotal))
        if not count:
            return
        queries = self._index.reconstruct_n(0, count)
        scores, rows = self._gpu.run(lambda: self._placed.search(queries, count))
        expected = (queries[:, None] * self._index.reconstruct_batch(rows.ravel()).reshape(*rows.shape, -1)).sum(axis=2)
        difference = float(np.abs(scores - expected).max())
        if not difference <= TOLERANCE:  # also refuses NaN
            self.close()
            raise GpuError(
                f"The GPU's scores differ from the CPU's by {difference:.1e}, more than the {TOLERANCE:.0e} of "
                f"rounding; {_REMEDY}."
            )

    def close(self) -> None:
        """Frees the GPU's memory; searches go on with the CPU."""

        def free() -> None:
            self._placed = None

        self._gpu.run(free)

    def _propose(
        self, queries: NDArray[np.float32], count: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]] | None:
        """The last score, (B,), and the rows, (B, count), that the GPU finds; None where the CPU has to search."""

        def search() -> tuple[NDArray[np.float32], NDArray[np.int64]] | None:
            if self._placed is None or count > MAX_PROPOSED:
                return None
            scores, rows = self._placed.search(queries, count)
            return scores[:, -1], rows

        try:
            found: tuple[NDArray[np.float32], NDArray[np.int64]] | None = self._gpu.run(search)
        except RuntimeError:
            if self._gpu.required:
                raise
            logger.exception("the GPU failed in a search; from now on this generation is searched on the CPU")
            self._placed = None  # its memory may be out of reach; the next generation tries the GPU again
            return None
        return found

    def _scored(
        self, query: NDArray[np.float32], rows: NDArray[np.int64], k: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        candidates = np.sort(rows)  # FAISS keeps the first of equal scores
        vectors = self._index.reconstruct_batch(candidates)
        scores, best = faiss.knn(query[None], vectors, k, metric=faiss.METRIC_INNER_PRODUCT)
        return scores[0], candidates[best[0]]
