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

    def __init__(self, folder: Path) -> None:
        """Opens the thumbnails of a generation's folder."""
        self._path = folder / THUMBNAILS
        self._lock = threading.Lock()
        self._database = open_read_only(self._path)

    def image(self, row: int, *, content_sha256: str) -> bytes:
        """The thumbnail of a row, a JPEG.

        Args:
            row: of the index.
            content_sha256: of the photo in that row.

        Raises:
            GalleryError: it is damaged.
        """
        image, seal = self._read("image, seal", row)
        if not isinstance(image, bytes) or seal != seal_of(image, content_sha256):
            raise self._damaged()
        return image

    def perceptual_hash(self, row: int) -> bytes:
        """The 32 bytes by which near-duplicates of a row's photo are found."""
        (value,) = self._read("perceptual_hash", row)
        return bytes(value)

    def count(self) -> int:
        """Counts them one by one."""
        return int(self._execute("SELECT count(*) FROM thumbnails")[0])

    def expected_count(self) -> int:
        """Returns their number if none is missing, which takes one look."""
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
