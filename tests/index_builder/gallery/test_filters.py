import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index_builder.gallery.columns import Column
from index_builder.gallery.errors import FilterError
from index_builder.gallery.filters import MAX_FILTERS, parse_filter

NUM_PHOTOS = 40
COLUMNS = {"brand": "text", "price": "number", "price>=": "text", "in_stock": "boolean"}


def known(number: int) -> dict[str, Any]:
    """What the metadata says about photo `number`; every tenth photo has none, every fourth no colour."""
    if number % 10 == 9:
        return {}
    values: dict[str, Any] = {"brand": f"brand {number % 3}", "price": number / 2, "in_stock": number % 2 == 0}
    return values if number % 4 == 3 else {**values, "colour": "red, dark" if number % 8 == 0 else "blue"}


@pytest.fixture
def filtered(workshop: Any, photo: Any, tmp_path: Path) -> Any:
    for number in range(NUM_PHOTOS):
        photo(workshop.photos / f"{number:02}.png", number)
    lines = [json.dumps({"photo_id": f"{number:02}", **known(number)}) for number in range(NUM_PHOTOS)]
    table = tmp_path / "items.jsonl"
    table.write_text("\n".join(lines))
    workshop.build(metadata=table)
    return workshop


CASES: list[tuple[list[str], Any]] = [
    (["brand=brand 1"], lambda v: v.get("brand") == "brand 1"),
    (["brand = brand 1 , brand 2"], lambda v: v.get("brand") in ("brand 1", "brand 2")),
    (["brand!=brand 1"], lambda v: v.get("brand", "brand 1") != "brand 1"),
    (["price>=5"], lambda v: v.get("price", -1) >= 5),
    (["price>5", "price<=7.5"], lambda v: 5 < v.get("price", -1) <= 7.5),
    (["price<5"], lambda v: v.get("price", 9) < 5),
    (["price=3,3.5,99"], lambda v: v.get("price") in (3, 3.5)),
    (["price!=3"], lambda v: v.get("price", 3) != 3),
    (["in_stock=true"], lambda v: v.get("in_stock") is True),
    (["in_stock!=True"], lambda v: v.get("in_stock") is False),
    (['colour="red, dark"'], lambda v: v.get("colour") == "red, dark"),
    (['colour="red, dark",blue', "brand=brand 0"], lambda v: "colour" in v and v["brand"] == "brand 0"),
    (["brand=nobody"], lambda v: False),
]


@pytest.mark.parametrize(("filters", "matches"), CASES, ids=lambda case: str(case) if isinstance(case, list) else "")
def test_a_filtered_search_agrees_with_a_naive_one_for_every_k(
    filtered: Any, fake: Any, filters: list[str], matches: Any
) -> None:
    expected_ids = {f"{number:02}" for number in range(NUM_PHOTOS) if matches(known(number))}
    with filtered.open() as gallery:
        query = np.random.default_rng(1).standard_normal(fake.DIMENSION).astype(np.float32)
        query /= np.linalg.norm(query)
        ranked = [hit for hit in gallery.search(query, k=NUM_PHOTOS) if hit.photo_id in expected_ids]
        rows = gallery.select(filters)
        assert len(rows) == len(expected_ids)
        for k in (1, 3, NUM_PHOTOS):
            hits = gallery.search(query, k=k, rows=rows)
            assert [hit.photo_id for hit in hits] == [hit.photo_id for hit in ranked[:k]]
            assert [hit.score for hit in hits] == pytest.approx([hit.score for hit in ranked[:k]], abs=1e-6)


def test_without_filters_all_photos_may_be_answered(filtered: Any) -> None:
    with filtered.open() as gallery:
        assert gallery.select([]) is None


def test_equal_scores_among_the_chosen_come_in_the_order_of_their_ids(filtered: Any, photo: Any) -> None:
    table = filtered.photos.parent / "same.csv"
    for number in range(12):
        photo(filtered.photos / f"same/{number:02}.png", 100)
    table.write_text("photo_id,odd\n" + "".join(f"same/{n:02},{'true' if n % 2 else 'false'}\n" for n in range(12)))
    filtered.build(metadata=table)
    with filtered.open() as gallery:
        query = gallery.embedding("same/05")
        for k in range(1, 8):
            hits = gallery.search(query, k=k, rows=gallery.select(["odd=true"]))
            assert [hit.photo_id for hit in hits] == [f"same/{n:02}" for n in (1, 3, 5, 7, 9, 11)[:k]]


def test_the_manifest_describes_the_columns(filtered: Any) -> None:
    with filtered.open() as gallery:
        columns = {column.name: column for column in gallery.manifest.columns}
    assert columns["price"].type == "number"
    assert (columns["price"].minimum, columns["price"].maximum, columns["price"].photos) == (0, 19, 36)
    assert columns["in_stock"] == Column("in_stock", "boolean", 36, {"true": 20, "false": 16})
    assert columns["colour"] == Column("colour", "text", 28, {"blue": 23, "red, dark": 5})


def test_a_column_of_mixed_values_is_text_and_a_column_of_many_values_lists_none(
    workshop: Any, photo: Any, tmp_path: Path
) -> None:
    values: list[Any] = [38, "39 wide", True, None, 2.5]
    lines = []
    for number in range(60):
        photo(workshop.photos / f"{number:02}.png", number)
        lines.append(json.dumps({"photo_id": f"{number:02}", "size": values[number % 5], "sku": f"s{number}"}))
    table = tmp_path / "items.jsonl"
    table.write_text("\n".join(lines))
    workshop.build(metadata=table)
    with workshop.open() as gallery:
        sizes, skus = gallery.columns
        assert sizes == Column("size", "text", 48, {"2.5": 12, "38": 12, "39 wide": 12, "true": 12})
        assert skus == Column("sku", "text", 60, None)
        assert list(gallery.select(["size=38,true"])) == [n for n in range(60) if n % 5 in (0, 2)]
        assert list(gallery.select(["sku=s7"])) == [7]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("brnd=acme", r"'brnd=acme' names the column 'brnd'; this gallery has: brand, in_stock, price, price>=\."),
        ("brand", "'brand' compares nothing; write it like brand=acme"),
        ("", "'' compares nothing"),
        ("brand=", "'brand=' has an empty value"),
        ("brand=acme,,x", "has an empty value"),
        ("brand>=acme", "compares the text column 'brand' by order"),
        ("in_stock<true", "compares the boolean column 'in_stock' by order"),
        ("price>1,2", "compares with 2 values; give one after >"),
        ("price=cheap", "gives 'cheap' for the column 'price' of numbers"),
        ("price<nan", "gives 'nan' for the column 'price'"),
        ("in_stock=1", "gives '1' for the boolean column 'in_stock'; give true or false"),
        ('brand="acme', "is not well quoted"),
    ],
)
def test_a_wrong_filter_is_one_clear_sentence(text: str, sentence: str) -> None:
    with pytest.raises(FilterError, match=sentence):
        parse_filter(text, COLUMNS)


def test_a_column_whose_name_holds_an_operator_can_be_named() -> None:
    condition = parse_filter("price>==x", COLUMNS)
    assert (condition.column, condition.operator, condition.values) == ("price>=", "=", ("x",))
    condition = parse_filter("price>=3", COLUMNS)
    assert (condition.column, condition.operator, condition.values) == ("price", ">=", (3.0,))


def test_a_gallery_without_metadata_and_too_many_filters_are_sentences(workshop: Any, photo: Any) -> None:
    photo(workshop.photos / "a.png", 1)
    workshop.build()
    with workshop.open() as gallery:
        with pytest.raises(FilterError, match="needs metadata, and this gallery has none"):
            gallery.select(["brand=acme"])
        with pytest.raises(FilterError, match=f"at most {MAX_FILTERS}"):
            gallery.select(["brand=acme"] * (MAX_FILTERS + 1))
