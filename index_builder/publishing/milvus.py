"""Publishes a generation from disk to Milvus: a new collection beside the old one, checked, and then the alias.

Readers follow the alias and hold on to the collection that it named, so an answer comes from one generation. The one
before is dropped a while after the switch, when every service has looked at the alias again.
"""

import time
from dataclasses import replace
from typing import Any

from index_builder.gallery.folder_gallery import Gallery
from index_builder.gallery.indexes.vectors import VectorFile
from index_builder.gallery.manifest import INDEX, IndexTuning
from index_builder.gallery.milvus.address import MilvusAddress
from index_builder.gallery.milvus.check_collection import check_collection
from index_builder.gallery.milvus.connection import WRITE_SECONDS, MilvusConnection
from index_builder.gallery.milvus.schema import VECTOR, Facts, add_fields, batches
from index_builder.gallery.milvus.search import MilvusIndex
from index_builder.indexing.requirements import IndexRequirements
from index_builder.progress import Progress
from index_builder.publishing.milvus_index import choose, index_parameters, tuned

GRACE_SECONDS = 30.0


class MilvusPublisher:
    """Keeps one gallery in Milvus up to date with a gallery on disk."""

    def __init__(
        self,
        address: MilvusAddress,
        *,
        requirements: IndexRequirements,
        progress: Progress,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        """Connects.

        Args:
            address: of the gallery.
            requirements: what is asked of the index.
            progress: told what happens.
            grace_seconds: how long the generation before stays after the switch; longer than services poll.

        Raises:
            GalleryUnavailableError: Milvus does not answer.
            GalleryError: the client is not installed.
        """
        self._address = address
        self._requirements = requirements
        self._progress = progress
        self._grace_seconds = grace_seconds
        self._connection = MilvusConnection(address)

    def publish(self, gallery: Gallery) -> bool:
        """Makes Milvus serve a generation, and returns False where it does; on an error it serves what it served."""
        name = self._address.collection(gallery.generation)
        served = self._connection.collection()
        self._drop_all_but(served)  # what an interrupted run left
        if served == name:
            self._progress.say(f"Nothing to do: {self._address} serves generation {gallery.generation}")
            return False
        vectors = VectorFile(gallery.folder / INDEX, count=gallery.size, dimension=gallery.dimension)
        try:
            tuning = choose(gallery, vectors, self._requirements)
            self._fill(name, gallery, tuning)
            index = MilvusIndex(self._connection, name, size=gallery.size, tuning=tuning)
            index.nprobe, index.candidates_per_result = index.nlist, 1
            check_collection(self._connection, name, index, size=gallery.size, made=gallery.embedding_at)
            tuning = tuned(index, tuning, vectors, requirements=self._requirements, progress=self._progress)
        finally:
            vectors.close()
        self._call("alter_collection_properties", name, properties=_facts(gallery, tuning).properties())
        self._call("create_alias" if served is None else "alter_alias", name, self._address.gallery)
        self._progress.say(f"Published generation {gallery.generation} as {self._address}")
        if served is not None:
            self._progress.say(f"The generation before is dropped in {self._grace_seconds:g} s, when nobody reads it")
            time.sleep(self._grace_seconds)
            self._drop_all_but(name)
        return True

    def close(self) -> None:
        """Disconnects."""
        self._connection.close()

    def _fill(self, name: str, gallery: Gallery, tuning: IndexTuning) -> None:
        client = self._connection.client
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        add_fields(schema, dimension=gallery.dimension, columns=gallery.columns)
        self._call(
            "create_collection",
            name,
            schema=schema,
            properties=_facts(gallery, tuning).properties(),
            consistency_level="Strong",
        )
        started, inserted = time.monotonic(), 0
        for rows in batches(gallery):
            inserted += int(self._call("insert", name, rows)["insert_count"])
        self._call("flush", name)
        parameters = client.prepare_index_params()
        parameters.add_index(VECTOR, **index_parameters(tuning))
        self._call("create_index", name, parameters)
        self._call("load_collection", name)
        seconds = max(time.monotonic() - started, 1e-9)
        self._progress.say(
            f"Milvus holds {inserted:,} photos, inserted, indexed and loaded in {seconds:,.1f} s "
            f"({inserted / seconds:,.0f} photos/s)"
        )

    def _drop_all_but(self, kept: str | None) -> None:
        for collection in self._call("list_collections"):
            if collection != kept and self._address.generation(collection):
                self._call("drop_collection", collection)

    def _call(self, method: str, *arguments: object, **named: object) -> Any:  # noqa: ANN401  the client has no types
        return self._connection.call(method, *arguments, seconds=WRITE_SECONDS, **named)


def _facts(gallery: Gallery, tuning: IndexTuning) -> Facts:
    kind = "Flat" if tuning.is_exact else tuning.factory
    return Facts(replace(gallery.manifest, tuning=tuning, index_type=kind), gallery.folder.resolve())
