"""Photos without sketches, as neighbours to which a student's embeddings are compared."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from model.preprocess import Preprocessing
from training.data.augment import normalise
from training.data.pairs import prepare_image


class UnlabelledPhotos:
    """Every photo prepared once, as in serving, and kept in memory as bytes: 150 KB each at 224 px."""

    def __init__(self, files: Sequence[Path], preprocessing: Preprocessing) -> None:
        """Prepares the photos.

        Raises:
            ValueError: an image cannot be used; the message names the file.
        """
        self._preprocessing = preprocessing
        self._photos = [torch.from_numpy(prepare_image("photo", path, preprocessing)) for path in files]

    def draw(self, count: int, device: torch.device) -> Tensor:
        """Different photos at random, by torch's global generator: (count or all there are, 3, S, S) float32."""
        chosen = torch.randperm(len(self._photos))[:count].tolist()
        photos = torch.stack([self._photos[row] for row in chosen]).to(device)
        return normalise(photos.float() / 255, self._preprocessing)

    def __deepcopy__(self, _: dict[int, Any]) -> Self:
        """Itself: the photos never change, and a copy of a task need not hold them twice."""
        return self
