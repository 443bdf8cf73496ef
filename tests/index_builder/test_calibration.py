import faiss
import numpy as np
import pytest

from index_builder.calibration import calibrate, faiss_threads, use_blas_from


@pytest.fixture
def threshold_before() -> object:
    before = faiss.cvar.distance_compute_blas_threshold
    yield
    faiss.cvar.distance_compute_blas_threshold = before
    calibrate.cache_clear()


@pytest.mark.usefixtures("threshold_before")
def test_calibration_sets_what_it_found() -> None:
    calibrate.cache_clear()
    found = calibrate(24)
    assert faiss.cvar.distance_compute_blas_threshold == min(24 * found.blas_threshold, 2**31 - 1)
    assert found.blas_threshold in (2, 4, 8, 16, 32, 64, 1 << 30)
    assert found.threads >= 1


@pytest.mark.usefixtures("threshold_before")
@pytest.mark.parametrize("dimension", [16, 192])
def test_a_single_query_scores_the_same_whatever_was_found(dimension: int) -> None:
    generator = np.random.default_rng(0)
    vectors = generator.standard_normal((200, dimension), np.float32)
    query = generator.standard_normal((1, dimension), np.float32)
    answers = []
    for threshold in (2, 64, 1 << 30):
        use_blas_from(threshold, dimension)
        answers.append(faiss.knn(query, vectors, 200, metric=faiss.METRIC_INNER_PRODUCT)[0])
    assert all(np.array_equal(answers[0], scores) for scores in answers)


@pytest.mark.usefixtures("threshold_before")
def test_it_measures_once_for_a_dimension(monkeypatch: pytest.MonkeyPatch) -> None:
    calibrate.cache_clear()
    found = calibrate(24)
    monkeypatch.setattr("index_builder.calibration.time", None)
    assert calibrate(24) is found


def test_threads_are_given_back() -> None:
    before = faiss.omp_get_max_threads()
    with faiss_threads(before + 1):
        assert faiss.omp_get_max_threads() == before + 1
    assert faiss.omp_get_max_threads() == before
