"""Keeps the results of some photos until they are written together, which is much faster than one by one."""

import sqlite3

import numpy as np
from numpy.typing import NDArray

from index_builder.photos.read import PhotoReading


class PendingRows:
    """Rows for the tables of the work store. Not safe to use from several threads at once."""

    def __init__(self) -> None:
        self._unread: list[tuple[str, str, str]] = []
        self._hashed: list[tuple[str, int, int, str]] = []
        self._unreadable: list[tuple[str, str, str]] = []
        self._embedded: list[tuple[str, bytes, bytes, int, int, str, bytes]] = []

    def __len__(self) -> int:
        return len(self._unread) + len(self._hashed)

    def add(self, reading: PhotoReading, vector: NDArray[np.float32] | None) -> None:
        """Adds a photo: with a new embedding, (D,), or with known content, or with a problem."""
        digest, decoded, problem = reading.content_sha256, reading.decoded, reading.problem
        if digest is None:
            assert problem is not None
            self._unread.append((problem.reason, problem.sentence, reading.path))
            return
        self._hashed.append((reading.path, reading.size_bytes, reading.mtime_ns, digest))
        if problem is not None:
            self._unreadable.append((digest, problem.reason, problem.sentence))
        elif decoded is not None and vector is not None:
            size = (decoded.width_px, decoded.height_px)
            # Not `decoded` itself: it holds the encoder's input, fifty times as much as is kept.
            kept = (decoded.thumbnail, *size, decoded.media_type, decoded.perceptual_hash)
            self._embedded.append((digest, vector.tobytes(), *kept))

    def contents(self) -> set[str]:
        """The hashes of the contents of which something is known now."""
        return {row[0] for row in self._unreadable} | {row[0] for row in self._embedded}

    def write(self, database: sqlite3.Connection) -> None:
        """Writes the rows; the caller commits."""
        database.executemany(
            "UPDATE photos SET reason = ?, sentence = ?, content_sha256 = NULL WHERE path = ?", self._unread
        )
        database.executemany("INSERT OR REPLACE INTO hashed VALUES (?, ?, ?, ?)", self._hashed)
        database.executemany(
            "UPDATE photos SET changed = (size_bytes, mtime_ns) IS NOT (?2, ?3), size_bytes = ?2, mtime_ns = ?3,"
            " content_sha256 = ?4 WHERE path = ?1",
            self._hashed,
        )
        database.executemany("INSERT INTO unreadable VALUES (?, ?, ?)", self._unreadable)
        database.executemany("INSERT INTO embedded VALUES (?, ?, ?, ?, ?, ?, ?)", self._embedded)
