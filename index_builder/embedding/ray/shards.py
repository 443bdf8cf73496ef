"""Finished work of Ray workers, as Parquet files below any fsspec URL, until the builder has committed it.

Without them a driver that is killed loses what its workers had handed back since its last commit, and what they had in
hand. A shard is there as a whole or not at all, and belongs to one encoder and one folder of photos.
"""

import hashlib
import io
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import fsspec
import pyarrow as pa
from fsspec.asyn import AsyncFileSystem
from pyarrow import parquet

from index_builder.embedding.local import record_if_new
from index_builder.embedding.photo_encoder import PhotoModel
from index_builder.embedding.ray.table import from_table, result_schema
from index_builder.gallery.errors import GalleryError
from index_builder.progress import Progress
from index_builder.work.store import WorkStore

_SUFFIX = ".parquet"
_UNFINISHED = ".part"


class Shards:
    """The shards of one build. Travels to the workers, whose machines must have what the URL needs."""

    def __init__(self, url: str, *, model: PhotoModel, root: Path, out: Path) -> None:
        """Opens the place, and tries it out.

        Args:
            url: of fsspec, such as file:///mnt/shared/shards or s3://bucket/shards; made below a folder if needed.
            model: whose embeddings they hold.
            root: of the photos.
            out: of the gallery; several builds may share a URL.

        Raises:
            GalleryError: the URL cannot be written and read.
        """
        self._schema = result_schema(model.embedding_dim)
        self._run = uuid.uuid4().hex[:8]  # what another run's workers may still write is not taken for this one's
        place = hashlib.sha256(f"{root}\0{out.resolve()}".encode()).hexdigest()[:16]
        try:
            self._files, top = fsspec.core.url_to_fs(url)
            self._folder = f"{top.rstrip('/')}/{model.fingerprint[:16]}-{model.precision}-{place}"
            if not self._puts_whole_objects:
                self._files.makedirs(self._folder, exist_ok=True)
            probe = self.name([])
            self.write(probe, self._schema.empty_table())
            self.read(probe)
            self.delete([probe])
        except Exception as error:  # each kind of storage raises its own
            raise GalleryError(
                f"--shards {url} cannot be used ({error}); give a URL of fsspec that may be written, such as "
                "s3://bucket/shards or file:///mnt/shared/shards."
            ) from error

    @property
    def _puts_whole_objects(self) -> bool:
        return isinstance(self._files, AsyncFileSystem)  # the object stores: an object appears when all of it is there

    def name(self, paths: list[str]) -> str:
        """The name of the shard of these photos: the same for each attempt of this run."""
        return f"{self._run}-{_hashed(paths)}{_SUFFIX}"

    def names(self) -> list[str]:
        """All shards that are there."""
        self._files.invalidate_cache()
        return sorted(path.rsplit("/", 1)[-1] for path in self._files.find(self._folder) if path.endswith(_SUFFIX))

    def write(self, name: str, table: pa.Table) -> None:
        """Writes a shard so that it is there as a whole or not at all."""
        stream = io.BytesIO()
        # Thumbnails and embeddings do not get smaller, and nobody asks for a range; checksums tell a damaged page.
        plain = {"compression": "none", "use_dictionary": False, "write_statistics": False}
        parquet.write_table(table, stream, write_page_checksum=True, **plain)
        path = f"{self._folder}/{name}"
        if self._puts_whole_objects:
            self._files.pipe_file(path, stream.getvalue())
            return
        unfinished = f"{path}.{uuid.uuid4().hex[:8]}{_UNFINISHED}"
        self._files.pipe_file(unfinished, stream.getvalue())
        self._files.mv(unfinished, path)

    def read(self, name: str) -> pa.Table | None:
        """The table of a shard; None when there is none, or none that can be read as one."""
        try:
            data = self._files.cat_file(f"{self._folder}/{name}")
        except FileNotFoundError:
            return None
        try:
            table = parquet.read_table(io.BytesIO(data), page_checksum_verification=True)
        except (pa.ArrowException, OSError):
            return None
        return table if table.schema.equals(self._schema) else None

    def delete(self, names: Iterable[str]) -> None:
        """Deletes shards."""
        paths = [f"{self._folder}/{name}" for name in names]
        if paths:
            self._files.rm(paths)

    def clear(self) -> None:
        """Deletes everything that is left, unfinished and repeated shards included."""
        self._files.invalidate_cache()
        with suppress(FileNotFoundError):
            self._files.rm(self._folder, recursive=True)


def _hashed(paths: list[str]) -> str:
    return hashlib.sha256("\0".join(paths).encode()).hexdigest()[:24]


def take_shards(store: WorkStore, shards: Shards, progress: Progress) -> None:
    """Records what an earlier run's workers had finished of photos that are still the same; deletes the shards."""
    names = shards.names()
    num_taken = num_unreadable = 0
    for name in names:
        table = shards.read(name)
        if table is None:
            num_unreadable += 1
            continue
        for reading, vector in from_table(table):
            if vector is not None and store.is_unchanged(reading):
                num_taken += record_if_new(store, reading, vector)
    store.commit()
    shards.delete(names)
    if names:
        progress.say(f"Taken from {len(names):,} shards of an earlier run: {num_taken:,} embeddings")
    if num_unreadable:
        progress.say(f"Of the shards {num_unreadable:,} could not be read; their photos are embedded again")
