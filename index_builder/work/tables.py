"""The tables of the work store.

Those about the folder (`photos`, `unreadable`, `reusable`, `previous`, `metadata`) describe one run and are made anew
by each; `embedded` and `hashed` stay.
"""

import sqlite3
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS embedded (content_sha256 TEXT PRIMARY KEY, vector BLOB NOT NULL, thumbnail BLOB NOT NULL,
    width_px INTEGER NOT NULL, height_px INTEGER NOT NULL, media_type TEXT NOT NULL, perceptual_hash BLOB NOT NULL);
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
DROP TABLE IF EXISTS previous;
CREATE TABLE previous (path TEXT PRIMARY KEY, photo_id TEXT NOT NULL, size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, content_sha256 TEXT NOT NULL) WITHOUT ROWID;
DROP TABLE IF EXISTS metadata;
CREATE TABLE metadata (photo_id TEXT PRIMARY KEY, line INTEGER NOT NULL, json TEXT NOT NULL) WITHOUT ROWID;
CREATE VIEW indexed AS SELECT p.photo_id, p.path, p.size_bytes, p.mtime_ns, p.content_sha256,
    coalesce(e.width_px, r.width_px) AS width_px, coalesce(e.height_px, r.height_px) AS height_px,
    coalesce(e.media_type, r.media_type) AS media_type, coalesce(m.json, '{}') AS metadata,
    e.vector, e.thumbnail, e.perceptual_hash, r.row AS previous_row
    FROM photos AS p LEFT JOIN embedded AS e ON e.content_sha256 = p.content_sha256
    LEFT JOIN reusable AS r ON r.content_sha256 = p.content_sha256 LEFT JOIN metadata AS m ON m.photo_id = p.photo_id
    WHERE p.reason IS NULL AND (e.content_sha256 IS NOT NULL OR r.content_sha256 IS NOT NULL);
CREATE VIEW skipped AS SELECT p.photo_id, p.path, coalesce(p.reason, u.reason) AS reason,
    coalesce(p.sentence, u.sentence) AS sentence
    FROM photos AS p LEFT JOIN unreadable AS u ON u.content_sha256 = p.content_sha256
    WHERE p.reason IS NOT NULL OR u.content_sha256 IS NOT NULL;
"""


def open_tables(path: Path) -> sqlite3.Connection:
    """Opens or makes the database, for use from several threads one at a time; a damaged one is made anew."""
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
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection
