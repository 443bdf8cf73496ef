"""One generation of a gallery in Milvus, opened for reading. Photos and thumbnails stay files: see docs/SCALING.md."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.errors import GalleryError
from index_builder.gallery.filters import parse_filters
from index_builder.gallery.interface import Closing, Hit, Item, checked_query
from index_builder.gallery.manifest import Manifest
from index_builder.gallery.milvus.check_collection import check_collection
from index_builder.gallery.milvus.connection import READ_SECONDS, WRITE_SECONDS, MilvusConnection
from index_builder.gallery.milvus.expressions import expression
from index_builder.gallery.milvus.schema import (
    ITEM_FIELDS,
    KEY,
    PHOTO_ID,
    ROW,
    VECTOR,
    column_fields,
    item_metadata,
    photo_key,
    read_facts,
)
from index_builder.gallery.milvus.search import MAX_RESULTS, MilvusIndex, MilvusSelection
from index_builder.gallery.thumbnails import Thumbnails

_NUM_REMEMBERED = 8  # while somebody draws, the same filters come again and again


class MilvusGallery(Closing):
    """A collection that holds one generation. It never changes, and may be used from several threads at once."""

    device = "milvus"

    def __init__(self, connection: MilvusConnection, collection: str) -> None:
        """Opens a collection; `MilvusSource` is the usual way.

        Args:
            connection: to the Milvus that holds it; stays the caller's to close.
            collection: its name.

        Raises:
            GalleryUnavailableError: Milvus does not answer.
            GalleryError: the collection is not one of ours, or its folder cannot be read here.
        """
        where = f"{collection} in Milvus"
        described = connection.call("describe_collection", collection, seconds=READ_SECONDS)
        facts = read_facts(described["properties"], where=where)
        connection.call("load_collection", collection, seconds=WRITE_SECONDS)
        self.manifest: Manifest = facts.manifest
        self.generation = self.manifest.generation
        self.size = self.manifest.count
        self.dimension = self.manifest.dimension
        self.columns = self.manifest.columns
        self._connection = connection
        self._collection = collection
        self._fields = column_fields(self.columns)
        self._types = {column.name: column.type for column in self.columns}
        self._photos_root = Path(self.manifest.photos_root)
        self._lock = threading.Lock()
        self._selections: OrderedDict[tuple[str, ...], MilvusSelection] = OrderedDict()
        self.index = MilvusIndex(connection, collection, size=self.size, tuning=self.manifest.tuning)
        self._thumbnails = _open_thumbnails(facts.folder, where)

    def select(self, filters: Sequence[str]) -> MilvusSelection | None:
        """Counts the photos that match all of the filters; None, for all photos, without any."""
        if not filters:
            return None
        key = tuple(filters)
        with self._lock:
            known = self._selections.get(key)
        if known is None:
            text = expression(parse_filters(filters, self._types), self._fields)
            (counted,) = self._connection.read("query", self._collection, filter=text, output_fields=["count(*)"])
            known = MilvusSelection(text, int(counted["count(*)"]))
        with self._lock:
            self._selections[key] = known
            self._selections.move_to_end(key)
            while len(self._selections) > _NUM_REMEMBERED:
                self._selections.popitem(last=False)
        return known

    def search(self, embedding: NDArray[np.float32], *, k: int, rows: MilvusSelection | None = None) -> list[Hit]:
        """Finds the photos nearest to a query, as `PhotoGallery.search` says; k may be at most MAX_RESULTS."""
        query = checked_query(embedding, k=k, dimension=self.dimension)
        size = self.size if rows is None else rows.count
        wanted = min(k, size)
        if wanted > MAX_RESULTS:
            raise GalleryError(f"k is {k:,}; Milvus answers with at most {MAX_RESULTS:,} photos.")
        if not wanted:
            return []
        found = self.index.candidates(query, wanted, rows)
        best = np.lexsort((found.rows, -found.scores))[:wanted]
        return [Hit(found.photo_ids[i], item_metadata(found.metadata[i]), float(found.scores[i])) for i in best]

    def item(self, photo_id: str) -> Item | None:
        """Returns what is known about a photo; None for an unknown id."""
        return self.items([photo_id]).get(photo_id)

    def items(self, photo_ids: Iterable[str]) -> dict[str, Item]:
        """Returns what is known about several photos; unknown ids are left out."""
        found = self._get(photo_ids, [PHOTO_ID, *ITEM_FIELDS])
        return {
            row[PHOTO_ID]: Item(
                row[PHOTO_ID],
                self._photos_root / row["path"],
                row["width_px"],
                row["height_px"],
                row["content_sha256"],
                row["media_type"],
                item_metadata(row["metadata"]),
            )
            for row in found
        }

    def embedding(self, photo_id: str) -> NDArray[np.float32] | None:
        """The stored embedding, (D,) float32 of unit norm; None for an unknown id."""
        found = self._get([photo_id], [VECTOR])
        return np.array(found[0][VECTOR], np.float32) if found else None

    def thumbnail(self, photo_id: str) -> bytes | None:
        """A small JPEG of the photo, longer side at most 256 px; None for an unknown id."""
        found = self._get([photo_id], [ROW, "content_sha256"])
        if not found:
            return None
        return self._thumbnails.image(found[0][ROW], content_sha256=found[0]["content_sha256"])

    def check(self) -> None:
        """Counts the photos and lets some find themselves; GalleryError when something is missing."""
        check_collection(self._connection, self._collection, self.index, size=self.size)

    def close(self) -> None:
        """Closes the thumbnails; the gallery cannot be used afterwards."""
        self._thumbnails.close()

    def _get(self, photo_ids: Iterable[str], fields: list[str]) -> list[dict[str, Any]]:
        keys = ", ".join(f'"{photo_key(photo_id)}"' for photo_id in photo_ids)
        if not keys:
            return []
        found = self._connection.read("query", self._collection, filter=f"{KEY} in [{keys}]", output_fields=fields)
        return list(found)


def _open_thumbnails(folder: Path, where: str) -> Thumbnails:
    try:
        thumbnails = Thumbnails(folder)
        thumbnails.expected_count()
    except Exception as error:
        raise GalleryError(
            f"The thumbnails of {where} lie in {folder}, which cannot be read here; mount the builder's --out at the "
            "same path."
        ) from error
    return thumbnails
