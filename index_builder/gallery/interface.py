"""The interface of a gallery, which files with FAISS and Milvus share.

tests/index_builder/gallery/test_gallery_contract.py holds every implementation to it.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.columns import Column
from index_builder.gallery.errors import GalleryError

# What `select` gives and `search` takes back: rows or an expression. Only the gallery that made it can read it.
Selection = Any
_UNIT_NORM_TOLERANCE = 1e-2


@dataclass(frozen=True)
class Hit:
    """One answer: a photo, its metadata, and its score, the cosine between its embedding and the query's."""

    photo_id: str
    metadata: dict[str, Any]
    score: float


@dataclass(frozen=True)
class Item:
    """Everything that the gallery knows about one photo.

    Attributes:
        photo_id: stable, external id.
        path: absolute path of the file when the gallery was built.
        width_px: width of the upright photo.
        height_px: height of the upright photo.
        content_sha256: hex digest of the file.
        media_type: such as "image/jpeg", by content.
        metadata: the person's own columns, typed.
    """

    photo_id: str
    path: Path
    width_px: int
    height_px: int
    content_sha256: str
    media_type: str
    metadata: dict[str, Any]


class PhotoGallery(Protocol):
    """One opened generation of a gallery; it never changes, and is called from several threads."""

    @property
    def generation(self) -> str:
        """The generation's name."""

    @property
    def size(self) -> int:
        """The number of photos."""

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

    def search(self, embedding: NDArray[np.float32], /, *, k: int, rows: Selection | None = None) -> Sequence[Hit]:
        """Finds the photos nearest to a query: exactly, or in a large gallery with the recall its manifest states.

        Args:
            embedding: (D,) float32, unit norm.
            k: how many are wanted, at least 1.
            rows: only these may be answered, as `select` gives them; None for all.

        Returns:
            min(k, size) hits, or as many as match, best first, with exact scores; equal ones in the order of their ids.

        Raises:
            GalleryError: the embedding has another shape or is not of unit norm, or k is below 1.
        """

    def item(self, photo_id: str, /) -> Item | None:
        """One photo, or None for an unknown id."""

    def embedding(self, photo_id: str, /) -> NDArray[np.float32] | None:
        """The stored (D,) vector, or None for an unknown id."""

    def thumbnail(self, photo_id: str, /) -> bytes | None:
        """A small JPEG, or None for an unknown id."""

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


class Closing(ABC):
    """Closes itself at the end of a `with` block."""

    @abstractmethod
    def close(self) -> None:
        """Releases what it holds."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def checked_query(embedding: NDArray[np.float32], *, k: int, dimension: int) -> NDArray[np.float32]:
    """Returns the query as contiguous (D,) float32.

    Raises:
        GalleryError: it has another shape or is not of unit norm, or k is below 1.
    """
    if k < 1:
        raise GalleryError(f"k is {k}; ask for at least 1 photo.")
    values = np.ascontiguousarray(embedding, np.float32)
    if values.shape != (dimension,):
        raise GalleryError(f"The query has shape {values.shape}; this gallery expects ({dimension},).")
    norm = float(np.linalg.norm(values))
    if not abs(norm - 1) < _UNIT_NORM_TOLERANCE:  # also refuses NaN
        raise GalleryError(f"The query has norm {norm:.4f}; expected an embedding of unit norm.")
    return values
