"""What a gallery is to those who search it, wherever it lies: the interface that FAISS's files and Milvus share.

tests/index_builder/gallery/test_gallery_contract.py holds every implementation to it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.columns import Column

# What `select` gives and `search` takes back: rows or an expression. Only the gallery that made it can read it.
Selection = Any


class PhotoHit(Protocol):
    """One search result of a gallery."""

    @property
    def photo_id(self) -> str:
        """The photo's stable id."""

    @property
    def score(self) -> float:
        """Cosine to the query, in [-1, 1]."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the user stored beside the photo."""


class PhotoItem(Protocol):
    """What a gallery knows about one photo."""

    @property
    def photo_id(self) -> str:
        """The photo's stable id."""

    @property
    def path(self) -> Path:
        """Where the file is, absolute."""

    @property
    def content_sha256(self) -> str:
        """Hex digest of the file's bytes when it was indexed."""

    @property
    def media_type(self) -> str:
        """Such as "image/jpeg"."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the user stored beside the photo."""


class PhotoGallery(Protocol):
    """One opened generation of a gallery; it never changes, and is called from several threads."""

    @property
    def generation(self) -> str:
        """The generation's name."""

    @property
    def size(self) -> int:
        """How many photos it holds."""

    @property
    def dimension(self) -> int:
        """D, the length of an embedding."""

    @property
    def device(self) -> str:
        """Where searches over all photos run: "cpu", "cuda" or "milvus"."""

    @property
    def columns(self) -> Sequence[Column]:
        """The columns of the photos' metadata, by name."""

    def select(self, filters: Sequence[str], /) -> Selection | None:
        """The photos that match filters such as "price>=10"; None without any. Raises FilterError for a wrong one."""

    def search(self, embedding: NDArray[np.float32], /, *, k: int, rows: Selection | None = None) -> Sequence[PhotoHit]:
        """The k photos, of the selected or of all, nearest to a (D,) unit vector; refuses any other vector.

        Best first, with exact scores; equal ones in the order of their ids. There are k whenever k exist.
        """

    def item(self, photo_id: str, /) -> PhotoItem | None:
        """One photo, or None for an unknown id."""

    def embedding(self, photo_id: str, /) -> NDArray[np.float32] | None:
        """The stored (D,) vector, or None for an unknown id."""

    def thumbnail(self, photo_id: str, /) -> bytes | None:
        """A small WebP or JPEG, or None for an unknown id."""

    def close(self) -> None:
        """Releases what it holds; it cannot be used afterwards."""


class GallerySource(Protocol):
    """Where generations of a gallery come from: a folder or a database."""

    def current(self) -> str:
        """The name of the generation that is served now; cheap, as it is asked for about once a second."""

    def open(self) -> PhotoGallery:
        """Opens that generation. Raises GalleryError, which says why it cannot be used and what to do."""

    def close(self) -> None:
        """Releases what it holds."""
