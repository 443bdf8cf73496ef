"""Clustered unit vectors, and files of them as a generation has."""

from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.indexes.vectors import VectorFile

OPENED: list[VectorFile] = []  # closed at the end of the session


def clustered(number: int, dimension: int = 32, *, seed: int = 0) -> NDArray[np.float32]:
    """Unit vectors around 40 shared centres."""
    centres = np.random.default_rng(99).standard_normal((40, dimension))
    generator = np.random.default_rng(seed)
    vectors = centres[generator.integers(0, 40, number)] + 0.6 * generator.standard_normal((number, dimension))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def written(folder: Path, vectors: NDArray[np.float32], name: str = "index.faiss") -> VectorFile:
    """The vectors as the exact index of a folder, opened for reading until the session ends."""
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    faiss.write_index(index, str(folder / name))
    OPENED.append(VectorFile(folder / name, count=len(vectors), dimension=vectors.shape[1]))
    return OPENED[-1]
