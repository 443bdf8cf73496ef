"""What the search engine needs of an encoder and of a gallery; anything of this shape can stand in for them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from index_builder.columns import Column
from model.bundle import Bundle


class SketchEncoder(Protocol):
    """Prepared sketches in, embeddings out; called from several threads."""

    @property
    def bundle(self) -> Bundle:
        """The bundle the encoder came from."""

    @property
    def provider(self) -> str:
        """The ONNX Runtime provider that really runs."""

    @property
    def precision(self) -> str:
        """Such as "fp32" or "int8"."""

    def encode(self, images: NDArray[np.float32], /) -> NDArray[np.float32]:
        """(B, 3, S, S) float32 to (B, D) float32 of unit norm."""


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
    """One opened generation of a gallery; called from several threads."""

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
        """Where searches over all photos run: "cpu" or "cuda"."""

    @property
    def columns(self) -> Sequence[Column]:
        """The columns of the photos' metadata."""

    def select(self, filters: Sequence[str], /) -> NDArray[np.int64] | None:
        """The rows that match filters such as "price>=10"; None without any. Raises FilterError for a wrong one."""

    def search(
        self, embedding: NDArray[np.float32], /, *, k: int, rows: NDArray[np.int64] | None = None
    ) -> Sequence[PhotoHit]:
        """The k photos, of the rows or of all, nearest to a (D,) unit vector, best first; refuses any other vector."""

    def item(self, photo_id: str, /) -> PhotoItem | None:
        """One photo, or None for an unknown id."""

    def embedding(self, photo_id: str, /) -> NDArray[np.float32] | None:
        """The stored (D,) vector, or None for an unknown id."""

    def thumbnail(self, photo_id: str, /) -> bytes | None:
        """A small WebP or JPEG, or None for an unknown id."""

    def close(self) -> None:
        """Releases the files."""
