"""Runs on the nodes of a Ray cluster: an actor that reads, decodes and embeds batches of photos."""

import warnings
from pathlib import Path

import pyarrow as pa

from index_builder.embedding.local import encode_readings, open_photo_encoder
from index_builder.embedding.photo_encoder import PhotoModel
from index_builder.embedding.ray.shards import Shards
from index_builder.embedding.ray.table import to_table
from index_builder.photos.read import read_photo

PATH, SHARD = "path", "shard"


class EmbedPhotos:
    """An actor: opens the encoder once, and takes batches of paths."""

    def __init__(self, root: str, model: PhotoModel, shards: Shards | None) -> None:
        warnings.filterwarnings("ignore", module=r"PIL\.")
        self._root = Path(root)
        self._model = model
        self._shards = shards
        self._encoder = open_photo_encoder(model)
        self._is_on_device = self._encoder.provider != "CPUExecutionProvider"

    def __call__(self, batch: pa.Table) -> pa.Table:
        """A table of paths to the table of what became of them; with shards, finished there first."""
        paths = batch[PATH].to_pylist()
        if self._shards is None:
            return self._embedded(paths).append_column(SHARD, pa.nulls(len(paths), pa.string()))
        name = self._shards.name(paths)
        table = self._shards.read(name)  # finished already by a worker whose node died before it was handed back
        if table is None:
            table = self._embedded(paths)
            self._shards.write(name, table)
        return table.append_column(SHARD, pa.array([name] * len(paths), pa.string()))

    def _embedded(self, paths: list[str]) -> pa.Table:
        model = self._model
        readings = [
            read_photo(self._root, path, claim=lambda _: True, prepare=model.prepare, image_size_px=model.image_size_px)
            for path in paths
        ]
        decoded = [reading for reading in readings if reading.decoded is not None]
        # On a CPU one by one, as the local engine does: an embedding must not depend on its neighbours.
        groups = [decoded] if self._is_on_device and decoded else [[each] for each in decoded]
        vectors = (vector for group in groups for vector in encode_readings(group, self._encoder, model))
        results = [(reading, None if reading.decoded is None else next(vectors)) for reading in readings]
        return to_table(results, model.embedding_dim)
