"""Reads, decodes and embeds every photo that is not known yet. Threads decode ahead while the encoder works.

The number of photos in flight is bounded, so memory does not depend on how many there are.
"""

import os
import warnings
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index_builder.errors import GalleryError
from index_builder.photo_model import PhotoEncoder, PhotoModel
from index_builder.progress import Progress
from index_builder.read_photo import PhotoReading, read_photo
from index_builder.scan import Problem
from index_builder.work import WorkStore

_MAX_WORKERS = 16
_BATCH_SIZE = {"CPUExecutionProvider": 8}  # a CPU encodes one by one anyway; small batches keep the progress smooth
_DEVICE_BATCH_SIZE = 64
_UNIT_NORM_TOLERANCE = 1e-3


def embed_photos(store: WorkStore, root: Path, model: PhotoModel, *, num_workers: int, progress: Progress) -> int:
    """Embeds what the store lists as pending and records it there.

    Interrupted at any point, what was recorded stays so when the store is closed.

    Args:
        store: of this run.
        root: the photos folder.
        model: the encoder and its preprocessing.
        num_workers: threads that decode; 0 takes one per core.
        progress: told of each photo.

    Returns:
        How many contents were encoded.

    Raises:
        GalleryError: the encoder's answer does not have the shape that its bundle promises.
    """
    encoder = model.open_encoder()
    if encoder.precision != model.precision:
        raise GalleryError(
            f"The encoder of bundle {model.name} opened in precision {encoder.precision}, expected {model.precision}."
        )
    batch_size = _BATCH_SIZE.get(encoder.provider, _DEVICE_BATCH_SIZE)
    workers = num_workers or min(_MAX_WORKERS, os.cpu_count() or 1)
    num_encoded = 0
    with warnings.catch_warnings(), ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
        # Filters belong to the process, not to a thread: set once here, for all workers.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        readings = _read_ahead(pool, store, root, model, num_ahead=2 * batch_size + workers)
        waiting: list[PhotoReading] = []
        for reading in readings:
            if reading.decoded is not None:
                waiting.append(reading)
            else:
                store.record(reading)
                progress.advance()
            if len(waiting) == batch_size:
                num_encoded += _encode(waiting, store, encoder, model, progress)
                waiting = []
        num_encoded += _encode(waiting, store, encoder, model, progress)
    return num_encoded


def _read_ahead(
    pool: ThreadPoolExecutor, store: WorkStore, root: Path, model: PhotoModel, *, num_ahead: int
) -> Iterator[PhotoReading]:
    """Readings in the order of the pending photos, with at most `num_ahead` of them under way."""
    read = partial(read_photo, root, claim=store.claim, prepare=model.prepare, image_size_px=model.image_size_px)
    under_way: deque[Future[PhotoReading]] = deque()
    try:
        for path in store.pending():
            under_way.append(pool.submit(read, path))
            if len(under_way) >= num_ahead:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        for future in under_way:
            future.cancel()


def _encode(
    readings: list[PhotoReading], store: WorkStore, encoder: PhotoEncoder, model: PhotoModel, progress: Progress
) -> int:
    if not readings:
        return 0
    images = np.stack([reading.decoded.prepared for reading in readings if reading.decoded is not None])
    vectors = encoder.encode(images)
    _check_answer(vectors, (len(readings), model.embedding_dim), model)
    for reading, vector in zip(readings, vectors, strict=True):
        if abs(float(np.linalg.norm(vector)) - 1) < _UNIT_NORM_TOLERANCE:
            store.record(reading, vector)
        else:
            sentence = "The encoder gives no finite unit vector for this photo; convert it or take it out."
            store.record(replace(reading, decoded=None, problem=Problem("no_embedding", sentence)))
        progress.advance()
    return len(readings)


def _check_answer(vectors: NDArray[np.float32], expected: tuple[int, int], model: PhotoModel) -> None:
    if vectors.shape != expected or vectors.dtype != np.float32:
        raise GalleryError(
            f"The photo encoder of bundle {model.name} answered {vectors.dtype} {vectors.shape}, expected float32 "
            f"{expected}; export the bundle again."
        )
