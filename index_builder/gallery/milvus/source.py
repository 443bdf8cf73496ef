"""Follows a gallery in Milvus from one generation to the next."""

from index_builder.gallery.errors import GalleryError
from index_builder.gallery.milvus.address import MilvusAddress
from index_builder.gallery.milvus.connection import MilvusConnection
from index_builder.gallery.milvus.gallery import MilvusGallery
from model.bundle import Bundle


class MilvusSource:
    """Opens what a gallery's alias names. Safe to use from several threads."""

    def __init__(self, address: MilvusAddress, *, bundle: Bundle | None) -> None:
        """Connects; GalleryUnavailableError when Milvus does not answer, GalleryError without its client."""
        self._address = address
        self._bundle = bundle
        self._connection = MilvusConnection(address)

    def current(self) -> str:
        """Returns the name of the generation that is served now; GalleryError when there is no such gallery."""
        return self._current()[1]

    def open(self) -> MilvusGallery:
        """Opens that generation over this source's connection; GalleryError when another bundle made it."""
        gallery = MilvusGallery(self._connection, self._current()[0])
        stamp, bundle = gallery.manifest.bundle, self._bundle
        if bundle is not None and bundle.fingerprint != stamp.fingerprint:
            gallery.close()
            raise GalleryError(
                f"The gallery {self._address} was made by bundle {stamp.name} ({stamp.fingerprint[:12]}), not by "
                f"bundle {bundle.name} ({bundle.fingerprint[:12]}), and their embeddings cannot be compared; build it "
                f"again with --bundle {bundle.path} --store {self._address}."
            )
        return gallery

    def close(self) -> None:
        """Disconnects; galleries that it opened cannot be used afterwards."""
        self._connection.close()

    def _current(self) -> tuple[str, str]:
        collection = self._connection.collection()
        generation = None if collection is None else self._address.generation(collection)
        if collection is None or generation is None:
            command = f"python -m index_builder --gallery photos/ --store {self._address}"
            raise GalleryError(f"There is no gallery {self._address}; build one with `{command}`.")
        return collection, generation
