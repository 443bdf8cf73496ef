"""The photo encoder as the builder sees it: a bundle's identity, preprocessing and encoder."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.bundle import Bundle
from model.cores import usable_cores
from model.encoder import Device, encoder_file, open_encoder
from model.preprocess import prepare_photo


class PhotoEncoder(Protocol):
    """Encodes prepared photos; `model.encoder.Encoder` is one, tests bring their own."""

    provider: str
    precision: str

    def encode(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, 3, S, S) float32 prepared photos to (B, D) float32 embeddings of unit norm."""
        ...


@dataclass(frozen=True)
class PhotoModel:
    """Everything the builder needs of a bundle. The encoder is opened late: an unchanged folder needs none.

    Attributes:
        name: the bundle's name, for people.
        fingerprint: identifies the bundle; embeddings of different fingerprints are never mixed.
        precision: of the photo encoder, part of what identifies an embedding.
        embedding_dim: D.
        image_size_px: S, the side of the encoder's input.
        prepare: decoded photo, "RGB" or "RGBA" -> (3, S, S) float32.
        open_encoder: starts the encoder.
        device: where the encoder may run.
    """

    name: str
    fingerprint: str
    precision: str
    embedding_dim: int
    image_size_px: int
    prepare: Callable[[Image.Image], NDArray[np.float32]]
    open_encoder: Callable[[], PhotoEncoder]
    device: Device = "cpu"

    @classmethod
    def from_bundle(cls, bundle: Bundle, *, device: Device = "auto", precision: str = "default") -> "PhotoModel":
        """The photo side of a bundle, on the device; precision "default" is the bundle's own choice.

        Raises:
            BundleError: the bundle does not hold the precision.
        """
        chosen = bundle.default_precision("photo") if precision == "default" else precision
        encoder_file(bundle, "photo", chosen)
        return cls(
            name=bundle.name,
            fingerprint=bundle.fingerprint,
            precision=chosen,
            embedding_dim=bundle.embedding_dim,
            image_size_px=bundle.preprocessing.image_size_px,
            prepare=lambda image: prepare_photo(image, bundle.preprocessing),
            # One thread for an encode: on a CPU the builder encodes a photo in each of its own.
            open_encoder=lambda: open_encoder(
                bundle, "photo", device=device, precision=chosen, num_threads=1, at_once=usable_cores()
            ),
            device=device,
        )
