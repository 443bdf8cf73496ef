"""Hands the photos of which nothing is known yet to the engine that was asked for: threads of this process, or Ray."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from index_builder.embedding.local import embed_photos
from index_builder.embedding.photo_encoder import PhotoModel
from index_builder.gallery.errors import GalleryError
from index_builder.progress import Progress
from index_builder.settings import BuildSettings
from index_builder.work.queries import count_photos
from index_builder.work.store import WorkStore

if TYPE_CHECKING:
    from index_builder.embedding.ray.shards import Shards


def decode_and_embed(
    store: WorkStore, settings: BuildSettings, model: PhotoModel, root: Path, progress: Progress
) -> int:
    """Embeds what nobody knows yet of the photos in the store; returns how many contents were encoded."""
    shards = _take_shards(store, settings, model, root, progress)
    known = count_photos(store.database)
    (resumed,) = store.database.execute("SELECT count(*) FROM indexed WHERE vector IS NOT NULL").fetchone()
    if resumed:
        progress.say(f"Resumed: {resumed:,} of {known.found:,} were already embedded")
    if known.indexed > resumed:
        progress.say(f"Unchanged: {known.indexed - resumed:,} of {known.found:,} keep the embedding they have")
    num_pending = known.found - known.indexed - known.skipped
    num_encoded = _embed_pending(store, settings, model, root, shards, num_pending, progress) if num_pending else 0
    if shards is not None:
        shards.clear()
    return num_encoded


def _take_shards(
    store: WorkStore, settings: BuildSettings, model: PhotoModel, root: Path, progress: Progress
) -> "Shards | None":
    """Opens --shards and records what an earlier run has left there."""
    if settings.shards is None:
        return None
    try:
        from index_builder.embedding.ray.shards import Shards, take_shards  # only where it is needed
    except ImportError as error:
        raise GalleryError("--shards needs fsspec and pyarrow; install them with the extra ray.") from error
    shards = Shards(settings.shards, model=model, root=root, out=settings.out)
    take_shards(store, shards, progress)
    return shards


def _embed_pending(
    store: WorkStore,
    settings: BuildSettings,
    model: PhotoModel,
    root: Path,
    shards: "Shards | None",
    num_pending: int,
    progress: Progress,
) -> int:
    started, num_workers = time.monotonic(), settings.num_workers
    progress.start(num_pending)
    try:
        if settings.engine == "local":
            num_encoded = embed_photos(store, root, model, num_workers=num_workers, progress=progress)
        else:
            from index_builder.embedding.ray.driver import embed_photos_on_ray  # only where it is needed

            num_encoded = embed_photos_on_ray(
                store,
                root,
                model,
                address=settings.ray_address,
                num_workers=num_workers,
                shards=shards,
                progress=progress,
            )
    finally:
        progress.stop()
    seconds = max(time.monotonic() - started, 1e-9)
    progress.say(f"Read {num_pending:,} photos in {seconds:,.1f} s ({num_pending / seconds:,.1f} photos/s)")
    return num_encoded
