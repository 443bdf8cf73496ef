"""From the bytes of an upload to a sketch that can be encoded, in this process; the pool runs the same elsewhere."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.errors import UnreadableImageError
from model.images import decode_image
from model.preprocess import Preprocessing, normalise_sketch, to_tensor
from service.uploads.check import check_upload
from service.uploads.refusals import FORMATS


@dataclass(frozen=True)
class PreparedSketch:
    """A sketch as its encoder wants it.

    Attributes:
        pixels: (3, S, S) float32, as `model.preprocess.prepare_sketch` returns.
        decode_ms: checking and decoding the file; with a pool, also the wait for a decoder and the way there and back.
        prepare_ms: cropping, scaling and evening out the strokes.
    """

    pixels: NDArray[np.float32]
    decode_ms: float
    prepare_ms: float


class SketchReader(Protocol):
    """Uploads in, prepared sketches out; called from several threads."""

    @property
    def lost(self) -> Mapping[str, int]:
        """Way in which decoder processes were lost -> how many."""

    def read(self, data: bytes) -> PreparedSketch:
        """Raises UnreadableImageError for bytes that cannot be used, BlankSketchError when nothing is drawn."""

    def close(self) -> None:
        """Releases what it holds."""


@dataclass(frozen=True)
class NormalisedSketch:
    """A sketch before mean and std: mode "L", S × S, 255 paper and 0 ink; and how long its stages took."""

    image: Image.Image
    decode_ms: float
    prepare_ms: float


class LocalReader:
    """Decodes in this process, so that a decoder which crashes or hangs takes the process with it."""

    def __init__(self, preprocessing: Preprocessing, *, max_pixels: int) -> None:
        self._preprocessing = preprocessing
        self._max_pixels = max_pixels
        self.lost: dict[str, int] = {}

    def read(self, data: bytes) -> PreparedSketch:
        """Checks, decodes and prepares an upload."""
        normalised = self.normalise(data)
        start = time.perf_counter()
        pixels = to_tensor(normalised.image, self._preprocessing)
        prepare_ms = normalised.prepare_ms + (time.perf_counter() - start) * 1000
        return PreparedSketch(pixels, normalised.decode_ms, prepare_ms)

    def normalise(self, data: bytes) -> NormalisedSketch:
        """Everything but mean and std, which make the sketch twelve times as large."""
        start = time.perf_counter()
        try:
            check_upload(data, max_pixels=self._max_pixels)
            image = decode_image(data, max_pixels=self._max_pixels, formats=FORMATS)
            decoded = time.perf_counter()
            sketch = normalise_sketch(image, self._preprocessing)
        except MemoryError as error:
            raise UnreadableImageError(
                "The image needs more memory than a drawing may; send a smaller one.", reason="too_large"
            ) from error
        done = time.perf_counter()
        return NormalisedSketch(sketch, (decoded - start) * 1000, (done - decoded) * 1000)

    def close(self) -> None:
        """Nothing to release."""
