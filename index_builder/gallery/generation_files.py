"""Checks the files of one generation and opens them, so that they stay readable after the folder is removed.

A gallery never answers from a damaged file. What a search reads, index and items, is hashed before it is served, at
1.6 GB/s. Thumbnails are ten times as much, so each carries a seal of its own, which is checked when it is asked for.
"""

import sqlite3
from collections.abc import Collection
from pathlib import Path
from typing import Any

import faiss

from index_builder.gallery.errors import GalleryError
from index_builder.gallery.manifest import ERRORS, THUMBNAILS, Manifest
from model.bundle import file_sha256


def check_sizes(folder: Path, manifest: Manifest) -> None:
    """Compares the files of a generation with the sizes in its manifest; GalleryError when one differs."""
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
    return [name for name in manifest.file_names if name not in (ERRORS, THUMBNAILS)]


def verify_files(folder: Path, manifest: Manifest, *, names: Collection[str] | None = None) -> None:
    """Hashes files of a generation.

    Args:
        folder: of the generation.
        manifest: states the hashes.
        names: which files; all of them unless given.

    Raises:
        GalleryError: a file is missing or altered.
    """
    for name in manifest.file_names if names is None else names:
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


def write_index(index: Any, path: Path) -> None:  # noqa: ANN401  faiss has no types
    """Writes a FAISS index; OSError, not FAISS's RuntimeError, when the disk is full or fails."""
    try:
        faiss.write_index(index, str(path))
    except RuntimeError as error:
        raise OSError(f"{path} could not be written ({_reason(error)})") from error


def map_index(path: Path) -> Any:  # noqa: ANN401  faiss has no types
    """Opens a FAISS index that stays on disk and is read as it is searched; GalleryError when it is not one."""
    try:
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        raise GalleryError(f"The gallery file {path} is damaged; build the gallery again.") from error


def _reason(error: RuntimeError) -> str:
    # "Error in void faiss::write_index(…) at …: Error: 'ret == (size)' failed: write error in …: 0 != 64 (No space)"
    return str(error).rpartition("(")[2].rstrip(") \n") or "no reason given"


def open_read_only(path: Path) -> sqlite3.Connection:
    """Opens a database that nobody will change, for several threads one at a time; GalleryError when it cannot be."""
    try:
        # immutable: no locks and no journal, so it works on a read-only mount and from several processes.
        return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
    except sqlite3.OperationalError as error:
        raise GalleryError(f"The gallery file {path} cannot be opened ({error}); build the gallery again.") from error
