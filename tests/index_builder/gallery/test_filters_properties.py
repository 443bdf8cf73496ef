"""Filters over metadata that nobody chose, against filters written down naively."""

import csv
import io
import json
import operator
import sqlite3
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from index_builder.gallery.columns import write_columns
from index_builder.gallery.errors import FilterError
from index_builder.gallery.filters import RowSelector, parse_filter
from index_builder.gallery.ids import normalise_id

TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8).map(str.strip).filter(bool)
NUMBERS = st.one_of(st.integers(-1000, 1000), st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 3)))
KINDS: dict[str, st.SearchStrategy[Any]] = {"text": TEXTS, "number": NUMBERS, "boolean": st.booleans()}
ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def selector(values: list[Any]) -> RowSelector:
    """Over one column "c"; None is a photo without a value."""
    items = sqlite3.connect(":memory:")
    items.execute("CREATE TABLE items (row INTEGER PRIMARY KEY, metadata TEXT NOT NULL)")
    rows = [(row, json.dumps({} if value is None else {"c": value})) for row, value in enumerate(values)]
    items.executemany("INSERT INTO items VALUES (?, ?)", rows)
    write_columns(items)
    return RowSelector(items, num_rows=len(values))


def written(value: Any) -> str:
    """A value as a person writes it into a filter."""
    if isinstance(value, bool):
        return str(value).lower()
    stream = io.StringIO()
    csv.writer(stream, quoting=csv.QUOTE_ALL).writerow([value])
    return stream.getvalue().strip("\r\n") if isinstance(value, str) else repr(value)


@given(st.data(), st.sampled_from(sorted(KINDS)))
def test_equal_and_unequal_agree_with_a_naive_comparison(data: st.DataObject, kind: str) -> None:
    values = data.draw(st.lists(st.none() | KINDS[kind], min_size=1, max_size=12).filter(any_value))
    held = [value for value in values if value is not None]
    wanted = data.draw(st.lists(st.sampled_from(held) | KINDS[kind], min_size=1, max_size=3))
    plain = [normalise_id(value) if kind == "text" else value for value in wanted]
    expected = [value is not None and (normalise_id(value) if kind == "text" else value) in plain for value in values]
    rows = selector(values)
    text = ",".join(map(written, wanted))
    assert rows.select([f"c={text}"]).tolist() == [row for row, found in enumerate(expected) if found]
    unequal = [row for row, found in enumerate(expected) if not found and values[row] is not None]
    assert rows.select([f"c!={text}"]).tolist() == unequal


def any_value(values: list[Any]) -> bool:
    return any(value is not None for value in values)


@given(
    st.lists(st.none() | NUMBERS, min_size=1, max_size=12).filter(any_value), NUMBERS, st.sampled_from(sorted(ORDERS))
)
def test_orders_agree_with_a_naive_comparison(values: list[Any], bound: float, sign: str) -> None:
    expected = [row for row, value in enumerate(values) if value is not None and ORDERS[sign](value, bound)]
    assert selector(values).select([f"c{sign}{bound!r}"]).tolist() == expected


@given(st.text(max_size=30), st.sampled_from(("text", "number", "boolean")))
def test_any_text_is_a_condition_or_refused_with_a_sentence(text: str, kind: Any) -> None:
    for filter_text in (text, "c" + text, "c=" + text, "c>=" + text):
        with suppress(FilterError):  # any other error is a failure
            condition = parse_filter(filter_text, {"c": kind})
            assert condition.column == "c"
            assert condition.values


@given(st.text(max_size=30))
def test_an_id_is_normalised_once_and_for_all(text: str) -> None:
    once = normalise_id(text)
    assert normalise_id(once) == once
    assert all(normalise_id(unicodedata.normalize(form, text)) == once for form in ("NFC", "NFD"))
