"""What a gallery takes as a query: an embedding of its dimension and of unit norm, and nothing else."""

import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.errors import GalleryError

_UNIT_NORM_TOLERANCE = 1e-2


def checked_query(embedding: NDArray[np.float32], *, k: int, dimension: int) -> NDArray[np.float32]:
    """The query as contiguous (D,) float32.

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
