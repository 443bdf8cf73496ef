"""Opens the files of one generation for reading, so that they stay readable after the folder is removed."""

import sqlite3
from pathlib import Path
from typing import Any

import faiss

from index_builder.errors import GalleryError
from index_builder.manifest import Manifest


def check_sizes(folder: Path, manifest: Manifest) -> None:
    """Compares the files of a generation with the sizes that its manifest states.

    Raises:
        GalleryError: a file is missing or has another size.
    """
    for name, expected in manifest.file_sizes.items():
        try:
            actual = (folder / name).stat().st_size
        except OSError as error:
            raise GalleryError(f"The gallery file {folder / name} is missing; build the gallery again.") from error
        if actual != expected:
            raise GalleryError(
                f"The gallery file {folder / name} has {actual:,} bytes, expected {expected:,}; build it again."
            )


def map_index(path: Path) -> Any:  # noqa: ANN401  faiss has no types
    """A FAISS index that stays on disk and is read as it is searched.

    Raises:
        GalleryError: the file is not an index.
    """
    try:
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        raise GalleryError(f"The gallery file {path} is damaged; build the gallery again.") from error


def open_read_only(path: Path) -> sqlite3.Connection:
    """A database that nobody will change, for use from several threads one at a time."""
    # immutable: no locks and no journal, so it works on a read-only mount and from several processes.
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
