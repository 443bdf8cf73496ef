"""The builder's memory between runs: one SQLite file that holds what was found and every embedding so far.

A transaction is the unit of loss: what was committed survives a kill, and is never computed again. The tables about
the folder (`photos`, `unreadable`, `reusable`, `past`, `metadata`) describe one run and are made anew by each;
`embedded` and `hashed` stay. Keeping them in a file rather than in memory is what lets a gallery be larger than the
memory.
"""

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index_builder.errors import GalleryError
from index_builder.metadata import MetadataRow
from index_builder.read_photo import PhotoReading
from index_builder.scan import FoundPhoto

COMMIT_EVERY_PHOTOS = 256
_COMMIT_EVERY_SECONDS = 10.0
_PAGE_ROWS = 1000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS embedded (content_sha256 TEXT PRIMARY KEY, vector BLOB NOT NULL, thumbnail BLOB NOT NULL,
    width_px INTEGER NOT NULL, height_px INTEGER NOT NULL, media_type TEXT NOT NULL, perceptual_hash BLOB);
CREATE TABLE IF NOT EXISTS hashed (path TEXT PRIMARY KEY, size_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    content_sha256 TEXT NOT NULL) WITHOUT ROWID;
DROP VIEW IF EXISTS indexed;
DROP VIEW IF EXISTS skipped;
DROP TABLE IF EXISTS photos;
CREATE TABLE photos (photo_id TEXT PRIMARY KEY, path TEXT NOT NULL, size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, content_sha256 TEXT, reason TEXT, sentence TEXT, changed INTEGER NOT NULL DEFAULT 0);
CREATE INDEX photos_by_path ON photos (path);
DROP TABLE IF EXISTS unreadable;
CREATE TABLE unreadable (content_sha256 TEXT PRIMARY KEY, reason TEXT NOT NULL, sentence TEXT NOT NULL);
DROP TABLE IF EXISTS reusable;
CREATE TABLE reusable (content_sha256 TEXT PRIMARY KEY, row INTEGER NOT NULL, width_px INTEGER NOT NULL,
    height_px INTEGER NOT NULL, media_type TEXT NOT NULL) WITHOUT ROWID;
DROP TABLE IF EXISTS past;
CREATE TABLE past (path TEXT PRIMARY KEY, photo_id TEXT NOT NULL, size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, content_sha256 TEXT NOT NULL) WITHOUT ROWID;
DROP TABLE IF EXISTS metadata;
CREATE TABLE metadata (photo_id TEXT PRIMARY KEY, line INTEGER NOT NULL, json TEXT NOT NULL) WITHOUT ROWID;
CREATE VIEW indexed AS SELECT p.photo_id, p.path, p.size_bytes, p.mtime_ns, p.content_sha256,
    coalesce(e.width_px, r.width_px) AS width_px, coalesce(e.height_px, r.height_px) AS height_px,
    coalesce(e.media_type, r.media_type) AS media_type, coalesce(m.json, '{}') AS metadata,
    e.vector, e.thumbnail, e.perceptual_hash, r.row AS past_row
    FROM photos AS p LEFT JOIN embedded AS e ON e.content_sha256 = p.content_sha256
    LEFT JOIN reusable AS r ON r.content_sha256 = p.content_sha256 LEFT JOIN metadata AS m ON m.photo_id = p.photo_id
    WHERE p.reason IS NULL AND (e.content_sha256 IS NOT NULL OR r.content_sha256 IS NOT NULL);
CREATE VIEW skipped AS SELECT p.photo_id, p.path, coalesce(p.reason, u.reason) AS reason,
    coalesce(p.sentence, u.sentence) AS sentence
    FROM photos AS p LEFT JOIN unreadable AS u ON u.content_sha256 = p.content_sha256
    WHERE p.reason IS NOT NULL OR u.content_sha256 IS NOT NULL;
"""


@dataclass(frozen=True)
class PastPhoto:
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
    """What the builder knows. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._claimed: set[str] = set()
        self._uncommitted = 0
        self._last_commit = time.monotonic()
        self._connection = _connect(path)

    def remember(self, past: Iterable[PastPhoto], *, same_root: bool) -> None:
        """Takes over what an earlier generation knows; hashes by path only when the photos folder is the same."""
        with self._lock, self._connection as db:
            for photo in past:
                values = (photo.path, photo.size_bytes, photo.mtime_ns, photo.content_sha256)
                db.execute("INSERT INTO past VALUES (?, ?, ?, ?, ?)", (photo.path, photo.photo_id, *values[1:]))
                if same_root:
                    db.execute("INSERT OR IGNORE INTO hashed VALUES (?, ?, ?, ?)", values)
                if photo.row is not None:
                    entry = (photo.content_sha256, photo.row, photo.width_px, photo.height_px, photo.media_type)
                    db.execute("INSERT OR IGNORE INTO reusable VALUES (?, ?, ?, ?, ?)", entry)

    def past_id(self, path: str) -> str | None:
        """The id that a path had in the earlier generation, or None."""
        with self._lock:
            found = self._connection.execute("SELECT photo_id FROM past WHERE path = ?", (path,)).fetchone()
        return None if found is None else str(found[0])

    def add_photos(self, photos: Iterable[FoundPhoto]) -> None:
        """Notes what the folder holds now; a file with unchanged size and time keeps the hash it had.

        Raises:
            GalleryError: two files get the same id.
        """
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
        """Leaves files that are being written as the earlier generation has them; new ones are left out for now.

        Returns:
            Those of the paths that are photos of this run.
        """
        held = []
        with self._lock, self._connection as db:
            for path in sorted(paths):
                if db.execute("SELECT 1 FROM photos WHERE path = ?", (path,)).fetchone() is None:
                    continue
                held.append(path)
                kept = db.execute(
                    "UPDATE photos SET size_bytes = p.size_bytes, mtime_ns = p.mtime_ns, reason = NULL,"
                    " sentence = NULL, content_sha256 = p.content_sha256 FROM past AS p"
                    " WHERE photos.path = ?1 AND p.path = ?1 AND EXISTS"
                    " (SELECT 1 FROM reusable AS r WHERE r.content_sha256 = p.content_sha256)",
                    (path,),
                )
                if not kept.rowcount:
                    db.execute("DELETE FROM photos WHERE path = ?", (path,))
        return held

    def suspects(self) -> list[tuple[str, int, int, bool]]:
        """The skipped photos: path, size in bytes and time of change as read, whether that differs from the scan."""
        with self._lock:
            query = "SELECT path, size_bytes, mtime_ns, changed FROM photos JOIN skipped USING (photo_id, path)"
            return [
                (path, size, mtime, bool(changed)) for path, size, mtime, changed in self._connection.execute(query)
            ]

    def add_metadata(self, rows: Iterable[tuple[MetadataRow, str]]) -> None:
        """Notes what is known about photos, each row with its values as JSON.

        Raises:
            GalleryError: an id is repeated; names both lines.
        """
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
            if reading.content_sha256 is None:
                assert reading.problem is not None
                self._connection.execute(
                    "UPDATE photos SET reason = ?, sentence = ?, content_sha256 = NULL WHERE path = ?",
                    (reading.problem.reason, reading.problem.sentence, reading.path),
                )
            else:
                self._record_content(reading, reading.content_sha256, vector)
            self._uncommitted += 1
            is_late = time.monotonic() > self._last_commit + _COMMIT_EVERY_SECONDS
            if is_late or self._uncommitted >= COMMIT_EVERY_PHOTOS:
                self.commit()

    def _record_content(self, reading: PhotoReading, digest: str, vector: NDArray[np.float32] | None) -> None:
        db, decoded, problem = self._connection, reading.decoded, reading.problem
        status = (reading.size_bytes, reading.mtime_ns, digest)
        db.execute("INSERT OR REPLACE INTO hashed VALUES (?, ?, ?, ?)", (reading.path, *status))
        db.execute(
            "UPDATE photos SET changed = (size_bytes, mtime_ns) IS NOT (?1, ?2), size_bytes = ?1, mtime_ns = ?2,"
            " content_sha256 = ?3 WHERE path = ?4",
            (*status, reading.path),
        )
        if problem is not None:
            db.execute("INSERT INTO unreadable VALUES (?, ?, ?)", (digest, problem.reason, problem.sentence))
            self._claimed.discard(digest)
        elif decoded is not None and vector is not None:
            size = (decoded.width_px, decoded.height_px)
            kept = (decoded.thumbnail, *size, decoded.media_type, decoded.perceptual_hash)
            db.execute("INSERT INTO embedded VALUES (?, ?, ?, ?, ?, ?, ?)", (digest, vector.tobytes(), *kept))
            self._claimed.discard(digest)

    def commit(self) -> None:
        """Makes everything recorded so far survive a kill."""
        with self._lock:
            self._connection.commit()
            self._uncommitted, self._last_commit = 0, time.monotonic()

    @property
    def database(self) -> sqlite3.Connection:
        """The connection, for queries over what is recorded; the views `indexed` and `skipped` are made for them."""
        return self._connection

    def close(self) -> None:
        """Commits and closes."""
        with self._lock:
            self._connection.commit()
            self._connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    try:
        return _open_schema(path)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        # A damaged file holds nothing that cannot be computed again.
        for leftover in path.parent.glob(path.name + "*"):
            leftover.unlink()
        return _open_schema(path)


def _open_schema(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # a kill loses nothing; a power cut at most the last commits
        connection.executescript(_SCHEMA)
        if "perceptual_hash" not in {row[1] for row in connection.execute("PRAGMA table_info(embedded)")}:
            connection.execute("ALTER TABLE embedded ADD COLUMN perceptual_hash BLOB")  # left by an earlier release
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection
