"""Many vectors that lie as the embeddings of a real gallery do: a mixture fitted to that gallery.

One component for each real photo: a Gaussian around it with the covariance of its nearest neighbours, put back on the
unit sphere. A single number, how wide the components are, is fitted, so that in a sample of as many vectors as there
are real photos the median distance to the nearest neighbour is the real one; `describe` says how well the rest agrees.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.folder_gallery import open_gallery

NUM_NEIGHBOURS = 24
_CHUNK = 8192
_QUANTILES = (0.1, 0.5, 0.9)

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Mixture:
    """Centres (N, D) of unit norm, the rows of each one's neighbours (N, M), and how wide a component is."""

    centres: Vectors
    neighbours: NDArray[np.int64]
    width: float

    def sample(self, number: int, *, seed: int) -> Vectors:
        """(number, D) float32, unit norm."""
        return np.concatenate(list(self.chunks(number, seed=seed)))

    def chunks(self, number: int, *, seed: int) -> Iterator[Vectors]:
        """The same vectors as `sample`, in pieces."""
        generator = np.random.default_rng(seed)
        for first in range(0, number, _CHUNK):
            size = min(_CHUNK, number - first)
            chosen = generator.integers(0, len(self.centres), size)
            weights = generator.standard_normal((size, NUM_NEIGHBOURS), np.float32) * self.width / NUM_NEIGHBOURS**0.5
            around = self.centres[self.neighbours[chosen]]
            offsets = np.einsum("nm,nmd->nd", weights, around) - weights.sum(1, keepdims=True) * self.centres[chosen]
            vectors = self.centres[chosen] + offsets
            yield np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def fit_mixture(real: Vectors) -> Mixture:
    """Fits a mixture to (N, D) unit vectors of a real gallery, N at least a few hundred."""
    similarity = real @ real.T
    np.fill_diagonal(similarity, -1)
    neighbours = np.argsort(-similarity, axis=1)[:, :NUM_NEIGHBOURS]
    wanted = float(np.median(nearest_distances(real)))
    low, high = 0.05, 4.0
    for _ in range(14):
        width = (low * high) ** 0.5
        sample = Mixture(real, neighbours, width).sample(len(real), seed=1)
        low, high = (width, high) if np.median(nearest_distances(sample)) < wanted else (low, width)
    return Mixture(real, neighbours, (low * high) ** 0.5)


def nearest_distances(vectors: Vectors) -> NDArray[np.float64]:
    """(N,) Euclidean distances of (N, D) unit vectors to the nearest other one."""
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -1)
    return np.asarray(np.sqrt(np.maximum(0.0, 2 - 2 * similarity.max(axis=1).astype(np.float64))))


def intrinsic_dimension(vectors: Vectors, *, num_neighbours: int = 20) -> float:
    """Levina and Bickel's estimate (2004) from the distances to the nearest neighbours."""
    similarity = np.sort(vectors @ vectors.T, axis=1)[:, ::-1]
    distances = np.sqrt(np.maximum(1e-12, 2 - 2 * similarity[:, 1 : num_neighbours + 1].astype(np.float64)))
    logs = np.log(distances[:, -1:] / distances[:, :-1])
    return float(1 / np.mean(logs.sum(axis=1) / (num_neighbours - 2)))


def describe(mixture: Mixture) -> dict[str, object]:
    """How a sample as large as the real gallery compares with it."""
    sample = mixture.sample(len(mixture.centres), seed=2)
    real_distances, made_distances = nearest_distances(mixture.centres), nearest_distances(sample)
    every = np.sort(np.concatenate([real_distances, made_distances]))
    shares = [
        np.searchsorted(np.sort(each), every, side="right") / len(each) for each in (real_distances, made_distances)
    ]
    return {
        "real_photos": len(mixture.centres),
        "width": round(mixture.width, 3),
        "nearest_distance_10_50_90_real": [round(float(q), 4) for q in np.quantile(real_distances, _QUANTILES)],
        "nearest_distance_10_50_90_made": [round(float(q), 4) for q in np.quantile(made_distances, _QUANTILES)],
        "kolmogorov_smirnov": round(float(np.abs(shares[0] - shares[1]).max()), 4),
        "intrinsic_dimension_real": round(intrinsic_dimension(mixture.centres), 1),
        "intrinsic_dimension_made": round(intrinsic_dimension(sample), 1),
    }


def gallery_vectors(path: Path) -> Vectors:
    """All embeddings of a gallery, (N, D) float32."""
    with open_gallery(path, bundle=None) as gallery:
        return gallery.embeddings_between(0, gallery.size)
