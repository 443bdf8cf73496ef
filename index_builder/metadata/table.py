"""Reads what people know about their photos: a CSV or JSONL file with a photo_id per row, values typed."""

import csv
import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from index_builder.gallery.errors import GalleryError
from index_builder.gallery.ids import normalise_id
from index_builder.metadata.column_types import ColumnKinds
from index_builder.work.metadata_row import MetadataRow

_ID = "photo_id"


def read_metadata(path: Path, *, say: Callable[[str], None] = lambda _: None) -> Iterator[MetadataRow]:
    """Reads a metadata file row by row.

    CSV: the first line names the columns; a column becomes integers, floats or booleans (true, false) when every
    filled cell of it is one. Empty cells, empty rows and columns without a name are left out. JSONL: one object a
    line, whose values keep their JSON type.

    Args:
        path: a .csv, .jsonl or .ndjson file in UTF-8.
        say: told, once for each column of a CSV, which few cells make it text that would be one of numbers.

    Yields:
        The rows, in the file's order. Whether an id is repeated or unknown is not checked here.

    Raises:
        GalleryError: the file cannot be read, has no photo_id, or a line of it is malformed; names the line.
    """
    suffix = path.suffix.lower()
    if suffix == ".csv":
        yield from _read_csv(path, say)
    elif suffix in (".jsonl", ".ndjson"):
        yield from _read_jsonl(path)
    else:
        raise GalleryError(f"The metadata file {path} has the extension {suffix!r}; expected .csv or .jsonl.")


def _read_csv(path: Path, say: Callable[[str], None]) -> Iterator[MetadataRow]:
    # Two passes, so that memory does not grow with the file: the types of the columns first, then the rows.
    kinds = ColumnKinds()
    for line, cells in _csv_rows(path):
        del cells[_ID]
        kinds.note(line, cells)
    for odd in kinds.odd_cells():
        say(odd.sentence())
    for line, cells in _csv_rows(path):
        photo_id = _checked_id(cells.pop(_ID), path, line)
        yield MetadataRow(line, photo_id, {name: kinds.typed(name, cell) for name, cell in cells.items() if cell})


def _csv_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    with _opened(path) as stream:
        reader = csv.reader(stream, strict=True)
        try:
            header = [name.strip() for name in next(reader, [])]
            _check_header(header, path)
            for cells in reader:
                if not any(map(str.strip, cells)):
                    continue  # spreadsheets write empty rows, too
                if len(cells) != len(header):
                    _refuse(path, reader.line_num, f"has {len(cells)} cells, expected {len(header)}")
                row = zip(header, cells, strict=True)
                yield reader.line_num, {name: cell.strip() for name, cell in row if name}
        except csv.Error as error:
            _refuse(path, reader.line_num, f"is not valid CSV ({error})")


def _check_header(header: list[str], path: Path) -> None:
    if any(";" in name and _ID in name.split(";") for name in header):
        raise GalleryError(
            f"The metadata file {path} separates its columns by semicolons, as spreadsheets do in some languages; save "
            "it with commas."
        )
    if _ID not in header:
        raise GalleryError(
            f"The metadata file {path} has no column {_ID} in its first line (it has: "
            f"{', '.join(header) or 'nothing'}); name the column of ids so, and separate columns by commas."
        )
    named = [name for name in header if name]
    if len(set(named)) < len(named):
        raise GalleryError(f"The metadata file {path} has repeated columns ({', '.join(named)}); name each otherwise.")


def _read_jsonl(path: Path) -> Iterator[MetadataRow]:
    with _opened(path) as stream:
        for line, text in enumerate(stream, start=1):
            if text.strip():
                values = _parse_object(text, path, line)
                yield MetadataRow(line, _checked_id(values.pop(_ID, None), path, line), values)


def _parse_object(text: str, path: Path, line: int) -> dict[str, Any]:
    try:
        values = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        _refuse(path, line, f"is not valid JSON ({error})")
    if not isinstance(values, dict):
        _refuse(path, line, "is not a JSON object")
    if "\\u" in text and any(map(_is_half, (*values, *values.values()))):
        _refuse(path, line, "has an escape such as \\ud800 by itself, half of a surrogate pair and no character")
    for name, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            _refuse(path, line, f"has as {name!r} a number beyond ±1.8e308, the largest that can be kept")
        if isinstance(value, dict | list):
            _refuse(
                path, line, f"has a list or an object as {name!r}, expected a string, a number, true, false or null"
            )
    return values


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")


def _is_half(value: object) -> bool:
    return isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value)


def _checked_id(value: object, path: Path, line: int) -> str:
    if not isinstance(value, str) or not value:
        _refuse(path, line, f"has no {_ID}, or one that is not a string")
    return normalise_id(value)


def _refuse(path: Path, line: int, what: str) -> NoReturn:
    raise GalleryError(f"Line {line} of the metadata file {path} {what}; correct the line.")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:  # -sig: spreadsheets write a byte order mark
            yield stream
    except OSError as error:
        raise GalleryError(f"The metadata file {path} cannot be read ({error.strerror}); check the path.") from error
    except UnicodeDecodeError as error:
        raise GalleryError(f"The metadata file {path} is not UTF-8 text ({error}); save it as UTF-8.") from error
