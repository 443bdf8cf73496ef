import threading
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from index_builder.gallery.indexes import lists as approximate_search
from index_builder.gallery.indexes.lists import ApproximateIndex
from index_builder.indexing.lists import ListFormat, fill, train_lists

NUMBER = 6000


@pytest.fixture(scope="module", params=["SQ8", "RaBitQ"])
def opened(request: Any, disk: Any, tmp_path_factory: Any) -> Any:
    folder: Path = tmp_path_factory.mktemp("lists")
    vectors = disk.clustered(NUMBER)
    stored = disk.written(folder, vectors)
    index = train_lists(stored, ListFormat(60, request.param))
    fill(index, stored)
    faiss.write_index(index, str(folder / "approximate.faiss"))
    index = ApproximateIndex(folder / "approximate.faiss", stored, nprobe=12, candidates_per_result=16)
    yield vectors, index
    stored.close()


def right_rows(vectors: Any, query: Any, rows: Any, k: int = 10) -> set[int]:
    return set(rows[np.argsort(-(vectors[rows] @ query))[:k]].tolist())


def recall(opened: Any, queries: Any, rows: Any) -> float:
    vectors, index = opened
    among = np.arange(NUMBER) if rows is None else rows
    found = [set(index.search(query, 10, rows)[1][:10].tolist()) for query in queries]
    wanted = [right_rows(vectors, query, among) for query in queries]
    return float(np.mean([len(one & other) / len(other) for one, other in zip(found, wanted, strict=True)]))


def test_scores_are_exact_and_falling(opened: Any, disk: Any) -> None:
    vectors, index = opened
    for query in disk.clustered(20, seed=5):
        scores, rows = index.search(query, 10)
        assert len(rows) >= 10
        assert (np.diff(scores) <= 0).all()
        np.testing.assert_allclose(scores, vectors[rows] @ query, atol=2e-6)


def test_searches_find_what_exact_ones_find(opened: Any, disk: Any) -> None:
    assert recall(opened, disk.clustered(100, seed=5), None) > 0.95


@pytest.mark.parametrize("every", [2, 5, 500])
def test_filtered_searches_find_what_exact_ones_find(opened: Any, disk: Any, every: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(approximate_search, "FEW_ROWS", 100)
    assert recall(opened, disk.clustered(100, seed=5), np.arange(0, NUMBER, every)) > 0.95


def test_photos_that_match_are_found_however_far_they_are(opened: Any, disk: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(approximate_search, "FEW_ROWS", 100)
    vectors, index = opened
    found = []
    for query in disk.clustered(20, seed=5):
        # None of these lies in a list that a search of all photos would look into.
        farthest = np.sort(np.argsort(vectors @ query)[:600])
        assert len(index.search(query, 10, farthest)[1]) >= 10
        assert recall(opened, query[None], farthest[:40]) == 1
        found.append(recall(opened, query[None], farthest))
    assert np.mean(found) > 0.5  # they are all far, and about equally: one-bit codes tell them apart badly


def test_as_many_are_found_as_there_are(opened: Any, disk: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(approximate_search, "FEW_ROWS", 0)
    _, index = opened
    query = disk.clustered(1, seed=5)[0]
    for rows in (np.arange(0, NUMBER, 997), np.arange(0, NUMBER, 3)):
        assert set(index.search(query, len(rows), rows)[1].tolist()) == set(rows.tolist())
    assert sorted(index.search(query, NUMBER)[1].tolist()) == list(range(NUMBER))


def test_many_threads_get_the_answers_that_one_gets(opened: Any, disk: Any) -> None:
    _, index = opened
    queries, selections = disk.clustered(30, seed=5), [np.arange(0, NUMBER, every) for every in (1, 2, 3, 4)]
    expected = [[index.search(query, 10, rows)[1].tolist() for query in queries] for rows in selections]
    differing: list[Any] = []

    def work(place: int) -> None:
        for turn in range(8):
            rows = selections[(place + turn) % 4].copy()  # another array each time, so that selections are replaced
            found = [index.search(query, 10, rows)[1].tolist() for query in queries]
            if found != expected[(place + turn) % 4]:
                differing.append(place)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert differing == []
