"""The stored embeddings of a generation, read row by row from the file of its flat index.

Read, not mapped: pages of a mapping count as the process's memory once they were touched, and rows picked here and
there touch most of a file in time. What is read this way stays in the system's cache only.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_BLOCK_ROWS = 16384


class VectorFile:
    """N embeddings of dimension D, float32, row after row at the end of a file. Safe to use from several threads."""

    def __init__(self, path: Path, *, count: int, dimension: int) -> None:
        """Opens a FAISS flat index as a file of rows; an open one outlives the removal of its folder."""
        self.count = count
        self.dimension = dimension
        self._row_bytes = 4 * dimension
        self._file = path.open("rb", buffering=0)
        # What comes before the rows is a header that FAISS may change; the rows are always last.
        self._first_byte = os.fstat(self._file.fileno()).st_size - count * self._row_bytes

    def rows(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The embeddings of some rows in their order, (rows, D) float32."""
        vectors = np.empty((len(rows), self.dimension), np.float32)
        handle, size, first = self._file.fileno(), self._row_bytes, self._first_byte
        for place, row in enumerate(rows.tolist()):
            vectors[place] = np.frombuffer(os.pread(handle, size, first + row * size), np.float32)
        return vectors

    def between(self, first_row: int, last_row: int) -> NDArray[np.float32]:
        """The embeddings from a row to before another, (rows, D) float32."""
        vectors = np.empty((last_row - first_row, self.dimension), np.float32)
        left = memoryview(vectors.reshape(-1).view(np.uint8).data)
        at = self._first_byte + first_row * self._row_bytes
        while left:  # one call reads at most 2 GiB
            num_bytes = os.preadv(self._file.fileno(), [left], at)
            if not num_bytes:
                raise EOFError(f"{self._file.name} ends before row {last_row}.")
            left, at = left[num_bytes:], at + num_bytes
        return vectors

    def blocks(self, block_rows: int = _BLOCK_ROWS) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """All embeddings in pieces: the first row of each and its (rows, D) float32."""
        for first in range(0, self.count, block_rows):
            yield first, self.between(first, min(first + block_rows, self.count))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
