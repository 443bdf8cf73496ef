"""Checks the files of one generation and opens them, so that they stay readable after the folder is removed.

A gallery never answers from a damaged file. What a search reads, index and items, is hashed before it is served, at
1.6 GB/s. Thumbnails are ten times as much, so each carries a seal of its own, which is checked when it is asked for.
"""

import hashlib
import sqlite3
from collections.abc import Collection
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from index_builder.errors import GalleryError
from index_builder.manifest import FILES, INDEX, ITEMS, THUMBNAILS, Manifest


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


def hashed_at_opening(manifest: Manifest) -> Collection[str]:
    """The files that have to be hashed before anything is answered from them."""
    return (INDEX, ITEMS) if manifest.thumbnails_sealed else (INDEX, ITEMS, THUMBNAILS)


def verify_files(folder: Path, manifest: Manifest, *, names: Collection[str] = FILES) -> None:
    """Hashes files of a generation.

    Args:
        folder: of the generation.
        manifest: states the hashes.
        names: which files; all of them unless given.

    Raises:
        GalleryError: a file is missing or altered.
    """
    for name in names:
        expected = manifest.files.get(name)
        if expected is None:
            raise GalleryError(f"The manifest in {folder} does not list {name}; build the gallery again.")
        try:
            actual = file_sha256(folder / name)
        except OSError as error:
            raise GalleryError(
                f"The gallery file {folder / name} cannot be read ({error.strerror}); build the gallery again."
            ) from error
        if actual != expected:
            raise GalleryError(
                f"The gallery file {folder / name} is damaged (sha256 {actual[:12]}…, expected {expected[:12]}…); "
                "build the gallery again."
            )


def file_sha256(path: Path) -> str:
    """Hex sha256 of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def map_index(path: Path) -> Any:  # noqa: ANN401  faiss has no types
    """A FAISS index that stays on disk and is read as it is searched.

    Raises:
        GalleryError: the file is not an index.
    """
    try:
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        raise GalleryError(f"The gallery file {path} is damaged; build the gallery again.") from error


def search_among(rows: NDArray[np.int64]) -> Any:  # noqa: ANN401  faiss has no types
    """Parameters of a search that compares with these rows of a flat index, and with no others."""
    # Of FAISS's selectors the array is the one that a flat index walks along, so that few rows cost little: of
    # 100,000 rows half take 2.1 ms (a bitmap 5.6 ms), 1 % 0.03 ms (0.26 ms).
    make: Any = faiss.SearchParameters
    return make(sel=faiss.IDSelectorArray(rows))  # given here, the selector lives as long as the parameters


def open_read_only(path: Path) -> sqlite3.Connection:
    """A database that nobody will change, for use from several threads one at a time."""
    # immutable: no locks and no journal, so it works on a read-only mount and from several processes.
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
