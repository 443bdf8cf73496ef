import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index_builder.gallery.indexes.vectors import VectorFile


def test_rows_are_those_of_the_index_in_any_order(disk: Any, tmp_path: Path) -> None:
    vectors = disk.clustered(300)
    stored = disk.written(tmp_path, vectors)
    chosen = np.array([299, 0, 7, 7])
    np.testing.assert_array_equal(stored.rows(chosen), vectors[chosen])
    np.testing.assert_array_equal(stored.between(20, 290), vectors[20:290])
    assert stored.rows(np.empty(0, np.int64)).shape == stored.between(5, 5).shape == (0, 32)
    stored.close()


def test_blocks_cover_every_row_once(disk: Any, tmp_path: Path) -> None:
    vectors = disk.clustered(300)
    stored = disk.written(tmp_path, vectors)
    firsts, blocks = zip(*stored.blocks(block_rows=128), strict=True)
    assert firsts == (0, 128, 256)
    np.testing.assert_array_equal(np.concatenate(blocks), vectors)
    stored.close()


def test_it_stays_readable_when_its_file_is_removed(disk: Any, tmp_path: Path) -> None:
    vectors = disk.clustered(50)
    stored = disk.written(tmp_path, vectors)
    (tmp_path / "index.faiss").unlink()
    np.testing.assert_array_equal(stored.between(0, 50), vectors)
    stored.close()


def test_a_file_that_was_cut_short_is_not_read_as_if_it_were_whole(disk: Any, tmp_path: Path) -> None:
    disk.written(tmp_path, disk.clustered(50)).close()
    stored = VectorFile(tmp_path / "index.faiss", count=50, dimension=32)
    os.truncate(tmp_path / "index.faiss", 3000)
    with pytest.raises(EOFError, match="ends before row 50"):
        stored.between(0, 50)
    stored.close()
