"""The layout of a generation in Milvus: a collection with a row for each photo, its manifest among the properties.

A photo is found by a key made of its id, because a key needs no quoting, whatever a file is called. Each column of the
metadata is a nullable field of its own for filters; the metadata as written is a text beside them.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from index_builder.gallery.columns import Column, typed
from index_builder.gallery.errors import GalleryError
from index_builder.gallery.folder_gallery import Gallery
from index_builder.gallery.manifest import Duplicates, Manifest, parse_manifest

KEY, VECTOR, ROW, PHOTO_ID, METADATA = "photo_key", "vector", "row", "photo_id", "metadata"
ITEM_FIELDS = ("path", "width_px", "height_px", "content_sha256", "media_type", METADATA)
_MAX_TEXT_BYTES = 65_535  # of a text field in Milvus
_MANIFEST, _FOLDER = "sketch_search.manifest", "sketch_search.folder"
_BATCH_ROWS = 500
_TYPES = {"number": "DOUBLE", "boolean": "BOOL", "text": "VARCHAR"}
_SELECT = f"SELECT row, photo_id, {', '.join(ITEM_FIELDS)} FROM items WHERE row >= ? AND row < ? ORDER BY row"  # noqa: S608
_SELECT_VALUES = """SELECT row, j.key, j.value, j.type FROM items, json_each(metadata) AS j
    WHERE row >= ? AND row < ? AND j.type != 'null'"""


@dataclass(frozen=True)
class Facts:
    """The facts that a collection states about itself.

    Attributes:
        manifest: of the generation, its tuning that of Milvus; of duplicates only the number.
        folder: of the generation as the builder wrote it, which holds the thumbnails.
    """

    manifest: Manifest
    folder: Path

    def properties(self) -> dict[str, str]:
        """As properties of a collection."""
        short = replace(
            self.manifest,
            duplicates=Duplicates(self.manifest.duplicates.photos),
            near_duplicates=Duplicates(self.manifest.near_duplicates.photos),
        )
        return {_MANIFEST: short.to_json(), _FOLDER: str(self.folder)}


def read_facts(properties: dict[str, str], *, where: str) -> Facts:
    """Reads what `Facts.properties` wrote; GalleryError when the collection is damaged or not one of ours."""
    if _MANIFEST not in properties or _FOLDER not in properties:
        raise GalleryError(f"The collection {where} was not made by this index builder; build the gallery again.")
    return Facts(parse_manifest(properties[_MANIFEST], where=f"of {where}"), Path(properties[_FOLDER]))


def photo_key(photo_id: str) -> str:
    """The primary key of a photo: 128 bits, in hex."""
    return hashlib.sha256(photo_id.encode()).hexdigest()[:32]


def column_fields(columns: Sequence[Column]) -> dict[str, str]:
    """Column of the metadata -> field: people name their columns as they like, Milvus does not allow that."""
    return {column.name: f"column_{number}" for number, column in enumerate(columns)}


def add_fields(schema: Any, *, dimension: int, columns: Sequence[Column]) -> None:  # noqa: ANN401  no types
    """Adds the fields of a collection to an empty schema."""
    from pymilvus import DataType

    text = {"datatype": DataType.VARCHAR, "max_length": _MAX_TEXT_BYTES}
    schema.add_field(KEY, DataType.VARCHAR, is_primary=True, max_length=32)
    schema.add_field(VECTOR, DataType.FLOAT_VECTOR, dim=dimension)
    schema.add_field(ROW, DataType.INT64)
    schema.add_field(PHOTO_ID, **text)
    for name in ITEM_FIELDS:
        schema.add_field(name, **({"datatype": DataType.INT64} if name.endswith("_px") else text))
    fields = column_fields(columns)
    for column in columns:
        length = {"max_length": _MAX_TEXT_BYTES} if column.type == "text" else {}
        schema.add_field(fields[column.name], DataType[_TYPES[column.type]], nullable=True, **length)


def batches(gallery: Gallery) -> Iterator[list[dict[str, Any]]]:
    """Yields the rows of a generation on disk, as they are inserted; GalleryError when a text is too long."""
    fields = column_fields(gallery.columns)
    kinds = {column.name: column.type for column in gallery.columns}
    for first in range(0, gallery.size, _BATCH_ROWS):
        last = min(first + _BATCH_ROWS, gallery.size)
        vectors = gallery.embeddings_between(first, last)
        rows = [
            _row(row, photo_id, vectors[row - first], dict(zip(ITEM_FIELDS, values, strict=True)), fields.values())
            for row, photo_id, *values in gallery.query(_SELECT, (first, last))
        ]
        for row, name, value, json_type in gallery.query(_SELECT_VALUES, (first, last)):
            rows[row - first][fields[name]] = typed(kinds[name], value, json_type)
        yield rows


def _row(row: int, photo_id: str, vector: Any, item: dict[str, Any], fields: Iterable[str]) -> dict[str, Any]:  # noqa: ANN401
    for name, value in {PHOTO_ID: photo_id, **item}.items():
        if isinstance(value, str) and len(value.encode()) > _MAX_TEXT_BYTES:
            raise GalleryError(
                f"The {name} of photo {photo_id!r} has {len(value.encode()):,} bytes, Milvus stores at most "
                f"{_MAX_TEXT_BYTES:,}; shorten it."
            )
    known = {KEY: photo_key(photo_id), VECTOR: vector, ROW: row, PHOTO_ID: photo_id, **item}
    return {**dict.fromkeys(fields), **known}


def item_metadata(text: str) -> dict[str, Any]:
    """The metadata of a photo, as it was written."""
    values: dict[str, Any] = json.loads(text)
    return values
