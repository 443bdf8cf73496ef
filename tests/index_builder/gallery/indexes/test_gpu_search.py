"""On a machine with an NVIDIA GPU and the gpu extra: a gallery's index on the GPU answers as on the CPU."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from index_builder.gallery.generation_files import map_index
from index_builder.gallery.indexes.gpu import FaissGpu, Gpu

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(FaissGpu().num_gpus() < 1, reason="needs an NVIDIA GPU and the gpu extra"),
]


def unit(seed: int, count: int) -> NDArray[np.float32]:
    centres = np.random.default_rng(9).standard_normal((50, 384))
    generator = np.random.default_rng(seed)
    vectors = centres[generator.integers(0, 50, count)] + generator.standard_normal((count, 384))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An index of 50,003 rows, some of them equal, mapped from disk as a gallery's is."""
    faiss.omp_set_num_threads(1)
    vectors = unit(0, 50_003)
    vectors[100:140] = vectors[99]
    index = faiss.IndexFlatIP(384)
    index.add(vectors)
    path: Path = tmp_path_factory.mktemp("index") / "index.faiss"
    faiss.write_index(index, str(path))
    return map_index(path)


@pytest.mark.parametrize("k", [1, 12, 100, 1000, 3000])
def test_scores_and_rows_are_those_of_the_cpu_to_the_last_bit(mapped: Any, k: int) -> None:
    faiss.omp_set_num_threads(1)
    placed = Gpu(limit_bytes=10**9, required=True).place(mapped)
    for query in np.concatenate([unit(1, 50), mapped.reconstruct_n(90, 20)]):
        scores, rows = placed.search(query[None], k)
        expected_scores, expected_rows = mapped.search(query[None], k)
        np.testing.assert_array_equal(scores, expected_scores)
        sure = expected_scores > expected_scores[0, -1]  # of several that are equally good as the last, any may stay
        assert set(rows[sure]) == set(expected_rows[sure])
    assert placed.device == "cuda"


def test_eight_threads_get_the_answers_of_one(mapped: Any) -> None:
    faiss.omp_set_num_threads(1)
    placed = Gpu(limit_bytes=10**9, required=True).place(mapped)
    queries = unit(2, 400)

    def search(query: NDArray[np.float32]) -> NDArray[np.int64]:
        faiss.omp_set_num_threads(1)
        return placed.search(query[None], 10)[1][0]

    with ThreadPoolExecutor(8) as threads:
        found = np.stack(list(threads.map(search, queries)))
    expected = np.concatenate([mapped.search(query[None], 10)[1] for query in queries])
    np.testing.assert_array_equal(found, expected)


def test_a_hundred_generations_leave_no_memory_behind(mapped: Any) -> None:
    library = FaissGpu()
    resources = library.resources()
    library.resources = lambda: resources  # type: ignore[method-assign]
    gpu = Gpu(limit_bytes=10**9, required=True, library=library)
    for _ in range(100):
        gpu.place(mapped).close()
    held = {kind: num_bytes for sizes in resources.getMemoryInfo().values() for kind, (_, num_bytes) in sizes.items()}
    assert held.get("FlatData", 0) == 0
