import faiss
import numpy as np
import pytest

from index_builder.indexing.calibration import blas_from, calibrate, calibrated, faiss_threads


def settings() -> tuple[int, int]:
    return faiss.cvar.distance_compute_blas_threshold, faiss.omp_get_max_threads()


def test_what_was_found_holds_inside_and_is_undone_after() -> None:
    calibrate.cache_clear()
    before = settings()
    found = calibrate(24)
    assert found.blas_threshold in (2, 4, 8, 16, 32, 64, 1 << 30)
    assert found.threads >= 1
    assert settings() == before
    with calibrated(24):
        assert settings() == (min(24 * found.blas_threshold, 2**31 - 1), found.threads)
    assert settings() == before


@pytest.mark.parametrize("dimension", [16, 192])
def test_a_single_query_scores_the_same_whatever_was_found(dimension: int) -> None:
    generator = np.random.default_rng(0)
    vectors = generator.standard_normal((200, dimension), np.float32)
    query = generator.standard_normal((1, dimension), np.float32)
    answers = []
    for threshold in (2, 64, 1 << 30):
        with blas_from(threshold, dimension):
            answers.append(faiss.knn(query, vectors, 200, metric=faiss.METRIC_INNER_PRODUCT)[0])
    assert all(np.array_equal(answers[0], scores) for scores in answers)


def test_it_measures_once_for_a_dimension(monkeypatch: pytest.MonkeyPatch) -> None:
    calibrate.cache_clear()
    found = calibrate(24)
    monkeypatch.setattr("index_builder.indexing.calibration.time", None)
    assert calibrate(24) is found


def test_settings_are_given_back_when_something_fails() -> None:
    before = settings()
    inside = []
    try:
        with faiss_threads(before[1] + 1), blas_from(3, 24):
            inside.append(settings())
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert inside == [(72, before[1] + 1)]
    assert settings() == before
