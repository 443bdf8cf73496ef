"""States of a small gallery and its photos, and builds of it in a child process; for `failing_disk.py`."""

import os
import shutil
import sqlite3
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.living_kills import content_of
from benchmarks.living_photos import write_photo
from index_builder.build import build_gallery
from index_builder.embedding.photo_encoder import PhotoModel
from index_builder.gallery.folder_gallery import CURRENT, open_gallery
from index_builder.gallery.generation_files import verify_files
from index_builder.progress import SilentProgress
from index_builder.settings import BuildSettings
from model.errors import SketchSearchError
from model.preprocess import Preprocessing, prepare_photo

PUBLISHED, SENTENCE, TRACEBACK = 0, 2, 3
_DIMENSION = 8
_PREPROCESSING = Preprocessing(image_size_px=32)


@dataclass(frozen=True)
class Scenario:
    """A state of a gallery and its photos, and what a build has to make of it."""

    name: str
    photos: Path
    start: Path
    before: dict[str, Any] | None
    after: dict[str, Any]


class MeanColours:
    """An encoder without a network, whose forks need no threads."""

    provider, precision = "CPUExecutionProvider", "fp32"

    def encode(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, 3, 32, 32) to (B, 8), unit norm."""
        cells = images.reshape(len(images), 3, 4, 8, 32).mean(axis=(3, 4)).reshape(len(images), 12)[:, :_DIMENSION]
        return np.asarray(cells / np.linalg.norm(cells, axis=1, keepdims=True), np.float32)


def build(photos: Path, out: Path) -> None:
    """An undisturbed build, in this process."""

    def prepare(image: Image.Image) -> NDArray[np.float32]:
        return prepare_photo(image, _PREPROCESSING)

    model = PhotoModel("colours", "c" * 64, "fp32", _DIMENSION, 32, prepare, MeanColours)
    build_gallery(BuildSettings(photos, out, num_workers=1), model=model, progress=SilentProgress())


def scenarios(folder: Path, num_photos: int) -> Iterator[Scenario]:
    """A first build, and a rebuild after a photo has come, another has gone and a third has changed."""
    photos, empty = folder / "photos", folder / "empty"
    photos.mkdir()
    empty.mkdir()
    for number in range(num_photos):
        write_photo(photos / f"{number:02}.jpg", number)
    in_fork(lambda: build(photos, folder / "first"))
    first = content_of(folder / "first")
    yield Scenario("first build", photos, empty, None, first)
    write_photo(photos / f"{num_photos:02}.jpg", num_photos)
    write_photo(photos / "01.jpg", num_photos + 1)
    (photos / "00.jpg").unlink()
    shutil.copytree(folder / "first", folder / "second")
    in_fork(lambda: build(photos, folder / "second"))
    yield Scenario("rebuild", photos, folder / "first", first, content_of(folder / "second"))


def verified_content(out: Path) -> dict[str, Any] | None:
    """All that the gallery answers, every file hashed; None when there is none."""
    if not (out / CURRENT).exists():
        return None
    with open_gallery(out, bundle=None) as gallery:
        verify_files(gallery.folder, gallery.manifest)
    return content_of(out)


def in_fork(work: Callable[[], None]) -> tuple[int, str]:
    """Runs work in a child process; returns how it ended, as the command line would, and its last words."""
    with tempfile.TemporaryFile("w+") as words:
        child = os.fork()
        if not child:
            status = PUBLISHED
            os.dup2(words.fileno(), 2)
            try:
                work()
            except (SketchSearchError, OSError, sqlite3.Error) as error:  # as index_builder.cli.commands.run
                status = SENTENCE
                words.write(str(error))
            except BaseException:
                status = TRACEBACK
                words.write(traceback.format_exc())
            words.flush()
            os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        words.seek(0)
        return status, words.read()
