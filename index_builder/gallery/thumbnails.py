"""The thumbnails of one generation, each checked against its own seal when it is read."""

import hashlib
import sqlite3
import threading
from pathlib import Path
from typing import Any

from index_builder.gallery.errors import GalleryError
from index_builder.gallery.generation_files import open_read_only
from index_builder.gallery.manifest import THUMBNAILS

SCHEMA = """CREATE TABLE thumbnails (row INTEGER PRIMARY KEY, image BLOB NOT NULL, perceptual_hash BLOB NOT NULL,
    seal BLOB NOT NULL)"""


def seal_of(image: bytes, content_sha256: str) -> bytes:
    """16 bytes that bind a thumbnail to the photo of that content: of any other pair they differ."""
    return hashlib.blake2b(image, digest_size=16, key=content_sha256.encode()).digest()


class Thumbnails:
    """Reads thumbnails by row. Safe to use from several threads at once."""

    def __init__(self, folder: Path, *, are_sealed: bool) -> None:
        """Opens the thumbnails of a generation's folder.

        Args:
            folder: of the generation.
            are_sealed: False in a generation of an earlier release, which is hashed as a whole instead.
        """
        self._path = folder / THUMBNAILS
        self._are_sealed = are_sealed
        self._lock = threading.Lock()
        self._database = open_read_only(self._path)

    def image(self, row: int, *, content_sha256: str) -> bytes:
        """The thumbnail of a row, a JPEG; a WebP where an earlier release made it.

        Args:
            row: of the index.
            content_sha256: of the photo in that row.

        Raises:
            GalleryError: it is damaged.
        """
        if not self._are_sealed:
            (image,) = self._read("image", row)
            return bytes(image)
        image, seal = self._read("image, seal", row)
        if not isinstance(image, bytes) or seal != seal_of(image, content_sha256):
            raise self._damaged()
        return image

    def perceptual_hash(self, row: int) -> bytes | None:
        """What near-duplicates of a row's photo are found by, 32 bytes; None in a generation of an earlier release."""
        # Quoted names that are no column are text in SQLite, so the table is asked for its columns.
        (columns,) = self._execute("SELECT count(*) FROM pragma_table_info('thumbnails')")
        if columns <= 2:
            return None
        (value,) = self._read("perceptual_hash", row)
        return bytes(value)

    def count(self) -> int:
        """How many there are, counted one by one."""
        return int(self._execute("SELECT count(*) FROM thumbnails")[0])

    def expected_count(self) -> int:
        """How many there are if none is missing, which takes one look."""
        return int(self._execute("SELECT coalesce(max(row) + 1, 0) FROM thumbnails")[0])

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._database.close()

    def _read(self, columns: str, row: int) -> tuple[Any, ...]:
        return self._execute(f"SELECT {columns} FROM thumbnails WHERE row = ?", (row,))  # noqa: S608  named above

    def _execute(self, query: str, values: tuple[object, ...] = ()) -> tuple[Any, ...]:
        try:
            with self._lock:
                found = self._database.execute(query, values).fetchone()
        except sqlite3.DatabaseError as error:
            raise self._damaged() from error
        if found is None:
            raise self._damaged()
        return tuple(found)

    def _damaged(self) -> GalleryError:
        return GalleryError(f"A thumbnail in {self._path} is damaged; build the gallery again.")
