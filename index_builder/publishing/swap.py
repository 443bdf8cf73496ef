"""Makes a generation the served one: written aside, made durable, renamed, and only then named in CURRENT."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from index_builder.gallery.errors import GalleryBusyError, GalleryError
from index_builder.gallery.folder_gallery import CURRENT, GENERATIONS
from index_builder.gallery.manifest import APPROXIMATE, FILES
from model.bundle import file_sha256

WORK = "work"
_LOCK = ".lock"
_STAGING = ".staging"


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Makes the gallery's folder if needed, and keeps other builders out of it; GalleryError when one is at work."""
    _refuse_foreign_folder(out)
    out.mkdir(parents=True, exist_ok=True)
    with (out / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise GalleryBusyError(
                f"Another index builder is at work on the gallery {out}; wait for it, or choose another --out."
            ) from error
        yield


def new_staging(out: Path) -> Path:
    """An empty folder to write a generation into; what an interrupted run left there is removed."""
    staging = out / GENERATIONS / _STAGING
    if staging.exists():
        shutil.rmtree(staging)
    staging.mkdir(parents=True)
    return staging


def file_facts(folder: Path) -> tuple[dict[str, str], dict[str, int]]:
    """Hex sha256 and size in bytes of each file of a generation."""
    names = [name for name in (*FILES, APPROXIMATE) if name in FILES or (folder / name).exists()]
    return {name: file_sha256(folder / name) for name in names}, {
        name: (folder / name).stat().st_size for name in names
    }


def publish(out: Path, staging: Path, *, name: str) -> None:
    """Moves a complete generation into place and names it in CURRENT, so that readers see the old or the new one.

    Everything is on disk before CURRENT changes; after a crash at any point CURRENT names a complete generation.
    """
    for path in staging.iterdir():
        _flush(path)
    _flush(staging)
    generations = out / GENERATIONS
    staging.rename(generations / name)
    _flush(generations)
    aside = out / (CURRENT + ".partial")
    aside.write_text(name + "\n", encoding="utf-8")
    _flush(aside)
    aside.replace(out / CURRENT)
    _flush(out)


def remove_old(out: Path, *, keep: set[str]) -> None:
    """Removes all generations but those to keep. Readers that have one open go on reading it."""
    for folder in (out / GENERATIONS).iterdir():
        if folder.name not in keep:
            shutil.rmtree(folder)


def remove_work(out: Path) -> None:
    """Removes what was kept for a resume: everything of it is in the published generation."""
    if (out / WORK).exists():
        shutil.rmtree(out / WORK)


def _refuse_foreign_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise GalleryError(f"--out {out} is a file; give a folder for the gallery.")
    ours = (CURRENT, GENERATIONS, WORK, _LOCK)
    if out.exists() and any(out.iterdir()) and not any((out / name).exists() for name in ours):
        raise GalleryError(f"--out {out} holds files that are not a gallery; give an empty or a new folder.")


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
