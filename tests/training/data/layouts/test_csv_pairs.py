from pathlib import Path

import pytest

from training.data.layouts.csv_pairs import read_csv_pairs
from training.data.layouts.pair_by_name import NO_PHOTO, NO_SKETCH


def write(folder: Path, text: str, *, encoding: str = "utf-8") -> Path:
    for name in ("p1.jpg", "p2.jpg", "a.png", "b.png", "c.png"):
        (folder / name).touch()
    file = folder / "pairs.csv"
    file.write_text(text, encoding=encoding)
    return file


def test_rows_of_one_photo_become_one_item(tmp_path: Path) -> None:
    text = "photo,sketch,split\np1.jpg,a.png,train\np2.jpg,c.png,test\n\np1.jpg,b.png,train\n"
    found = read_csv_pairs(write(tmp_path, text))
    (item,) = found.splits["train"]
    assert (item.id, item.category, item.photo) == ("p1", "", tmp_path / "p1.jpg")
    assert item.sketches == (tmp_path / "a.png", tmp_path / "b.png")
    assert [item.id for item in found.splits["test"]] == ["p2"]


def test_optional_columns_spaces_column_order_and_a_byte_order_mark_are_understood(tmp_path: Path) -> None:
    text = "id,split,category,sketch,photo\nshoe 1 , train,shoe,a.png,p1.jpg\n"
    (item,) = read_csv_pairs(write(tmp_path, text, encoding="utf-8-sig")).splits["train"]
    assert (item.id, item.category) == ("shoe 1", "shoe")


def test_half_pairs_are_listed_and_not_dropped_silently(tmp_path: Path) -> None:
    found = read_csv_pairs(write(tmp_path, "photo,sketch,split\np1.jpg,a.png,train\np2.jpg,,test\n,c.png,test\n"))
    assert found.left_out == {NO_SKETCH: (tmp_path / "p2.jpg",), NO_PHOTO: (tmp_path / "c.png",)}
    assert found.num_sketches_found == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("photo,sketch\np1.jpg,a.png\n", "has no column split"),
        ("photo;sketch;split\np1.jpg;a.png;train\n", "has no column photo, sketch, split"),
        ("", "has no column photo"),
        ("photo,sketch,split\np1.jpg,a.png,\n", "Line 2 of .* has no split"),
        ("photo,sketch,split\np1.jpg,a.png,train\np1.jpg,b.png,test\n", "split 'train' in line 2 and 'test' in line 3"),
        ("photo,sketch,split\np1.jpg,a.png,train\np2.jpg,a.png,train\n", "sketch .*a.png in lines 2 and 3"),
        (
            "photo,sketch,split\np1.jpg,gone.png,train\ngone.jpg,a.png,train\n",
            "2 files .* do not exist, first .*gone.jpg",
        ),
    ],
)
def test_a_csv_that_cannot_be_trusted_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_csv_pairs(write(tmp_path, text))


def test_a_missing_or_foreign_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"There is no CSV at .* columns photo, sketch, split and, if wanted, category"
    ):
        read_csv_pairs(tmp_path / "gone.csv")
    (tmp_path / "x.csv").write_bytes(b"photo,sketch,split\n\xff\xfe,,\n")
    with pytest.raises(ValueError, match="cannot be read as a CSV in UTF-8"):
        read_csv_pairs(tmp_path / "x.csv")
