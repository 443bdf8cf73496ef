"""A build is killed at random moments: is a photo embedded again although it was stored, does the result differ?

As a script it is the build that is killed: python -m benchmarks.living_kills PHOTOS OUT LOG
"""

import argparse
import hashlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.living_photos import demo_model, write_photos
from index_builder.build import build_gallery
from index_builder.embedding.photo_encoder import PhotoEncoder
from index_builder.gallery.folder_gallery import open_gallery
from index_builder.progress import SilentProgress
from index_builder.settings import BuildSettings
from index_builder.work import store as work

COMMIT_EVERY_PHOTOS = 16  # with the builder's own 256, small builds would lose all at every kill


def kills(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    photos, log = folder / "photos", folder / "log"
    contents = write_photos(photos, range(arguments.small_photos))
    started = time.perf_counter()
    run_logged(photos, folder / "reference", log).wait()
    seconds = time.perf_counter() - started
    reference = content_of(folder / "reference")
    moments, num_killed, num_twice, num_different, num_finished, num_kept = random.Random(0), 0, 0, 0, 0, 0
    out = folder / "gallery"
    while True:
        log.unlink(missing_ok=True)
        stored = stored_contents(out)
        num_kept += len(stored)
        process = run_logged(photos, out, log)
        try:
            process.wait(moments.uniform(0, seconds) if num_killed < arguments.kills else None)
        except subprocess.TimeoutExpired:
            process.kill()
            num_killed += process.wait() == -signal.SIGKILL
        encoded = {contents[line] for line in log.read_text().split()} if log.exists() else set()
        num_twice += len(encoded & stored)
        if process.returncode == 0:
            num_finished += 1
            num_different += content_of(out) != reference
            shutil.rmtree(out)
            if num_killed >= arguments.kills:
                break
    return {
        "photos": arguments.small_photos,
        "kills": num_killed,
        "embeddings_kept_summed_over_kills": num_kept,
        "builds_finished": num_finished,
        "embedded_again_although_stored": num_twice,
        "galleries_that_differ_from_the_uninterrupted_one": num_different,
        "photos_per_commit": COMMIT_EVERY_PHOTOS,
    }


def run_logged(photos: Path, out: Path, log: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-m", "benchmarks.living_kills", str(photos), str(out), str(log)])


def logged_build(photos: Path, out: Path, log: Path) -> None:
    """Builds, and writes a line for every image that is encoded: the hash of what the encoder gets."""
    work.COMMIT_EVERY_PHOTOS = COMMIT_EVERY_PHOTOS
    model = demo_model()

    class Logged:
        def __init__(self, encoder: PhotoEncoder) -> None:
            self.provider, self.precision, self._encoder = encoder.provider, encoder.precision, encoder

        def encode(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
            with log.open("a") as stream:
                stream.writelines(f"{hashlib.sha256(image.tobytes()).hexdigest()}\n" for image in images)
            return self._encoder.encode(images)

    logged = replace(model, open_encoder=lambda: Logged(model.open_encoder()))
    build_gallery(BuildSettings(photos, out), model=logged, progress=SilentProgress())


def stored_contents(out: Path) -> set[str]:
    """The contents whose embeddings a killed build has made durable."""
    stored: set[str] = set()
    for path in out.glob("work/*/work.sqlite"):
        connection = sqlite3.connect(path)
        with closing(connection), suppress(sqlite3.OperationalError):  # killed before the tables were made
            stored |= {digest for (digest,) in connection.execute("SELECT content_sha256 FROM embedded")}
    if (out / "CURRENT").exists():
        with open_gallery(out, bundle=None) as gallery:
            stored |= {digest for (digest,) in gallery.query("SELECT content_sha256 FROM items")}
    return stored


def content_of(out: Path) -> dict[str, Any]:
    """All that a gallery answers, photo by photo."""
    with open_gallery(out, bundle=None) as gallery:
        rows = list(gallery.query("SELECT photo_id, row, path, content_sha256, width_px, metadata FROM items"))
        return {row[0]: (*row, gallery.thumbnail(row[0]), gallery.embedding_at(row[1]).tobytes()) for row in rows}


if __name__ == "__main__":
    logged_build(*map(Path, sys.argv[1:4]))
