"""Embeds photos on a Ray cluster: actors read, decode and embed with a session each, and this process records.

What is recorded lies in the same work store as with the local engine, and is committed as often. So a worker that dies
costs the batches it had in hand, which Ray gives to another; and when this process dies, the same command goes on from
what was committed. Every node has to see the photos at the same path, and to have this project installed.
"""

import os
import pickle
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index_builder.embed import encode_readings, open_photo_encoder, record_reading
from index_builder.errors import GalleryError
from index_builder.photo_model import PhotoModel
from index_builder.progress import Progress
from index_builder.read_photo import PhotoReading, read_photo
from index_builder.work import WorkStore

_BATCH_PHOTOS = 16  # what a worker takes at a time, and loses when it dies
_ROUND_PHOTOS = 20_000  # the paths of so many are in memory
_PATH, _RESULT = "path", "result"


def embed_photos_on_ray(
    store: WorkStore, root: Path, model: PhotoModel, *, address: str | None, num_workers: int, progress: Progress
) -> int:
    """Embeds what the store lists as pending and records it there, as `embed_photos` does.

    Args:
        store: of this run.
        root: the photos folder, at this path on every node.
        model: the encoder and its preprocessing; sent to the workers, which open the encoder.
        address: of the cluster; None starts one on this machine and ends it afterwards.
        num_workers: actors; 0 takes one for each GPU that may be used, else one for each core of the cluster.
        progress: told of each photo.

    Returns:
        How many contents were encoded and recorded.

    Raises:
        GalleryError: Ray is not installed, the cluster cannot be reached, or the workers failed.
    """
    try:
        import ray
        from ray.data import ActorPoolStrategy, DataContext
        from ray.exceptions import RayError
    except ImportError as error:
        raise GalleryError("--engine ray needs Ray; install it with the extra ray.") from error
    started = time.monotonic()
    if address is None:
        # Here the workers do the work: at their usual niceness whatever else runs on this machine would come first.
        os.environ.setdefault("RAY_worker_niceness", "0")
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", include_dashboard=False)
    except Exception as error:  # Ray raises plain ones here
        raise GalleryError(
            f"--ray-address {address} cannot be used ({error}); give that of a running cluster."
        ) from error
    try:
        context = DataContext.get_current()
        context.enable_progress_bars = False
        has_gpus = model.device != "cpu" and ray.cluster_resources().get("GPU", 0) > 0
        actors = num_workers or int(ray.cluster_resources()["GPU" if has_gpus else "CPU"])
        num_encoded, is_first = 0, True
        for paths in _rounds(store):
            photos = ray.data.from_blocks(_blocks(paths))
            embedded = photos.map_batches(
                _EmbedPhotos,
                fn_constructor_args=(str(root), model),
                batch_size=None,
                batch_format="numpy",
                compute=ActorPoolStrategy(size=actors),
                num_cpus=0 if has_gpus else 1,
                num_gpus=1 if has_gpus else 0,
            )
            for batch in embedded.iter_batches(batch_size=None, batch_format="numpy"):
                if is_first:
                    seconds = time.monotonic() - started
                    progress.say(f"{actors} Ray workers, the first photo after {seconds:.1f} s")
                    is_first = False
                for result in batch[_RESULT]:
                    num_encoded += _record(store, *pickle.loads(result))  # noqa: S301  from our own workers
                    progress.advance()
            store.commit()
    except RayError as error:
        raise GalleryError(f"The Ray workers failed ({error}); the same command goes on where they stopped.") from error
    finally:
        ray.shutdown()
    return num_encoded


def _rounds(store: WorkStore) -> Iterator[list[str]]:
    pending = store.pending()
    while paths := list(islice(pending, _ROUND_PHOTOS)):
        yield paths


def _blocks(paths: list[str]) -> list[Any]:
    import pyarrow

    batches = (paths[first : first + _BATCH_PHOTOS] for first in range(0, len(paths), _BATCH_PHOTOS))
    return [pyarrow.table({_PATH: batch}) for batch in batches]


def _record(store: WorkStore, reading: PhotoReading, vector: NDArray[np.float32] | None) -> bool:
    """Records a photo; says whether its embedding was new: another worker may have met the same content."""
    digest = reading.content_sha256
    if digest is not None and not store.claim(digest):
        store.record(replace(reading, decoded=None, problem=None))
        return False
    record_reading(store, reading, vector)
    return vector is not None


class _EmbedPhotos:
    """An actor: opens the encoder once, and takes batches of paths."""

    def __init__(self, root: str, model: PhotoModel) -> None:
        warnings.filterwarnings("ignore", module=r"PIL\.")
        self._root = Path(root)
        self._model = model
        self._encoder = open_photo_encoder(model)
        self._is_on_device = self._encoder.provider != "CPUExecutionProvider"

    def __call__(self, batch: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Paths to pickled pairs of what became of a photo and of its embedding."""
        model = self._model
        readings = [
            read_photo(self._root, path, claim=lambda _: True, prepare=model.prepare, image_size_px=model.image_size_px)
            for path in batch[_PATH].tolist()
        ]
        decoded = [reading for reading in readings if reading.decoded is not None]
        # On a CPU one by one, as the local engine does: an embedding must not depend on its neighbours.
        groups = [decoded] if self._is_on_device and decoded else [[each] for each in decoded]
        vectors = (vector for group in groups for vector in encode_readings(group, self._encoder, model))
        results = [_packed(reading, None if reading.decoded is None else next(vectors)) for reading in readings]
        return {_RESULT: np.array(results, object)}


def _packed(reading: PhotoReading, vector: NDArray[np.float32] | None) -> bytes:
    decoded = reading.decoded
    kept = None if decoded is None else replace(decoded, prepared=np.empty((0, 0, 0), np.float32))
    return pickle.dumps((replace(reading, decoded=kept), vector))
