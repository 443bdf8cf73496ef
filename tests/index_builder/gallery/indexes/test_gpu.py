"""A stand-in for FAISS on a GPU: it rounds, is never entered twice, ignores what a selector asks for, and can fail."""

import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from index_builder.gallery.errors import GpuError
from index_builder.gallery.indexes.gpu import MAX_PROPOSED, TOLERANCE, FaissGpu, Gpu, GpuIndex

DIMENSION = 64


class FakeIndex:
    """Scores with an error that depends on row and query, as another order of summation gives."""

    def __init__(self, library: "FakeLibrary", index: Any) -> None:
        self.library = library
        self.vectors = index.reconstruct_n(0, index.ntotal)
        self.searched: list[int] = []

    def search(self, queries: NDArray[np.float32], k: int, params: Any = None) -> tuple[Any, Any]:
        del params  # as FAISS does on a GPU
        assert k <= MAX_PROPOSED
        assert self.library.inside.acquire(blocking=False), "two threads search on the GPU at once"
        try:
            if self.library.broken:
                raise RuntimeError("CUDA error 700")
            time.sleep(self.library.seconds)
            noise = np.random.default_rng(int(1e6 * abs(float(queries[0, 0]))))
            scores = queries @ self.vectors.T
            scores += self.library.error * noise.uniform(-1, 1, scores.shape).astype(np.float32)
            rows = np.argsort(-scores, axis=1)[:, :k]
            self.searched.append(k)
            return np.take_along_axis(scores, rows, axis=1), rows
        finally:
            self.library.inside.release()


class FakeLibrary:
    def __init__(self, *, gpus: int = 1, error: float = 1e-6) -> None:
        self.gpus, self.error = gpus, error
        self.memory_bytes, self.num_resources, self.seconds, self.broken = 10**9, 0, 0.0, False
        self.inside = threading.Lock()
        self.placed: list[weakref.ref[FakeIndex]] = []

    def num_gpus(self) -> int:
        return self.gpus

    def resources(self) -> str:
        self.num_resources += 1
        return "resources"

    def place(self, resources: str, index: Any) -> FakeIndex:
        assert resources == "resources"
        if index.ntotal * index.d * 4 > self.memory_bytes:
            raise RuntimeError("cudaMalloc error out of memory\nat StandardGpuResources.cpp:636")
        made = FakeIndex(self, index)
        self.placed.append(weakref.ref(made))
        return made


def flat(vectors: NDArray[np.float32]) -> Any:
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return index


def unit(vectors: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


def random_vectors(count: int, seed: int = 0) -> NDArray[np.float32]:
    return unit(np.random.default_rng(seed).standard_normal((count, DIMENSION)))


def gpu(library: FakeLibrary, *, limit_bytes: int = 10**9, required: bool = False) -> Gpu:
    return Gpu(limit_bytes=limit_bytes, required=required, library=library)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    faiss.omp_set_num_threads(1)  # with more, FAISS sums in another order


def assert_answers_are_equal(placed: GpuIndex, index: Any, queries: NDArray[np.float32], k: int) -> None:
    scores, rows = placed.search(queries, k)
    expected_scores, expected_rows = index.search(queries, k)
    np.testing.assert_array_equal(scores, expected_scores)
    np.testing.assert_array_equal(rows, expected_rows)


@pytest.mark.parametrize("k", [1, 12, 100, 3000])
def test_scores_and_rows_are_those_of_the_cpu_to_the_last_bit(k: int) -> None:
    index = flat(random_vectors(5003))
    assert_answers_are_equal(gpu(FakeLibrary(error=4e-5)).place(index), index, random_vectors(3, seed=1), k)


def test_rows_that_rounding_cannot_tell_apart_are_told_apart_by_the_cpu() -> None:
    base = random_vectors(1)
    crowd = unit(base + 1e-6 * random_vectors(300, seed=1))  # their scores differ by less than the GPU's error
    index = flat(np.concatenate([random_vectors(700, seed=2), crowd]))
    library = FakeLibrary(error=4e-5)
    placed = gpu(library).place(index)
    assert_answers_are_equal(placed, index, unit(base + 0.1 * random_vectors(1, seed=3)), 10)
    made = library.placed[0]()
    assert made is not None
    assert made.searched[-1] > 300, "it has to look at the whole crowd"


def test_a_crowd_larger_than_a_gpu_can_propose_is_left_to_the_cpu() -> None:
    crowd = unit(random_vectors(1) + 1e-6 * random_vectors(5000, seed=1))
    index = flat(crowd)
    assert_answers_are_equal(gpu(FakeLibrary(error=4e-5)).place(index), index, random_vectors(1), 10)


def test_a_gallery_smaller_than_what_is_proposed_is_searched_whole() -> None:
    index = flat(random_vectors(5))
    assert_answers_are_equal(gpu(FakeLibrary()).place(index), index, random_vectors(2, seed=1), 5)


def test_searches_from_many_threads_enter_the_gpu_one_at_a_time() -> None:
    index, library = flat(random_vectors(2000)), FakeLibrary()
    library.seconds = 0.002
    placed = gpu(library).place(index)
    queries = random_vectors(40, seed=1)

    def search(query: NDArray[np.float32]) -> NDArray[np.int64]:
        faiss.omp_set_num_threads(1)
        return placed.search(query[None], 5)[1][0]

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(search, queries))
    np.testing.assert_array_equal(np.stack(found), index.search(queries, 5)[1])


def test_resources_are_made_once_for_all_generations() -> None:
    library = FakeLibrary()
    taken = gpu(library)
    for seed in range(3):
        taken.place(flat(random_vectors(10, seed))).close()
    assert library.num_resources == 1


def test_closing_frees_the_memory_of_the_gpu_and_leaves_the_cpu() -> None:
    index, library = flat(random_vectors(50)), FakeLibrary()
    placed = gpu(library).place(index)
    assert placed.device == "cuda"
    placed.close()
    assert library.placed[0]() is None
    assert placed.device == "cpu"
    assert_answers_are_equal(placed, index, random_vectors(1, seed=1), 5)


def test_a_machine_without_a_gpu_is_refused() -> None:
    with pytest.raises(GpuError, match="no usable GPU to search on; install the gpu extra"):
        gpu(FakeLibrary(gpus=0))


@pytest.mark.skipif(hasattr(faiss, "StandardGpuResources"), reason="this is the GPU build of FAISS")
def test_the_cpu_build_of_faiss_has_no_gpu() -> None:
    assert FaissGpu().num_gpus() == 0


def test_an_index_above_the_limit_is_refused_before_anything_is_copied() -> None:
    library = FakeLibrary()
    with pytest.raises(GpuError, match="needs 3 MB of GPU memory, and 2 MB are allowed"):
        gpu(library, limit_bytes=2 * 10**6).place(flat(random_vectors(10_000)))
    assert library.placed == []


def test_an_index_that_the_gpu_has_no_room_for_is_refused_with_the_reason() -> None:
    library = FakeLibrary()
    library.memory_bytes = 1000
    with pytest.raises(GpuError, match=r"could not be put on the GPU \(cudaMalloc error out of memory\)"):
        gpu(library).place(flat(random_vectors(100)))


@pytest.mark.parametrize("index", [faiss.IndexFlatL2(8), faiss.IndexHNSWFlat(8, 4, faiss.METRIC_INNER_PRODUCT)])
def test_an_index_of_another_kind_is_refused(index: Any) -> None:
    with pytest.raises(GpuError, match=f"index is a {type(index).__name__}; only an exact one"):
        gpu(FakeLibrary()).place(index)


@pytest.mark.parametrize("error", [0.01, float("nan")])
def test_a_gpu_that_computes_with_less_precision_is_refused_and_freed(error: float) -> None:
    library = FakeLibrary(error=error)
    with pytest.raises(GpuError, match=f"more than the {TOLERANCE:.0e} of rounding"):
        gpu(library).place(flat(random_vectors(1000)))
    assert library.placed[0]() is None


def test_after_a_failure_of_the_gpu_the_cpu_answers_where_that_is_allowed(caplog: pytest.LogCaptureFixture) -> None:
    index, library = flat(random_vectors(100)), FakeLibrary()
    placed = gpu(library).place(index)
    library.broken = True
    assert_answers_are_equal(placed, index, random_vectors(1, seed=1), 5)
    assert placed.device == "cpu"
    assert "from now on this generation is searched on the CPU" in caplog.text


def test_after_a_failure_of_a_required_gpu_searches_fail() -> None:
    library = FakeLibrary()
    placed = gpu(library, required=True).place(flat(random_vectors(100)))
    library.broken = True
    for _ in range(2):
        with pytest.raises(RuntimeError, match="CUDA error 700"):
            placed.search(random_vectors(1, seed=1), 5)
    assert placed.device == "cuda"


def test_a_gallery_on_a_gpu_answers_as_before_with_and_without_filters(workshop: Any, fake: Any, photo: Any) -> None:
    workshop.add(*(f"{number:03}.png" for number in range(60)))
    for number in range(12):
        photo(workshop.photos / f"same/{number:02}.png", 100)  # equal scores
    table = workshop.out.with_name("items.csv")
    table.write_text("photo_id,odd\n" + "".join(f"{number:03},{number % 2}\n" for number in range(60)))
    workshop.build(metadata=table)
    library = FakeLibrary(error=4e-5)
    with workshop.open() as on_cpu, workshop.open() as on_gpu:
        on_gpu.search_on(gpu(library))
        assert (on_cpu.device, on_gpu.device) == ("cpu", "cuda")
        for seed in range(5):
            query = unit(np.random.default_rng(seed).standard_normal(fake.DIMENSION))
            query = query if seed else on_cpu.embedding("same/05")
            for k in (1, 7, 40):
                assert on_gpu.search(query, k=k) == on_cpu.search(query, k=k)
                odd = on_gpu.search(query, k=k, rows=on_gpu.select(["odd=1"]))
                assert odd == on_cpu.search(query, k=k, rows=on_cpu.select(["odd=1"]))
                assert all(int(hit.photo_id) % 2 for hit in odd)
    assert library.placed[0]() is None, "closing the gallery did not free the GPU"


def test_a_gallery_that_a_gpu_refuses_stays_on_the_cpu(workshop: Any, fake: Any) -> None:
    workshop.add("a.png", "b.png")
    workshop.build()
    with workshop.open() as gallery:
        with pytest.raises(GpuError):
            gallery.search_on(gpu(FakeLibrary(), limit_bytes=1))
        assert gallery.device == "cpu"
        assert len(gallery.search(unit(np.ones(fake.DIMENSION)), k=2)) == 2
