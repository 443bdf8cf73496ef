"""Writes a gallery's embeddings for other programs: as .npy with a table of ids beside it, or as one .parquet file."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.errors import GalleryError
from index_builder.gallery.folder_gallery import Gallery

_CHUNK_ROWS = 4096
_FIELDS = ("photo_id", "path", "content_sha256", "width_px", "height_px", "metadata")
_SELECT = f"SELECT {', '.join(_FIELDS)} FROM items WHERE row >= ? AND row < ? ORDER BY row"  # noqa: S608


def export_gallery(gallery: Gallery, target: Path, *, replaces: bool = False) -> list[Path]:
    """Writes every embedding, in the order of the photo ids, and what belongs to it.

    `.npy`: (N, D) float32 of unit norm, and beside it a CSV of the same name with a line per row: row, photo_id, path,
    content_sha256, width_px, height_px and the metadata as JSON. `.parquet`: the same columns and `embedding`, a list
    of float32 of fixed size; generation and bundle stand in the file's own metadata. Files are complete or not there.

    Args:
        gallery: what to export.
        target: a .npy or .parquet file.
        replaces: whether files that exist are replaced.

    Returns:
        The files written.

    Raises:
        GalleryError: the extension is another one, .parquet is asked for and pyarrow is not installed, or one of the
            files exists and is not to be replaced; nothing was written.
    """
    writers = {".npy": _write_npy, ".parquet": _write_parquet}
    writer = writers.get(target.suffix.lower())
    if writer is None:
        raise GalleryError(f"--out {target} has the extension {target.suffix!r}; expected .npy or .parquet.")
    is_parquet = target.suffix.lower() == ".parquet"
    if is_parquet:
        _import_pyarrow()
    for path in (target,) if is_parquet else (target, _table_beside(target)):
        if path.exists() and not replaces:
            raise GalleryError(f"The file {path} exists; give another --out, or --force to replace it.")
    target.parent.mkdir(parents=True, exist_ok=True)
    return writer(gallery, target)


def _write_npy(gallery: Gallery, target: Path) -> list[Path]:
    table = _table_beside(target)
    vectors_aside, table_aside = _aside(target), _aside(table)
    shape = (gallery.size, gallery.dimension)
    vectors = np.lib.format.open_memmap(vectors_aside, mode="w+", dtype=np.dtype("<f4"), shape=shape)
    with table_aside.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("row", *_FIELDS))
        for first, embeddings, items in _chunks(gallery):
            vectors[first : first + len(embeddings)] = embeddings
            writer.writerows((row, *item) for row, item in enumerate(items, start=first))
    vectors.flush()
    del vectors
    table_aside.replace(table)
    vectors_aside.replace(target)
    return [target, table]


def _write_parquet(gallery: Gallery, target: Path) -> list[Path]:
    pyarrow, parquet = _import_pyarrow()
    kinds = {"width_px": pyarrow.int32(), "height_px": pyarrow.int32()}
    fields = [pyarrow.field(name, kinds.get(name, pyarrow.string())) for name in _FIELDS]
    vector = pyarrow.list_(pyarrow.float32(), gallery.dimension)
    facts = {"generation": gallery.generation, "bundle": gallery.bundle_name, "fingerprint": gallery.bundle_fingerprint}
    schema = pyarrow.schema(
        [*fields, pyarrow.field("embedding", vector)], metadata={"sketch_search": json.dumps(facts)}
    )
    aside = _aside(target)
    with parquet.ParquetWriter(aside, schema) as writer:
        for _, embeddings, items in _chunks(gallery):
            columns = [list(column) for column in zip(*items, strict=True)]
            flat = pyarrow.array(embeddings.reshape(-1))
            embedded = pyarrow.FixedSizeListArray.from_arrays(flat, gallery.dimension)
            writer.write_table(pyarrow.Table.from_arrays([*map(pyarrow.array, columns), embedded], schema=schema))
    aside.replace(target)
    return [target]


def _chunks(gallery: Gallery) -> Iterator[tuple[int, NDArray[np.float32], list[tuple[Any, ...]]]]:
    for first in range(0, gallery.size, _CHUNK_ROWS):
        last = min(first + _CHUNK_ROWS, gallery.size)
        yield first, gallery.embeddings_between(first, last), list(gallery.query(_SELECT, (first, last)))


def _table_beside(target: Path) -> Path:
    return target.with_suffix(".csv")


def _aside(path: Path) -> Path:
    return path.with_name(path.name + ".partial")


def _import_pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise GalleryError(
            "Writing .parquet needs pyarrow, which is not installed; run `pip install pyarrow`, or give a .npy file."
        ) from error
    return pyarrow, pyarrow.parquet
