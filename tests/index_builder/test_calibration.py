import faiss
import pytest

from index_builder.calibration import calibrate, faiss_threads


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
    assert faiss.cvar.distance_compute_blas_threshold == found.blas_threshold
    assert found.blas_threshold in (2, 4, 8, 16, 32, 64, 1 << 30)
    assert found.threads >= 1


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
