from pathlib import Path
from typing import Any

import pytest

from index_builder.gallery.errors import GalleryError
from index_builder.metadata.table import read_metadata


def read(tmp_path: Path, text: str | bytes, name: str = "items.csv") -> dict[str, Any]:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return {row.photo_id: row.values for row in read_metadata(path)}


def typed(values: dict[str, Any]) -> dict[str, Any]:
    """1, 1.0 and True are equal in Python; their types are what is tested."""
    return {name: (type(value), value) for name, value in values.items()}


def test_a_csv_column_is_a_number_when_all_its_cells_are(tmp_path: Path) -> None:
    rows = read(tmp_path, "photo_id,price,stock,size,brand\na,1.5,3,38,acme\nb,2,-4,39 wide,7\n")
    assert typed(rows["a"]) == typed({"price": 1.5, "stock": 3, "size": "38", "brand": "acme"})
    assert typed(rows["b"]) == typed({"price": 2.0, "stock": -4, "size": "39 wide", "brand": "7"})


def test_numbers_with_leading_zeros_stay_text(tmp_path: Path) -> None:
    assert read(tmp_path, "photo_id,code\na,00123\nb,45\n") == {"a": {"code": "00123"}, "b": {"code": "45"}}


@pytest.mark.parametrize("cell", ["nan", "inf", "1e999", "1_000", "+1", "٣", "9" * 400])
def test_what_only_python_takes_for_a_number_stays_text(tmp_path: Path, cell: str) -> None:
    assert read(tmp_path, f"photo_id,x\na,{cell}\n") == {"a": {"x": cell}}


def test_empty_cells_are_left_out_and_do_not_change_the_type(tmp_path: Path) -> None:
    assert read(tmp_path, "photo_id,x,y\na,1,\nb,,z\n") == {"a": {"x": 1}, "b": {"y": "z"}}


def test_a_csv_from_a_spreadsheet_is_read(tmp_path: Path) -> None:
    text = b'\xef\xbb\xbfphoto_id,note\r\nch\xc3\xa4irs/1,"red, with ""arms"""\r\n\r\n'
    assert read(tmp_path, text) == {"chäirs/1": {"note": 'red, with "arms"'}}


def test_the_empty_rows_and_unnamed_columns_of_a_spreadsheet_are_left_out(tmp_path: Path) -> None:
    assert read(tmp_path, ",photo_id,price,,\n0,a,1,,\n,,,,\n1,b,2, ,note\n ,, ,,\n") == {
        "a": {"price": 1},
        "b": {"price": 2},
    }


def test_ids_match_whatever_their_unicode_form(tmp_path: Path) -> None:
    assert list(read(tmp_path, "photo_id\ne\u0301\n")) == ["\u00e9"]


def test_jsonl_values_keep_their_type(tmp_path: Path) -> None:
    line = '{"photo_id": "a", "s": "1", "i": 1, "f": 1.0, "b": true, "n": null}\n\n'
    rows = read(tmp_path, line, "items.jsonl")
    assert typed(rows["a"]) == typed({"s": "1", "i": 1, "f": 1.0, "b": True, "n": None})


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("items.csv", "id,x\na,1\n", "no column photo_id .*it has: id, x"),
        ("items.csv", "", "no column photo_id .*nothing"),
        ("items.csv", "photo_id,x,x\na,1,2\n", "repeated columns"),
        ("items.csv", "photo_id;price\na;1,50\n", "separates its columns by semicolons"),
        ("items.csv", "photo_id,x\na,1\nb\n", "Line 3 .*has 1 cells, expected 2"),
        ("items.csv", "photo_id,x\n,1\n", "Line 2 .*no photo_id"),
        ("items.csv", 'photo_id,x\na,"1\n', "Line 2 .*not valid CSV"),
        ("items.csv", b"photo_id,x\na,\xff\n", "not UTF-8"),
        ("items.jsonl", '{"photo_id": "a"}\n{"photo_id": \n', "Line 2 .*not valid JSON"),
        ("items.jsonl", "[1]\n", "Line 1 .*not a JSON object"),
        ("items.jsonl", '{"x": 1}\n', "Line 1 .*no photo_id"),
        ("items.jsonl", '{"photo_id": 7}\n', "Line 1 .*not a string"),
        ("items.jsonl", '{"photo_id": "a", "x": NaN}\n', "Line 1 .*NaN is not a JSON number"),
        ("items.jsonl", '{"photo_id": "a", "tags": ["x"]}\n', "Line 1 .*list or an object as 'tags'"),
        ("items.jsonl", '{"photo_id": "a"}\n{"photo_id": "b", "x": "\\ud800"}\n', "Line 2 .*half of a surrogate pair"),
        ("items.jsonl", '{"photo_id": "\\udc00"}\n', "Line 1 .*half of a surrogate pair"),
        ("items.jsonl", '{"photo_id": "a", "\\ud800": 1}\n', "Line 1 .*half of a surrogate pair"),
        ("items.jsonl", '{"photo_id": "a"}\n{"photo_id": "b", "price": 1e400}\n', "Line 2 .*'price' a number beyond"),
        ("items.jsonl", '{"photo_id": "a", "price": -1e400}\n', "Line 1 .*'price' a number beyond"),
        ("items.jsonl", "[" * 100_000, "Line 1 .*not valid JSON"),
        ("items.xlsx", "x", "expected .csv or .jsonl"),
    ],
)
def test_a_wrong_file_is_refused_naming_the_line(tmp_path: Path, name: str, text: str | bytes, message: str) -> None:
    with pytest.raises(GalleryError, match=message):
        read(tmp_path, text, name)


def test_a_missing_file_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match=r"none.csv cannot be read"):
        list(read_metadata(tmp_path / "none.csv"))


def test_a_csv_column_is_boolean_when_all_its_cells_are_true_or_false(tmp_path: Path) -> None:
    rows = read(tmp_path, "photo_id,new,sold\na,true,True\nb,FALSE,yes\nc,,\n")
    assert typed(rows["a"]) == typed({"new": True, "sold": "True"})
    assert typed(rows["b"]) == typed({"new": False, "sold": "yes"})
    assert rows["c"] == {}


def test_a_whole_surrogate_pair_is_one_character(tmp_path: Path) -> None:
    line = '{"photo_id": "a", "x": "\\ud83d\\ude00"}'
    assert read(tmp_path, line, "items.jsonl") == {"a": {"x": "\U0001f600"}}


def said_of(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "items.csv"
    path.write_text(text)
    said: list[str] = []
    list(read_metadata(path, say=said.append))
    return said


def test_one_cell_that_makes_a_column_of_numbers_a_text_is_named(tmp_path: Path) -> None:
    rows = "".join(f"{number},{number}.5,x,\n" for number in range(20))
    said = said_of(tmp_path, f"photo_id,price,brand,empty\n{rows}s,nan,y,\nt,3,z,\n")
    assert said == [
        "price is text because of 'nan' in line 22; correct the cell or leave it empty to make it a column of numbers"
    ]


def test_several_such_cells_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    said = said_of(tmp_path, 'photo_id,price\na,1\nb,n/a\nc,2\nd,"1,50"\ne,3\n')
    assert said == [
        "price is text because of 2 cells, the first 'n/a' in line 3; "
        "correct them or leave them empty to make it a column of numbers"
    ]


@pytest.mark.parametrize(
    "rows", ["a,1\nb,2\n", "a,x\nb,y\n", "a,1\nb,x\n", "a,x\nb,1\nc,y\n", "a,true\nb,false\n", "a,\nb,\n"]
)
def test_a_column_of_numbers_or_of_texts_needs_no_words(tmp_path: Path, rows: str) -> None:
    assert said_of(tmp_path, "photo_id,x\n" + rows) == []


def test_a_number_among_many_odd_cells_is_a_text_like_any(tmp_path: Path) -> None:
    rows = "".join(f"n{number},{number}\n" for number in range(1, 30))
    odd = "".join(f"s{number},size {number}\n" for number in range(4))
    assert said_of(tmp_path, f"photo_id,x\n{rows}{odd}") == []
