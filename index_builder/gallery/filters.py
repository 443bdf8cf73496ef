"""Filters over the metadata: `brand=acme`, `colour=red,blue`, `price>=10`, `brand!=acme`, `in_stock=true`.

`=` takes one of several values separated by commas, `!=` none of them; a value that holds a comma is put in double
quotes. Numbers can be compared by order, too. A photo without a value in the column matches no filter on it.
"""

import csv
import math
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.columns import (
    MISSING_BOOLEAN,
    MISSING_TEXT,
    ColumnType,
    read_array,
    read_codes,
    read_columns,
)
from index_builder.gallery.errors import FilterError
from index_builder.gallery.ids import normalise_id

MAX_FILTERS = 32
_OPERATORS = (">=", "<=", "!=", "=", ">", "<")  # longest first
_ORDERS: Mapping[str, Callable[[NDArray[Any], float], NDArray[np.bool_]]] = {
    ">=": np.greater_equal,
    "<=": np.less_equal,
    ">": np.greater,
    "<": np.less,
}
_BOOLEANS = {"true": True, "false": False}
_NUM_NAMED = 20
_NUM_REMEMBERED = 8  # while somebody draws, the same filters come again and again


@dataclass(frozen=True)
class Condition:
    """One filter, checked against its column's type; numbers and booleans are parsed."""

    column: str
    type: ColumnType
    operator: str
    values: tuple[Any, ...]


def parse_filter(text: str, columns: Mapping[str, ColumnType]) -> Condition:
    """Reads a filter such as `price>=10`.

    Args:
        text: the filter.
        columns: name -> type of the columns that there are.

    Raises:
        FilterError: it has no comparison, names no column, or compares with what the column's type does not allow.
    """
    column, operator, rest = _split(text, columns)
    kind = columns[column]
    values = _values(text, rest)
    if operator in _ORDERS:
        if kind != "number":
            raise FilterError(
                f"The filter {text!r} compares the {kind} column {column!r} by order; only columns of numbers have "
                "one, use = or !=."
            )
        if len(values) > 1:
            raise FilterError(f"The filter {text!r} compares with {len(values)} values; give one after {operator}.")
    return Condition(column, kind, operator, tuple(_typed(text, column, kind, value) for value in values))


def parse_filters(texts: Sequence[str], columns: Mapping[str, ColumnType]) -> list[Condition]:
    """Reads filters, all of which have to hold; FilterError when one is wrong, or there are too many."""
    if len(texts) > MAX_FILTERS:
        raise FilterError(f"{len(texts)} filters were given; give at most {MAX_FILTERS}.")
    return [parse_filter(text, columns) for text in texts]


class RowSelector:
    """Finds the rows of a generation that match filters. Not safe to use from several threads at once."""

    def __init__(self, items: sqlite3.Connection, *, num_rows: int) -> None:
        """Reads the names of the columns from the items' database; values are read when a filter first needs them."""
        self._items = items
        self._num_rows = num_rows
        self._columns = read_columns(items)
        self._arrays: dict[str, NDArray[Any]] = {}
        self._selected: OrderedDict[tuple[str, ...], NDArray[np.int64]] = OrderedDict()

    def select(self, filters: Sequence[str]) -> NDArray[np.int64]:
        """Returns the rows that match all of the filters, rising; FilterError when one is wrong."""
        key = tuple(filters)
        if key not in self._selected:
            self._selected[key] = self._select(filters)
        self._selected.move_to_end(key)
        while len(self._selected) > _NUM_REMEMBERED:
            self._selected.popitem(last=False)
        return self._selected[key]

    def _select(self, filters: Sequence[str]) -> NDArray[np.int64]:
        matching = np.ones(self._num_rows, np.bool_)
        for condition in parse_filters(filters, self._columns):
            matching &= self._matches(condition)
        return np.flatnonzero(matching)

    def _matches(self, condition: Condition) -> NDArray[np.bool_]:
        data = self._array(condition.column)
        if condition.operator in _ORDERS:
            return np.asarray(_ORDERS[condition.operator](data, condition.values[0]))  # NaN compares as False
        wanted: Sequence[Any] = condition.values
        if condition.type == "text":
            wanted, known = read_codes(self._items, condition.column, condition.values), data != MISSING_TEXT
        else:
            known = ~np.isnan(data) if condition.type == "number" else data != MISSING_BOOLEAN
        found = np.isin(data, np.asarray(wanted, data.dtype))
        return np.asarray(known & (found if condition.operator == "=" else ~found))

    def _array(self, column: str) -> NDArray[Any]:
        if column not in self._arrays:
            self._arrays[column] = read_array(self._items, column)
        return self._arrays[column]


def _split(text: str, columns: Mapping[str, ColumnType]) -> tuple[str, str, str]:
    """Column, operator and the rest. Known names come first: a name may hold an operator itself."""
    for name in sorted(columns, key=len, reverse=True):
        if text.strip().startswith(name):
            rest = text.strip()[len(name) :].lstrip()
            operator = next((each for each in _OPERATORS if rest.startswith(each)), None)
            if operator is not None:
                return name, operator, rest[len(operator) :]
    first = min((text.find(each) for each in _OPERATORS if each in text), default=None)
    if first is None:
        raise FilterError(f"The filter {text!r} compares nothing; write it like brand=acme, size=38,39 or price>=10.")
    if not columns:
        raise FilterError(f"The filter {text!r} needs metadata, and this gallery has none; build it with --metadata.")
    names = ", ".join(sorted(columns)[:_NUM_NAMED]) + (", …" if len(columns) > _NUM_NAMED else "")
    raise FilterError(f"The filter {text!r} names the column {text[:first].strip()!r}; this gallery has: {names}.")


def _values(text: str, rest: str) -> list[str]:
    try:
        values = [value.strip() for value in next(csv.reader([rest], skipinitialspace=True, strict=True), [])]
    except csv.Error as error:
        raise FilterError(
            f"The filter {text!r} is not well quoted ({error}); write it like colour=red,blue."
        ) from error
    if not values or not all(values):
        raise FilterError(f"The filter {text!r} has an empty value; give one, such as brand=acme.")
    return values


def _typed(text: str, column: str, kind: ColumnType, value: str) -> str | float | bool:
    if kind == "text":
        return normalise_id(value)
    if kind == "boolean":
        if value.lower() in _BOOLEANS:
            return _BOOLEANS[value.lower()]
        raise FilterError(f"The filter {text!r} gives {value!r} for the boolean column {column!r}; give true or false.")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise FilterError(f"The filter {text!r} gives {value!r} for the column {column!r} of numbers; give a number.")
    return number
