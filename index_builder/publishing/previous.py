"""The generation that is served while the next one is built, as a source of hashes and embeddings to reuse."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.errors import GalleryError
from index_builder.gallery.folder_gallery import Gallery, current_generation, generation_folder
from index_builder.gallery.manifest import Manifest, read_manifest
from index_builder.work.store import PreviousPhoto


class PreviousGeneration:
    """Reads what the current generation knows. Close it after use."""

    def __init__(self, gallery: Gallery, *, reuse_embeddings: bool) -> None:
        """Takes an opened generation.

        Args:
            gallery: the generation; closed by `close`.
            reuse_embeddings: whether the encoder that builds now made its embeddings.
        """
        self._gallery = gallery
        self.reuse_embeddings = reuse_embeddings

    @property
    def manifest(self) -> Manifest:
        """The generation's manifest."""
        return self._gallery.manifest

    def photos(self) -> Iterator[PreviousPhoto]:
        """Its photos, with their rows where their embeddings may be reused."""
        query = (
            "SELECT photo_id, path, size_bytes, mtime_ns, content_sha256, row, width_px, height_px, media_type"
            " FROM items ORDER BY row"
        )
        for photo_id, path, size, mtime, digest, row, width, height, media_type in self._gallery.query(query):
            kept = row if self.reuse_embeddings else None
            yield PreviousPhoto(photo_id, path, size, mtime, digest, kept, width, height, media_type)

    def embedding(self, row: int) -> NDArray[np.float32]:
        """(D,) float32, unit norm."""
        return self._gallery.embedding_at(row)

    def thumbnail(self, row: int) -> bytes:
        """JPEG bytes."""
        return self._gallery.thumbnail_at(row)

    def perceptual_hash(self, row: int) -> bytes:
        """32 bytes."""
        return self._gallery.perceptual_hash_at(row)

    def close(self) -> None:
        """Closes its files."""
        self._gallery.close()


def open_previous(out: Path, *, fingerprint: str, precision: str) -> PreviousGeneration | None:
    """Opens the current generation of a gallery for reuse.

    Its files are hashed first: a damaged embedding must not be copied into the next generation.

    Args:
        out: the gallery's folder.
        fingerprint: of the bundle that builds now.
        precision: of its photo encoder.

    Returns:
        None when there is no generation yet.

    Raises:
        GalleryError: there is one, but it is damaged.
    """
    try:
        name = current_generation(out)
    except GalleryError:
        return None
    folder = generation_folder(out, name)
    gallery = Gallery(folder, hashed=read_manifest(folder).file_names)
    stamp = gallery.manifest.bundle
    same = (stamp.fingerprint, stamp.precision) == (fingerprint, precision)
    return PreviousGeneration(gallery, reuse_embeddings=same)
