"""What the search engine needs of an encoder; anything of this shape can stand in for it."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

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
