"""Embeds photos on a Ray cluster: actors read, decode and embed with a session each, and this process records.

Results lie in the same work store as with the local engine, and are committed as often. So a worker that dies
costs the batches it had in hand, which Ray gives to another; and when this process dies, the same command goes on from
what was committed, and from the shards that workers have finished, if they were asked to keep some. Every node has to
see the photos at the same path, and to have this project installed.
"""

import logging
import os
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from index_builder.embedding.local import record_if_new
from index_builder.embedding.photo_encoder import PhotoModel
from index_builder.gallery.errors import GalleryError
from index_builder.progress import Progress
from index_builder.work.store import WorkStore

if TYPE_CHECKING:
    import pyarrow as pa

    from index_builder.embedding.ray.shards import Shards

_BATCH_PHOTOS = 16  # what a worker takes at a time, and loses when it dies
_ROUND_PHOTOS = 20_000  # the paths of so many are in memory
_MAX_SHARDS = 16  # waiting to be deleted


def embed_photos_on_ray(
    store: WorkStore,
    root: Path,
    model: PhotoModel,
    *,
    address: str | None,
    num_workers: int,
    shards: "Shards | None",
    progress: Progress,
) -> int:
    """Embeds what the store lists as pending and records it there, as `embed_photos` does.

    Args:
        store: of this run.
        root: the photos folder, at this path on every node.
        model: the encoder and its preprocessing; sent to the workers, which open the encoder.
        address: of the cluster; None starts one on this machine and ends it afterwards.
        num_workers: actors; 0 takes one for each GPU that may be used, else one for each core of the cluster.
        shards: where workers keep what they have finished until it is committed here, or None.
        progress: told of each photo.

    Returns:
        The number of contents that were encoded and recorded.

    Raises:
        GalleryError: Ray is not installed, the cluster cannot be reached, or the workers failed.
    """
    try:
        import ray
        import ray.data
        from ray.exceptions import RayError
    except ImportError as error:
        raise GalleryError("--engine ray needs Ray; install it with the extra ray.") from error
    started = time.monotonic()
    _connect(ray, address)
    try:
        actors, has_gpus = _actors(ray, model, num_workers)
        recorder = _Recorder(store, shards, progress)
        for paths in _rounds(store):
            for table in _embedded(ray, paths, (str(root), model, shards), actors=actors, has_gpus=has_gpus):
                if not recorder.has_begun:
                    progress.say(f"{actors} Ray workers, the first photo after {time.monotonic() - started:.1f} s")
                recorder.record(table)
            recorder.commit()
    except RayError as error:
        raise GalleryError(f"The Ray workers failed ({error}); the same command goes on where they stopped.") from error
    finally:
        ray.shutdown()
    return recorder.num_encoded


def _connect(ray: ModuleType, address: str | None) -> None:
    if address is None:
        # Here the workers do the work: at their usual niceness whatever else runs on this machine would come first.
        os.environ.setdefault("RAY_worker_niceness", "0")
    try:
        ray.init(address=address or "local", log_to_driver=False, logging_level="ERROR", include_dashboard=False)
    except Exception as error:  # Ray raises plain ones here
        raise GalleryError(
            f"--ray-address {address} cannot be used ({error}); give that of a running cluster."
        ) from error
    ray.data.DataContext.get_current().enable_progress_bars = False
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _actors(ray: ModuleType, model: PhotoModel, num_workers: int) -> tuple[int, bool]:
    """Returns the number of actors, and True if each has a GPU."""
    resources = ray.cluster_resources()
    has_gpus = model.device != "cpu" and resources.get("GPU", 0) > 0
    return num_workers or int(resources["GPU" if has_gpus else "CPU"]), has_gpus


def _embedded(
    ray: ModuleType, paths: list[str], given: tuple[Any, ...], *, actors: int, has_gpus: bool
) -> Iterator["pa.Table"]:
    """The tables that the workers make of the paths, in the order in which they are ready."""
    import pyarrow

    from index_builder.embedding.ray.worker import PATH, EmbedPhotos

    batches = (paths[first : first + _BATCH_PHOTOS] for first in range(0, len(paths), _BATCH_PHOTOS))
    photos = ray.data.from_blocks([pyarrow.table({PATH: batch}) for batch in batches])
    embedded = photos.map_batches(
        EmbedPhotos,
        fn_constructor_args=given,
        batch_size=None,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=actors),
        num_cpus=0 if has_gpus else 1,
        num_gpus=1 if has_gpus else 0,
    )
    # Fetched ahead a table would wait here, unrecorded, until the next one is ready.
    yield from embedded.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)


class _Recorder:
    """Records what comes back, and deletes the shards of what is committed."""

    def __init__(self, store: WorkStore, shards: "Shards | None", progress: Progress) -> None:
        self._store = store
        self._shards = shards
        self._progress = progress
        self._names: set[str] = set()
        self.has_begun = False
        self.num_encoded = 0

    def record(self, table: "pa.Table") -> None:
        from index_builder.embedding.ray.table import from_table
        from index_builder.embedding.ray.worker import SHARD

        self.has_begun = True
        self._names |= {name for name in table.column(SHARD).unique().to_pylist() if name is not None}
        for reading, vector in from_table(table.drop_columns([SHARD])):
            self.num_encoded += record_if_new(self._store, reading, vector)
            self._progress.advance()
        if len(self._names) >= _MAX_SHARDS:
            self.commit()

    def commit(self) -> None:
        self._store.commit()
        if self._shards is not None:
            self._shards.delete(self._names)
        self._names.clear()


def _rounds(store: WorkStore) -> Iterator[list[str]]:
    pending = store.pending()
    while paths := list(islice(pending, _ROUND_PHOTOS)):
        yield paths
