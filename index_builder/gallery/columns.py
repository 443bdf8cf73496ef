"""The columns of what people know about their photos: typed when a generation is written, read when one filters.

A column lies in the items' database as one array over all rows, so that a filter is a comparison of arrays and need
not parse the metadata of every photo. Numbers are float64: whole ones are exact up to 16 digits.
"""

import json
import math
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.ids import normalise_id

ColumnType = Literal["number", "boolean", "text"]
MAX_LISTED_VALUES = 50
MISSING_BOOLEAN = 255
MISSING_TEXT = -1
_SCHEMA = """
CREATE TABLE metadata_columns (name TEXT PRIMARY KEY, type TEXT NOT NULL, data BLOB NOT NULL);
CREATE TABLE metadata_values (name TEXT NOT NULL, value TEXT NOT NULL, code INTEGER NOT NULL,
    PRIMARY KEY (name, value)) WITHOUT ROWID;
"""
_DTYPES: dict[str, Any] = {"number": np.dtype("<f8"), "boolean": np.dtype("u1"), "text": np.dtype("<i4")}


@dataclass(frozen=True)
class Column:
    """One column of the metadata.

    Attributes:
        name: as the person wrote it.
        type: "number" or "boolean" when every value is one, otherwise "text".
        photos: how many photos have a value.
        values: value -> how many photos have it, the most frequent first; None when there are more than fifty.
        minimum: the smallest number; None for other types.
        maximum: the largest number; None for other types.
    """

    name: str
    type: ColumnType
    photos: int
    values: dict[str, int] | None = None
    minimum: float | None = None
    maximum: float | None = None


def write_columns(items: sqlite3.Connection) -> list[Column]:
    """Types the metadata of a generation's items and stores each column as an array.

    Args:
        items: the database of the items, all of them written.

    Returns:
        The columns, in the order of their names.
    """
    items.executescript(_SCHEMA)
    (num_rows,) = items.execute("SELECT count(*) FROM items").fetchone()
    columns = []
    for name, kind in sorted(_types(items).items()):
        stored = items.execute(
            "SELECT row, j.value, j.type FROM items, json_each(metadata) AS j"
            " WHERE j.key = ? AND j.type != 'null' ORDER BY row",
            (name,),
        )
        columns.append(_write_column(items, name, kind, num_rows, stored))
    return columns


def read_columns(items: sqlite3.Connection) -> dict[str, ColumnType]:
    """Returns name -> type of the stored columns."""
    return dict(items.execute("SELECT name, type FROM metadata_columns"))


def read_array(items: sqlite3.Connection, name: str) -> NDArray[Any]:
    """A column's values over all rows: float64 with NaN, uint8 with 255 or int32 codes with -1 for "no value"."""
    kind, data = items.execute("SELECT type, data FROM metadata_columns WHERE name = ?", (name,)).fetchone()
    return np.frombuffer(data, _DTYPES[kind])


def read_codes(items: sqlite3.Connection, name: str, values: Iterable[str]) -> list[int]:
    """The codes of those of the values that a text column holds."""
    query = (
        "SELECT code FROM metadata_values WHERE name = ? AND value IN (SELECT value FROM json_each(?)) ORDER BY code"
    )
    return [code for (code,) in items.execute(query, (name, json.dumps(list(values))))]


def as_text(value: object) -> str:
    """A value as text, as it is listed and compared in a text column: true, 38, 2.5, acme."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e16:
        return str(int(value))
    return str(value)


def typed(kind: ColumnType, value: Any, json_type: str) -> float | bool | str:  # noqa: ANN401  as SQLite reads JSON
    """A value of the metadata as its column holds it.

    Args:
        kind: the column's type.
        value: as SQLite's `json_each` gives it.
        json_type: its type there, such as "true" or "integer".
    """
    if kind == "text":
        return normalise_id(as_text(bool(value) if json_type in ("true", "false") else value))
    return bool(value) if kind == "boolean" else _finite(value)


def _types(items: sqlite3.Connection) -> dict[str, ColumnType]:
    kinds: dict[str, set[str]] = {}
    query = "SELECT DISTINCT key, json_each.type FROM items, json_each(metadata) WHERE json_each.type != 'null'"
    for name, kind in items.execute(query):
        kinds.setdefault(name, set()).add(kind)
    return {name: _type(found) for name, found in kinds.items()}


def _type(json_types: set[str]) -> ColumnType:
    if json_types <= {"integer", "real"}:
        return "number"
    return "boolean" if json_types <= {"true", "false"} else "text"


def _write_column(
    items: sqlite3.Connection, name: str, kind: ColumnType, num_rows: int, stored: Iterator[tuple[int, Any, str]]
) -> Column:
    counts: Counter[Any] = Counter()
    codes: dict[str, int] = {}
    missing = {"number": math.nan, "boolean": MISSING_BOOLEAN, "text": MISSING_TEXT}
    data = np.full(num_rows, missing[kind], _DTYPES[kind])
    for row, value, json_type in stored:
        entry: Any = typed(kind, value, json_type)
        data[row] = codes.setdefault(entry, len(codes)) if kind == "text" else entry
        counts[entry if kind == "text" else value] += 1
    items.execute("INSERT INTO metadata_columns VALUES (?, ?, ?)", (name, kind, data.tobytes()))
    items.executemany(
        "INSERT INTO metadata_values (name, value, code) VALUES (?, ?, ?)",
        ((name, value, code) for value, code in codes.items()),
    )
    return _describe(name, kind, counts)


def _describe(name: str, kind: ColumnType, counts: Counter[Any]) -> Column:
    listed: dict[str, int] | None = None
    if len(counts) <= MAX_LISTED_VALUES:
        ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        listed = {as_text(bool(value) if kind == "boolean" else value): photos for value, photos in ordered}
    numbers = [_finite(value) for value in counts] if kind == "number" else []
    return Column(
        name=name,
        type=kind,
        photos=counts.total(),
        values=listed,
        minimum=min(numbers, default=None),
        maximum=max(numbers, default=None),
    )


def _finite(value: float) -> float:
    """SQLite reads a number that no float holds, such as 1e999, as infinity."""
    return max(-1.7e308, min(1.7e308, float(value)))
