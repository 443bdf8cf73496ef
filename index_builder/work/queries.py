"""Asks the work store, once everything is recorded: how many photos, which repeat another, which are skipped."""

import hashlib
import json
import sqlite3
from pathlib import Path

from index_builder.gallery.manifest import Counts, Duplicates

MAX_DUPLICATE_GROUPS = 100


def count_photos(database: sqlite3.Connection) -> Counts:
    """Counts the photos that were found, can be indexed and are skipped."""
    numbers = database.execute(
        "SELECT (SELECT count(*) FROM photos), (SELECT count(*) FROM indexed), (SELECT count(*) FROM skipped)"
    ).fetchone()
    return Counts(*numbers)


def find_duplicates(database: sqlite3.Connection) -> Duplicates:
    """The photos whose content repeats that of another."""
    indexed, contents = database.execute("SELECT count(*), count(DISTINCT content_sha256) FROM indexed").fetchone()
    groups = database.execute(
        "SELECT json_group_array(photo_id) FROM (SELECT photo_id, content_sha256 FROM indexed ORDER BY photo_id)"
        " GROUP BY content_sha256 HAVING count(*) > 1 ORDER BY min(photo_id) LIMIT ?",
        (MAX_DUPLICATE_GROUPS,),
    )
    return Duplicates(indexed - contents, [sorted(json.loads(group)) for (group,) in groups])


def digest_content(database: sqlite3.Connection, **facts: str) -> str:
    """Hex sha256 over all that a generation would answer: its items, what was skipped, and the given facts."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    queries = (
        "SELECT photo_id, path, content_sha256, metadata FROM indexed ORDER BY photo_id",
        "SELECT path, reason, sentence FROM skipped ORDER BY photo_id",
    )
    for query in queries:
        for row in database.execute(query):
            digest.update(json.dumps(row).encode())
        digest.update(b"\n")
    return digest.hexdigest()


def write_errors(database: sqlite3.Connection, path: Path) -> None:
    """Lists the skipped photos, one JSON object a line: photo (its path), reason (a slug), sentence."""
    with path.open("w", encoding="utf-8") as stream:
        for photo, reason, sentence in database.execute("SELECT path, reason, sentence FROM skipped ORDER BY photo_id"):
            line = {"photo": photo, "reason": reason, "sentence": sentence}
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")
