"""Writes the files of one generation from what the work store holds. Row numbers follow the order of the photo ids.

The index is a plain flat one and an item's row is its number in it. A generation never changes once it is published:
photos are added and removed by writing the next generation from stored embeddings, not by editing an index, so ids
inside the index need not outlive it. That keeps every index family possible (HNSW cannot remove), maps straight from
disk, and needs no id table in memory.
"""

import json
import sqlite3
from array import array
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.columns import Column, write_columns
from index_builder.gallery.generation_files import write_index
from index_builder.gallery.manifest import ERRORS, INDEX, ITEMS, THUMBNAILS, Duplicates
from index_builder.gallery.thumbnails import SCHEMA as THUMBNAILS_SCHEMA
from index_builder.gallery.thumbnails import seal_of
from index_builder.photos.near_duplicates import HASH_BYTES, near_duplicate_groups
from index_builder.publishing.previous import PreviousGeneration
from index_builder.work.queries import MAX_DUPLICATE_GROUPS, write_errors

_CHUNK_ROWS = 1024
_ITEMS_SCHEMA = """CREATE TABLE items (row INTEGER PRIMARY KEY, photo_id TEXT NOT NULL UNIQUE, path TEXT NOT NULL,
    size_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, width_px INTEGER NOT NULL, height_px INTEGER NOT NULL,
    media_type TEXT NOT NULL, content_sha256 TEXT NOT NULL, metadata TEXT NOT NULL)"""
_SELECT_ITEMS = """SELECT photo_id, path, size_bytes, mtime_ns, width_px, height_px, media_type, content_sha256,
    metadata, vector, thumbnail, perceptual_hash, previous_row FROM indexed ORDER BY photo_id"""


def find_near_duplicates(folder: Path) -> Duplicates:
    """The photos of a generation that look like one of other content; of equal content one is taken."""
    rows, hashes = array("q"), bytearray()
    with closing(sqlite3.connect(folder / ITEMS)) as database:
        database.execute("ATTACH ? AS images", (str(folder / THUMBNAILS),))
        entries = database.execute(
            "SELECT min(row), perceptual_hash FROM items JOIN images.thumbnails USING (row)"
            " GROUP BY content_sha256 ORDER BY 1"
        )
        for row, perceptual in entries:
            rows.append(row)
            hashes += perceptual
        groups = near_duplicate_groups(np.frombuffer(hashes, np.uint8).reshape(-1, HASH_BYTES))
        named = [_photo_ids(database, [rows[entry] for entry in group]) for group in groups[:MAX_DUPLICATE_GROUPS]]
    return Duplicates(sum(len(group) - 1 for group in groups), named)


def _photo_ids(database: sqlite3.Connection, rows: list[int]) -> list[str]:
    query = "SELECT photo_id FROM items WHERE row IN (SELECT value FROM json_each(?)) ORDER BY row"
    return [photo_id for (photo_id,) in database.execute(query, (json.dumps(rows),))]


def write_generation(
    database: sqlite3.Connection, folder: Path, *, previous: PreviousGeneration | None, dimension: int
) -> list[Column]:
    """Writes index, items, thumbnails and errors into an empty folder; the manifest is not written here.

    Args:
        database: of the work store, after every photo was recorded.
        folder: exists and is empty.
        previous: where the embeddings of unchanged photos come from.
        dimension: D.

    Returns:
        The columns of the metadata.
    """
    index = faiss.IndexFlatIP(dimension)
    with closing(_new_database(folder / ITEMS)) as items, closing(_new_database(folder / THUMBNAILS)) as thumbnails:
        items.execute(_ITEMS_SCHEMA)
        thumbnails.execute(THUMBNAILS_SCHEMA)
        first_row = 0
        for chunk in _chunks(database):
            rows = range(first_row, first_row + len(chunk))
            vectors, images, hashes = zip(*(_stored(entry, previous, dimension) for entry in chunk), strict=True)
            index.add(np.stack(vectors))
            items.executemany(
                "INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                ((row, *entry[:9]) for row, entry in zip(rows, chunk, strict=True)),
            )
            seals = (seal_of(image, entry[7]) for image, entry in zip(images, chunk, strict=True))
            kept = zip(rows, images, hashes, seals, strict=True)
            thumbnails.executemany("INSERT INTO thumbnails VALUES (?, ?, ?, ?)", kept)
            first_row += len(chunk)
        columns = write_columns(items)
        items.execute("CREATE INDEX items_by_content ON items (content_sha256)")
        items.commit()
        thumbnails.commit()
    write_index(index, folder / INDEX)
    write_errors(database, folder / ERRORS)
    return columns


def _stored(
    entry: tuple[Any, ...], previous: PreviousGeneration | None, dimension: int
) -> tuple[NDArray[np.float32], bytes, bytes]:
    """The embedding (D,), the thumbnail and the perceptual hash of one row of `_SELECT_ITEMS`."""
    vector, thumbnail, known_hash, previous_row = entry[9:]
    if vector is None:
        assert previous is not None
        values, thumbnail = previous.embedding(previous_row), previous.thumbnail(previous_row)
        known_hash = previous.perceptual_hash(previous_row)
    else:
        values = np.frombuffer(vector, np.float32)
    assert values.shape == (dimension,)
    return values, thumbnail, known_hash


def _chunks(database: sqlite3.Connection) -> Iterator[list[tuple[Any, ...]]]:
    cursor = database.execute(_SELECT_ITEMS)
    while chunk := cursor.fetchmany(_CHUNK_ROWS):
        yield chunk


def _new_database(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    # The folder is thrown away if writing it is interrupted, and is flushed to disk as a whole before it is published.
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    return connection
