"""The builder's memory between runs: one SQLite file that holds what was found and every embedding so far.

A transaction is the unit of loss: what was committed survives a kill, and is never computed again. Keeping all of it
in a file rather than in memory is what lets a gallery be larger than the memory.
"""

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.errors import GalleryError
from index_builder.gallery.ids import normalise_id
from index_builder.photos.read import PhotoReading
from index_builder.photos.scan import FINAL, FoundPhoto
from index_builder.work.metadata_row import MetadataRow
from index_builder.work.pending_rows import PendingRows
from index_builder.work.tables import open_tables

COMMIT_EVERY_PHOTOS = 256
_COMMIT_EVERY_SECONDS = 10.0
_PAGE_ROWS = 1000


@dataclass(frozen=True)
class PreviousPhoto:
    """A photo of an earlier generation, whose id, hash and embedding may still hold.

    Attributes:
        photo_id: which its path keeps.
        row: in that generation's index; None when its embedding was made by another bundle and only the hash holds.
    """

    photo_id: str
    path: str
    size_bytes: int
    mtime_ns: int
    content_sha256: str
    row: int | None
    width_px: int
    height_px: int
    media_type: str


class WorkStore:
    """Keeps what the builder knows. Safe to use from several threads.

    Attributes:
        warnings: path -> what is wrong with a photo that was read in this run all the same.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._claimed: set[str] = set()
        self._pending_rows = PendingRows()
        self.warnings: dict[str, str] = {}
        self._last_commit = time.monotonic()
        self._connection = open_tables(path)

    def remember(self, previous: Iterable[PreviousPhoto], *, same_root: bool) -> None:
        """Takes over what an earlier generation knows; hashes by path only when the photos folder is the same."""
        with self._lock, self._connection as db:
            for photo in previous:
                values = (photo.path, photo.size_bytes, photo.mtime_ns, photo.content_sha256)
                db.execute("INSERT INTO previous VALUES (?, ?, ?, ?, ?)", (photo.path, photo.photo_id, *values[1:]))
                if same_root:
                    db.execute("INSERT OR IGNORE INTO hashed VALUES (?, ?, ?, ?)", values)
                if photo.row is not None:
                    entry = (photo.content_sha256, photo.row, photo.width_px, photo.height_px, photo.media_type)
                    db.execute("INSERT OR IGNORE INTO reusable VALUES (?, ?, ?, ?, ?)", entry)

    def previous_id(self, path: str) -> str | None:
        """The id that a path had in the earlier generation, or None."""
        with self._lock:
            found = self._connection.execute("SELECT photo_id FROM previous WHERE path = ?", (path,)).fetchone()
        return None if found is None else str(found[0])

    def previous_below(self, folder: str) -> list[tuple[str, str]]:
        """Path and id of the photos that the earlier generation had below a folder, which ends in "/"."""
        with self._lock:
            query = "SELECT path, photo_id FROM previous WHERE substr(path, 1, length(?1)) = ?1 ORDER BY path"
            return self._connection.execute(query, (folder,)).fetchall()

    def add_photos(self, photos: Iterable[FoundPhoto]) -> None:
        """Notes what the folder holds now; a file with unchanged size and time keeps the hash it had."""
        with self._lock, self._connection as db:
            for photo in photos:
                reason = photo.problem.reason if photo.problem else None
                sentence = photo.problem.sentence if photo.problem else None
                values = (photo.photo_id, photo.path, photo.size_bytes, photo.mtime_ns, reason, sentence)
                try:
                    db.execute("INSERT INTO photos VALUES (?, ?, ?, ?, NULL, ?, ?, 0)", values)
                except sqlite3.IntegrityError as error:
                    raise GalleryError(
                        f"Two photos get the id {photo.photo_id!r}, one of them {photo.path!r}: their folders differ "
                        "only in the Unicode form of the name; rename one."
                    ) from error
            db.execute(
                "UPDATE photos SET content_sha256 = hashed.content_sha256 FROM hashed WHERE photos.path = hashed.path"
                " AND photos.size_bytes = hashed.size_bytes AND photos.mtime_ns = hashed.mtime_ns AND reason IS NULL"
            )

    def hold(self, paths: Iterable[str]) -> list[str]:
        """Leaves files that are being written as the earlier generation has them, new ones out; returns those found."""
        held = []
        with self._lock, self.database as db:
            for path in sorted(paths):
                if db.execute("SELECT 1 FROM photos WHERE path = ?", (path,)).fetchone() is None:
                    continue
                held.append(path)
                kept = db.execute(
                    "UPDATE photos SET size_bytes = p.size_bytes, mtime_ns = p.mtime_ns, reason = NULL,"
                    " sentence = NULL, content_sha256 = p.content_sha256 FROM previous AS p"
                    " WHERE photos.path = ?1 AND p.path = ?1 AND EXISTS"
                    " (SELECT 1 FROM reusable AS r WHERE r.content_sha256 = p.content_sha256)",
                    (path,),
                )
                if not kept.rowcount:
                    db.execute("DELETE FROM photos WHERE path = ?", (path,))
        return held

    def suspects(self) -> list[tuple[str, int, int, bool]]:
        """The skipped photos: path, size in bytes and time of change as read, whether that differs from the scan.

        Without those that no writing can make a photo, of which the scan knows neither size nor time.
        """
        with self._lock:
            query = "SELECT path, size_bytes, mtime_ns, changed, s.reason FROM photos JOIN skipped AS s"
            rows = self.database.execute(f"{query} USING (photo_id, path)").fetchall()
        return [(path, size, mtime, bool(changed)) for path, size, mtime, changed, why in rows if why not in FINAL]

    def add_metadata(self, rows: Iterable[tuple[MetadataRow, str]]) -> None:
        """Notes metadata rows with their values as JSON; GalleryError, naming both lines, when an id is repeated."""
        with self._lock, self._connection as db:
            for row, text in rows:
                try:
                    db.execute("INSERT INTO metadata VALUES (?, ?, ?)", (row.photo_id, row.line, text))
                except sqlite3.IntegrityError as error:
                    first = db.execute("SELECT line FROM metadata WHERE photo_id = ?", (row.photo_id,)).fetchone()
                    raise GalleryError(
                        f"Line {row.line} of the metadata repeats the photo_id {row.photo_id!r} of line {first[0]}; "
                        "keep one line per photo."
                    ) from error

    def match_paths(self) -> None:
        """Gives rows whose id is a photo's path to that photo; GalleryError when two lines are about one photo."""
        # Paths are spelled as the file system does, ids are not.
        with self._lock, self._connection as db:
            db.create_function("normalise_id", 1, normalise_id, deterministic=True)
            db.executescript(
                "CREATE TEMP TABLE spelled (path TEXT PRIMARY KEY, photo_id TEXT);"
                "INSERT OR IGNORE INTO spelled SELECT normalise_id(path), photo_id FROM photos ORDER BY photo_id;"
                "CREATE TEMP TABLE matched AS SELECT coalesce(s.photo_id, m.photo_id) AS photo_id, m.line, m.json,"
                " m.photo_id AS given FROM metadata AS m LEFT JOIN spelled AS s ON s.path = m.photo_id;"
                "CREATE INDEX matched_by_id ON matched (photo_id)"
            )
            twice = db.execute(
                "SELECT b.line, b.given, a.line, a.given FROM matched AS a JOIN matched AS b USING (photo_id)"
                " WHERE a.line < b.line ORDER BY b.line LIMIT 1"
            ).fetchone()
            if twice is not None:
                raise GalleryError(
                    f"Lines {twice[0]} and {twice[2]} of the metadata, {twice[1]!r} and {twice[3]!r}, are about one "
                    "photo; keep one of them."
                )
            db.executescript(
                "DELETE FROM metadata; INSERT INTO metadata SELECT photo_id, line, json FROM matched;"
                "DROP TABLE matched; DROP TABLE spelled"
            )

    def pending(self) -> Iterator[str]:
        """Paths of the photos that still have to be read, in the order of their ids."""
        last = ""
        while True:
            # In pages, so that no cursor stays open over a table that changes under it.
            with self._lock:
                page = self._connection.execute(
                    "SELECT photo_id, path FROM photos AS p WHERE photo_id > ? AND reason IS NULL"
                    " AND NOT EXISTS (SELECT 1 FROM embedded AS e WHERE e.content_sha256 = p.content_sha256)"
                    " AND NOT EXISTS (SELECT 1 FROM reusable AS r WHERE r.content_sha256 = p.content_sha256)"
                    " ORDER BY photo_id LIMIT ?",
                    (last, _PAGE_ROWS),
                ).fetchall()
            if not page:
                return
            yield from (path for _, path in page)
            last = page[-1][0]

    def is_unchanged(self, reading: PhotoReading) -> bool:
        """True if the photo, read by this or another run, has the size and time of the file that is there."""
        with self._lock:
            found = self._connection.execute(
                "SELECT 1 FROM photos WHERE path = ? AND size_bytes = ? AND mtime_ns = ? AND reason IS NULL",
                (reading.path, reading.size_bytes, reading.mtime_ns),
            ).fetchone()
        return found is not None

    def claim(self, content_sha256: str) -> bool:
        """Answers True once for content that nobody has embedded, is embedding, or has found unreadable."""
        with self._lock:
            if content_sha256 in self._claimed:
                return False
            known = self._connection.execute(
                "SELECT 1 FROM embedded WHERE content_sha256 = ?1 UNION ALL SELECT 1 FROM reusable WHERE content_sha256"
                " = ?1 UNION ALL SELECT 1 FROM unreadable WHERE content_sha256 = ?1",
                (content_sha256,),
            ).fetchone()
            if known is None:
                self._claimed.add(content_sha256)
            return known is None

    def record(self, reading: PhotoReading, vector: NDArray[np.float32] | None = None) -> None:
        """Notes what became of a photo: a new embedding, known content, or a problem."""
        with self._lock:
            self._pending_rows.add(reading, vector)
            if reading.decoded is not None and reading.decoded.warning:
                self.warnings[reading.path] = reading.decoded.warning
            is_late = time.monotonic() > self._last_commit + _COMMIT_EVERY_SECONDS
            if is_late or len(self._pending_rows) >= COMMIT_EVERY_PHOTOS:
                self.commit()

    def commit(self) -> None:
        """Writes everything recorded so far; from then on it survives a kill."""
        with self._lock:
            with self._connection as db:
                self._pending_rows.write(db)
            self._claimed -= self._pending_rows.contents()
            self._pending_rows = PendingRows()
            self._last_commit = time.monotonic()

    @property
    def database(self) -> sqlite3.Connection:
        """The connection, for queries over what is recorded; the views `indexed` and `skipped` are made for them."""
        self.commit()
        return self._connection

    def close(self) -> None:
        """Commits and closes."""
        with self._lock, closing(self._connection):
            self.commit()
