"""An encoder without a network, and a build with it that a test can run in a process of its own and kill.

As a script: python fake_model.py PHOTOS OUT LOG SECONDS_PER_PHOTO; LOG gets one byte per encoded photo.
"""

import hashlib
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from index_builder.embedding.photo_encoder import PhotoModel
from model.preprocess import Preprocessing, prepare_photo, prepare_sketch

DIMENSION = 16
PREPROCESSING = Preprocessing(image_size_px=32)


class FakeEncoder:
    """A fixed random projection: equal photos get equal embeddings, similar ones similar."""

    provider = "CPUExecutionProvider"
    precision = "fp32"

    def __init__(self, on_encode: Callable[[NDArray[np.float32]], None] | None = None) -> None:
        self.num_encoded = 0
        self._on_encode = on_encode
        self._lock = threading.Lock()
        side = PREPROCESSING.image_size_px
        self._weights = np.random.default_rng(0).standard_normal((3 * side * side, DIMENSION)).astype(np.float32)

    def embed(self, image: Image.Image) -> NDArray[np.float32]:
        return np.asarray(self.encode(prepare_sketch(image, PREPROCESSING)[None])[0])

    def encode(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._on_encode is not None:
            self._on_encode(images)
        with self._lock:
            self.num_encoded += len(images)
        # One by one, as the real encoder on a CPU: the answer must not depend on the neighbours in the batch.
        rows = [image.reshape(1, -1) @ self._weights for image in images]
        vectors = np.concatenate(rows)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def fake_model(encoder: FakeEncoder, *, name: str = "fake", precision: str = "fp32") -> PhotoModel:
    def prepare(image: Image.Image) -> NDArray[np.float32]:
        return prepare_photo(image, PREPROCESSING)

    return PhotoModel(
        name=name,
        fingerprint=hashlib.sha256(name.encode()).hexdigest(),
        precision=precision,
        embedding_dim=DIMENSION,
        image_size_px=PREPROCESSING.image_size_px,
        prepare=prepare,
        open_encoder=lambda: encoder,
    )


def main(photos: str, out: str, log: str, seconds_per_photo: str) -> None:
    from index_builder.build import build_gallery
    from index_builder.progress import SilentProgress
    from index_builder.settings import BuildSettings
    from index_builder.work import store as work

    work.COMMIT_EVERY_PHOTOS = 8

    def note(images: NDArray[np.float32]) -> None:
        time.sleep(float(seconds_per_photo) * len(images))
        with Path(log).open("ab") as stream:
            stream.write(b"." * len(images))

    settings = BuildSettings(photos=Path(photos), out=Path(out), num_workers=2)
    build_gallery(settings, model=fake_model(FakeEncoder(note)), progress=SilentProgress())


if __name__ == "__main__":
    main(*sys.argv[1:])
