from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from index_builder.gallery.indexes.lists import encoded, list_codes, list_ids
from index_builder.indexing.lists import ListFormat, carry_over, fill, list_formats, train_lists


@pytest.mark.parametrize("codes", ["SQ8", "RaBitQ"])
def test_lists_carried_over_are_those_that_would_be_filled_anew(disk: Any, tmp_path: Path, codes: str) -> None:
    vectors = disk.clustered(3000)
    index = train_lists(disk.written(tmp_path, vectors), ListFormat(30, codes))
    fill(index, disk.written(tmp_path, vectors))
    faiss.write_index(index, str(tmp_path / "previous.faiss"))

    generator = np.random.default_rng(1)
    # A third has left, a hundred photos appear twice now, two hundred are new, and all have other rows than before.
    stay = generator.choice(3000, 2000, replace=False)
    previous_rows = generator.permutation(np.concatenate([stay, stay[:100], np.full(200, -1)]))
    now = disk.clustered(len(previous_rows), seed=2)
    now[previous_rows >= 0] = vectors[previous_rows[previous_rows >= 0]]
    stored = disk.written(tmp_path, now)

    carried = carry_over(tmp_path / "previous.faiss", previous_rows, stored)
    index.reset()
    fill(index, stored)
    assert carried.ntotal == 2300
    for number in range(30):
        one, other = (np.argsort(list_ids(each, number)) for each in (carried, index))
        np.testing.assert_array_equal(list_ids(carried, number)[one], list_ids(index, number)[other])
        np.testing.assert_array_equal(list_codes(carried, number)[one], list_codes(index, number)[other])


@pytest.mark.parametrize("codes", ["SQ8", "RaBitQ"])
def test_codes_can_be_made_again_from_the_embeddings(disk: Any, tmp_path: Path, codes: str) -> None:
    vectors = disk.clustered(2000)
    stored = disk.written(tmp_path, vectors)
    index = train_lists(stored, ListFormat(20, codes))
    fill(index, stored)
    for number in range(20):
        np.testing.assert_array_equal(
            encoded(index, number, vectors[list_ids(index, number)]), list_codes(index, number)
        )


@pytest.mark.parametrize("codes", ["SQ8", "RaBitQ"])
def test_the_stated_memory_is_what_the_file_holds(disk: Any, tmp_path: Path, codes: str) -> None:
    stored = disk.written(tmp_path, disk.clustered(4000))
    chosen = next(each for each in list_formats(4000) if each.codes == codes)
    index = train_lists(stored, chosen)
    fill(index, stored)
    faiss.write_index(index, str(tmp_path / "lists.faiss"))
    assert (tmp_path / "lists.faiss").stat().st_size == pytest.approx(
        chosen.memory_bytes(count=4000, dimension=32), rel=0.05
    )


def test_every_list_has_photos_enough_to_be_trained_from() -> None:
    assert [each.factory for each in list_formats(1_000_000)] == ["IVF4000,SQ8", "IVF4000,RaBitQ"]
    assert next(list_formats(400)).factory == "IVF10,SQ8"
    assert next(list_formats(3)).factory == "IVF1,SQ8"
