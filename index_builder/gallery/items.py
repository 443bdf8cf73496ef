"""The table of a generation's photos: which photo a row is, what is known about it, which rows match a filter."""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.errors import GalleryError
from index_builder.gallery.filters import RowSelector
from index_builder.gallery.generation_files import open_read_only
from index_builder.gallery.interface import Item

_COLUMNS = "photo_id, path, width_px, height_px, content_sha256, media_type, metadata"


class ItemTable:
    """Reads the items of one generation. Safe to use from several threads at once."""

    def __init__(self, path: Path, *, num_rows: int) -> None:
        """Opens the database of a generation's items.

        Args:
            path: of the file.
            num_rows: how many items its manifest states.

        Raises:
            GalleryError: the file cannot be opened, or is no such database.
        """
        self._lock = threading.Lock()
        self._database = open_read_only(path)
        try:
            (self._end,) = self._database.execute("SELECT coalesce(max(row) + 1, 0) FROM items").fetchone()
            self._selector = RowSelector(self._database, num_rows=num_rows)
        except sqlite3.DatabaseError as error:
            self._database.close()
            raise GalleryError(f"The gallery file {path} is damaged ({error}); build the gallery again.") from error

    def expected_count(self) -> int:
        """Returns the number of items if none is missing."""
        return int(self._end)

    def select(self, filters: Sequence[str]) -> NDArray[np.int64]:
        """Returns the rows that match all of the filters, rising; FilterError when one is wrong."""
        with self._lock:
            return self._selector.select(filters)

    def items(self, photo_ids: Iterable[str], *, root: Path) -> dict[str, Item]:
        """Returns what is known about photos below the folder `root`, by id; unknown ids are left out."""
        query = f"SELECT {_COLUMNS} FROM items WHERE photo_id IN (SELECT value FROM json_each(?))"  # noqa: S608
        return {
            photo_id: Item(photo_id, root / path, width, height, digest, media_type, json.loads(metadata))
            for photo_id, path, width, height, digest, media_type, metadata in self.query(
                query, (json.dumps(list(photo_ids)),)
            )
        }

    def row(self, photo_id: str) -> int | None:
        """The row of a photo; None for an unknown id."""
        found = list(self.query("SELECT row FROM items WHERE photo_id = ?", (photo_id,)))
        return found[0][0] if found else None

    def photos_in(self, rows: list[int]) -> dict[int, tuple[str, dict[str, Any]]]:
        """Row -> photo id and metadata."""
        query = "SELECT row, photo_id, metadata FROM items WHERE row IN (SELECT value FROM json_each(?))"
        found = self.query(query, (json.dumps(rows),))
        return {row: (photo_id, json.loads(metadata)) for row, photo_id, metadata in found}

    def content_sha256(self, row: int) -> str:
        """The hex digest of the photo in a row."""
        ((digest,),) = self.query("SELECT content_sha256 FROM items WHERE row = ?", (row,))
        return str(digest)

    def query(self, sql: str, values: tuple[object, ...] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of a read-only query over the table `items`, fetched in pages."""
        with self._lock:
            cursor = self._database.execute(sql, values)
        while True:
            with self._lock:
                page = cursor.fetchmany(1000)
            if not page:
                return
            yield from page

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._database.close()
