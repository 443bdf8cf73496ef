"""Exact search: every query is compared with every photo, or with every photo that may be answered."""

from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.generation_files import map_index
from index_builder.gallery.indexes.gpu import Gpu, GpuIndex


class ExactIndex:
    """A flat index, mapped from disk. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        """Maps an index; GalleryError when the file is not one."""
        self.index = map_index(path)
        self._on_gpu: GpuIndex | None = None

    @property
    def device(self) -> str:
        """Where searches over all rows run: "cpu" or "cuda"."""
        return "cpu" if self._on_gpu is None else self._on_gpu.device

    def search_on(self, gpu: Gpu) -> None:
        """Searches over all rows run on a GPU from now on; GpuError leaves them on the CPU."""
        self._on_gpu = gpu.place(self.index)

    def close(self) -> None:
        """Frees the GPU, if there is one."""
        if self._on_gpu is not None:
            self._on_gpu.close()

    def search(
        self, query: NDArray[np.float32], wanted: int, rows: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Finds the best rows, with all that score as much as the last one wanted.

        Args:
            query: (D,) float32.
            wanted: how many are needed, at least 1.
            rows: only these may be answered; None for all.

        Returns:
            Scores (F,), falling, and their rows (F,), with F >= min(wanted, number of rows).
        """
        # Not searched and then sifted: the index compares with the chosen rows alone, so that there are k if k exist.
        index = self.index if rows is not None or self._on_gpu is None else self._on_gpu
        chosen = {} if rows is None else {"params": _search_among(rows)}
        size = self.index.ntotal if rows is None else len(rows)
        wanted = min(wanted, size)
        fetched = min(wanted + 1, size)
        # FAISS keeps any of several equal scores: fetch until the last one kept is better than the first one dropped.
        while True:
            scores, found = (answer[0] for answer in index.search(query[None], fetched, **chosen))
            if fetched == size or scores[wanted - 1] > scores[-1]:
                return scores, found
            fetched = min(2 * fetched, size)


def _search_among(rows: NDArray[np.int64]) -> Any:  # noqa: ANN401  faiss has no types
    """Parameters of a search that compares with these rows of a flat index, and with no others."""
    # Of FAISS's selectors the array is the one that a flat index walks along, so that few rows cost little: of
    # 100,000 rows half take 2.1 ms (a bitmap 5.6 ms), 1 % 0.03 ms (0.26 ms).
    make: Any = faiss.SearchParameters
    return make(sel=faiss.IDSelectorArray(rows))  # given here, the selector lives as long as the parameters
