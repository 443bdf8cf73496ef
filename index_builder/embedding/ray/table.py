"""Photo readings as an Arrow table, which Ray workers hand back and shards hold."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from index_builder.photos.read import DecodedPhoto, PhotoReading
from index_builder.photos.scan import Problem

Result = tuple[PhotoReading, NDArray[np.float32] | None]
_FLOAT_BYTES = 4
_DECODED = ("thumbnail", "perceptual_hash", "width_px", "height_px", "media_type", "warning")
_NOTHING_PREPARED = np.empty((0, 0, 0), np.float32)


def result_schema(embedding_dim: int) -> pa.Schema:
    """The columns: a row is a photo, with nulls for what it has not."""
    return pa.schema(
        [
            pa.field("path", pa.string(), nullable=False),
            pa.field("size_bytes", pa.int64(), nullable=False),
            pa.field("mtime_ns", pa.int64(), nullable=False),
            ("content_sha256", pa.string()),
            ("reason", pa.string()),
            ("sentence", pa.string()),
            ("thumbnail", pa.binary()),
            ("perceptual_hash", pa.binary()),
            ("width_px", pa.int32()),
            ("height_px", pa.int32()),
            ("media_type", pa.string()),
            ("warning", pa.string()),
            ("vector", pa.binary(_FLOAT_BYTES * embedding_dim)),
        ]
    )


def to_table(results: Sequence[Result], embedding_dim: int) -> pa.Table:
    """Readings with their embeddings, (D,) float32 or None, as a table of `result_schema`."""
    return pa.Table.from_pylist([_row(*result) for result in results], schema=result_schema(embedding_dim))


def from_table(table: pa.Table) -> Iterator[Result]:
    """Reads what `to_table` wrote; the encoder's input is empty, as nobody needs it any more."""
    for row in table.to_pylist():
        problem = None if row["reason"] is None else Problem(row["reason"], row["sentence"])
        read = (row["path"], row["size_bytes"], row["mtime_ns"], row["content_sha256"])
        reading = PhotoReading(*read, problem=problem)
        if row["vector"] is None:
            yield reading, None
            continue
        kept = {name: row[name] for name in _DECODED}
        yield (
            replace(reading, decoded=DecodedPhoto(_NOTHING_PREPARED, **kept)),
            np.frombuffer(row["vector"], np.float32),
        )


def _row(reading: PhotoReading, vector: NDArray[np.float32] | None) -> dict[str, Any]:
    decoded, problem = reading.decoded, reading.problem
    row: dict[str, Any] = {
        "path": reading.path,
        "size_bytes": reading.size_bytes,
        "mtime_ns": reading.mtime_ns,
        "content_sha256": reading.content_sha256,
    }
    if problem is not None:
        row |= {"reason": problem.reason, "sentence": problem.sentence}
    if decoded is not None and vector is not None:
        row |= {name: getattr(decoded, name) for name in _DECODED} | {"vector": vector.tobytes()}
    return row
