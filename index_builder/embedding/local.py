"""Reads, decodes and embeds every photo that is not known yet, in several threads.

On a CPU a thread takes a photo all the way from file to embedding: an encode on one core wastes none of it on waiting
for other cores, and nothing is handed over. A GPU gets batches while the threads decode the next ones. Either way the
number of photos in flight is bounded, so memory does not depend on how many there are.
"""

import threading
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from index_builder.embedding.photo_encoder import PhotoEncoder, PhotoModel
from index_builder.gallery.errors import GalleryError
from index_builder.photos.read import PhotoReading, read_photo
from index_builder.photos.scan import Problem
from index_builder.progress import Progress
from index_builder.work.store import WorkStore
from model.cores import usable_cores

_MAX_DECODERS = 16  # per GPU: more only take memory
_DEVICE_BATCH_SIZE = 64
_UNIT_NORM_TOLERANCE = 1e-3

_Vectors = NDArray[np.float32]
_Result = TypeVar("_Result")


def embed_photos(store: WorkStore, root: Path, model: PhotoModel, *, num_workers: int, progress: Progress) -> int:
    """Embeds what the store lists as pending and records it there.

    Interrupted at any point, what was recorded stays so when the store is closed.

    Args:
        store: of this run.
        root: the photos folder.
        model: the encoder and its preprocessing.
        num_workers: threads that decode and, on a CPU, encode; 0 takes one per core.
        progress: told of each photo.

    Returns:
        The number of contents that were encoded.

    Raises:
        GalleryError: the encoder's answer does not have the shape that its bundle promises.
    """
    encoder = open_photo_encoder(model)
    on_device = encoder.provider == "CUDAExecutionProvider"
    cores = usable_cores()
    workers = num_workers or (min(_MAX_DECODERS, cores) if on_device else cores)
    steps = _Steps(
        read=partial(read_photo, root, claim=store.claim, prepare=model.prepare, image_size_px=model.image_size_px),
        encode=partial(encode_readings, encoder=encoder, model=model),
        record=partial(_record, store, progress, threading.Lock()),
    )
    with warnings.catch_warnings(), ThreadPoolExecutor(workers, thread_name_prefix="embed") as pool:
        # Filters belong to the process, not to a thread: set once here, for all workers.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        embed = _embed_in_batches if on_device else _embed_in_threads
        return embed(pool, store.pending(), steps, num_workers=workers)


@dataclass(frozen=True)
class _Steps:
    read: Callable[[str], PhotoReading]
    encode: Callable[[list[PhotoReading]], _Vectors]
    record: Callable[[PhotoReading, _Vectors | None], None]


def _embed_in_threads(pool: ThreadPoolExecutor, paths: Iterator[str], steps: _Steps, *, num_workers: int) -> int:
    """Embeds in threads that each fetch their next photo themselves; returns how many contents were encoded."""
    remaining = _Remaining(paths)

    def embed_on() -> int:
        num_encoded = 0
        with remaining:
            for path in remaining:
                reading = steps.read(path)
                vector = None if reading.decoded is None else steps.encode([reading])[0]
                # PendingRows by the thread itself: what it has encoded is not lost when another one fails.
                steps.record(reading, vector)
                num_encoded += vector is not None
        return num_encoded

    with remaining:
        return sum(future.result() for future in [pool.submit(embed_on) for _ in range(num_workers)])


class _Remaining:
    """Paths that several threads take from. Nobody gets another one once somebody has left the context."""

    def __init__(self, paths: Iterator[str]) -> None:
        self._paths = paths
        self._lock = threading.Lock()
        self._is_over = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        with self._lock:
            if self._is_over:
                raise StopIteration
            return next(self._paths)

    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        self._is_over = True


def _embed_in_batches(pool: ThreadPoolExecutor, paths: Iterator[str], steps: _Steps, *, num_workers: int) -> int:
    """Like `_embed_in_threads`, but what has to be encoded waits for a batch to be full."""
    num_encoded = 0
    waiting: list[PhotoReading] = []
    with closing(_work_ahead(pool, steps.read, paths, num_ahead=2 * _DEVICE_BATCH_SIZE + num_workers)) as readings:
        for reading in readings:
            if reading.decoded is None:
                steps.record(reading, None)
                continue
            waiting.append(reading)
            if len(waiting) == _DEVICE_BATCH_SIZE:
                num_encoded += _embed_batch(waiting, steps)
                waiting = []
        if waiting:
            num_encoded += _embed_batch(waiting, steps)
    return num_encoded


def _embed_batch(readings: list[PhotoReading], steps: _Steps) -> int:
    for reading, vector in zip(readings, steps.encode(readings), strict=True):
        steps.record(reading, vector)
    return len(readings)


def _work_ahead(
    pool: ThreadPoolExecutor, work: Callable[[str], _Result], paths: Iterator[str], *, num_ahead: int
) -> Generator[_Result, None, None]:
    """Results in the order of the paths, with at most `num_ahead` of them under way or waiting to be taken."""
    under_way: deque[Future[_Result]] = deque()
    try:
        for path in paths:
            under_way.append(pool.submit(work, path))
            if len(under_way) >= num_ahead:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        for future in under_way:
            future.cancel()


def open_photo_encoder(model: PhotoModel) -> PhotoEncoder:
    """Starts a model's encoder; GalleryError when it does not have the precision that the model states."""
    encoder = model.open_encoder()
    if encoder.precision != model.precision:
        raise GalleryError(
            f"The encoder of bundle {model.name} opened in precision {encoder.precision}, expected {model.precision}."
        )
    return encoder


def encode_readings(readings: list[PhotoReading], encoder: PhotoEncoder, model: PhotoModel) -> _Vectors:
    """Returns the embeddings of decoded readings, (B, D) float32; GalleryError when the encoder answers otherwise."""
    prepared = [reading.decoded.prepared for reading in readings if reading.decoded is not None]
    vectors = encoder.encode(prepared[0][None] if len(prepared) == 1 else np.stack(prepared))
    expected = (len(readings), model.embedding_dim)
    if vectors.shape != expected or vectors.dtype != np.float32:
        raise GalleryError(
            f"The photo encoder of bundle {model.name} answered {vectors.dtype} {vectors.shape}, expected float32 "
            f"{expected}; export the bundle again."
        )
    return vectors


def record_reading(store: WorkStore, reading: PhotoReading, vector: _Vectors | None) -> None:
    """Notes what became of a photo; one without a usable embedding is noted as unreadable."""
    if vector is not None and not abs(float(np.linalg.norm(vector)) - 1) < _UNIT_NORM_TOLERANCE:  # NaN is wrong too
        sentence = "The encoder gives no finite unit vector for this photo; convert it or take it out."
        reading, vector = replace(reading, decoded=None, problem=Problem("no_embedding", sentence)), None
    store.record(reading, vector)


def record_if_new(store: WorkStore, reading: PhotoReading, vector: _Vectors | None) -> bool:
    """Records a photo that was read without a claim; says whether its embedding was not known yet."""
    digest = reading.content_sha256
    if digest is not None and not store.claim(digest):
        store.record(replace(reading, decoded=None, problem=None))
        return False
    record_reading(store, reading, vector)
    return vector is not None


def _record(
    store: WorkStore, progress: Progress, lock: threading.Lock, reading: PhotoReading, vector: _Vectors | None
) -> None:
    record_reading(store, reading, vector)
    with lock:
        progress.advance()
