"""Checks that a collection holds what its generation states: counts it, and lets photos find themselves."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.errors import GalleryError
from index_builder.gallery.milvus.connection import WRITE_SECONDS, MilvusConnection
from index_builder.gallery.milvus.schema import ROW, VECTOR
from index_builder.gallery.milvus.search import MilvusIndex

_NUM_PROBES = 256
_SCORE_TOLERANCE = 1e-5


def check_collection(
    connection: MilvusConnection,
    collection: str,
    index: MilvusIndex,
    *,
    size: int,
    made: Callable[[int], NDArray[np.float32]] | None = None,
) -> None:
    """Compares a loaded collection with what it should hold.

    Args:
        connection: to its Milvus.
        collection: its name.
        index: searches it.
        size: how many photos it should hold.
        made: row -> the embedding that was made for it, (D,) float32, where that is known; else the stored one.

    Raises:
        GalleryError: the count differs, or a photo finds neither itself nor one that scores as much.
        GalleryUnavailableError: Milvus does not answer.
    """
    (counted,) = connection.call(
        "query",
        collection,
        filter="",
        output_fields=["count(*)"],
        consistency_level="Strong",
        seconds=WRITE_SECONDS,
    )
    if counted["count(*)"] != size:
        raise GalleryError(
            f"The collection {collection} holds {counted['count(*)']:,} photos, expected {size:,}; build again."
        )
    for row in range(0, size, max(1, size // _NUM_PROBES)):
        stored = _stored(connection, collection, row)
        vector = stored if made is None else made(row)
        scores, rows = index.search(vector, 1)
        own = float(vector @ stored)
        if rows[0] != row and abs(float(scores[0]) - own) > _SCORE_TOLERANCE:
            raise GalleryError(
                f"The photo in row {row} of collection {collection} does not find itself: row {rows[0]} scores "
                f"{scores[0]:.6f}, itself {own:.6f}; build again."
            )


def _stored(connection: MilvusConnection, collection: str, row: int) -> NDArray[np.float32]:
    found = connection.read("query", collection, filter=f"{ROW} == {row}", output_fields=[VECTOR])
    if len(found) != 1:
        raise GalleryError(f"The collection {collection} holds row {row} {len(found)} times, expected once.")
    return np.array(found[0][VECTOR], np.float32)
