from typing import Any

import pytest

from index_builder.gallery.errors import GalleryError
from index_builder.indexing.requirements import IndexRequirements, parse_bytes


@pytest.mark.parametrize(
    ("text", "size"), [("300MB", 300_000_000), ("1.5 gb", 1_500_000_000), ("2GiB", 2 << 30), ("512k", 512_000), (7, 7)]
)
def test_sizes_are_read_as_people_write_them(text: Any, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "much", "-3MB", "3XB", "MB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(GalleryError, match="--memory is"):
        parse_bytes(text)


@pytest.mark.parametrize("values", [{"recall": 0.0}, {"recall": 1.5}, {"memory_bytes": 0}])
def test_impossible_wishes_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(GalleryError, match=r"--(recall|memory) is"):
        IndexRequirements(**values)
