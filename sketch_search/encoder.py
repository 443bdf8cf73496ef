"""Photos and sketches to embeddings, whatever they come as: files, bytes, Pillow's images, arrays."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.bundle import Bundle, default_bundle_path, read_bundle
from model.encoder import Device, Encoder, open_encoder
from model.errors import BlankSketchError, SketchSearchError, UnreadableImageError

__all__ = ["ImageEncoder", "ImageLike", "SketchSearchError", "image_of", "load_encoder", "read_file"]

# A path, the bytes of a file, an image of Pillow's, or pixels: (H, W), (H, W, 3) or (H, W, 4) uint8.
ImageLike = str | PathLike[str] | bytes | Image.Image | NDArray[np.uint8]
_IMAGES_AT_ONCE = 64


class ImageEncoder:
    """Embeds photos and sketches into one space, where a sketch lies near the photo that it shows.

    Attributes:
        bundle: the encoder bundle; `bundle.name` and `bundle.info` say where it comes from.
        dimension: D, the length of an embedding.
        device: where it runs.
        precision: of both encoders.
    """

    def __init__(self, bundle: Bundle, *, device: Device = "auto", precision: str = "default") -> None:
        """Takes a bundle; `load_encoder` is the usual way. Each encoder is opened when it is first needed."""
        self.bundle = bundle
        self.dimension = bundle.embedding_dim
        self.device = device
        self.precision = precision

    def embed_sketches(self, sketches: Iterable[ImageLike]) -> NDArray[np.float32]:
        """Embeds drawings: dark on light, light on dark or on a transparent ground; size and position do not matter.

        Args:
            sketches: N images: paths, bytes of files, images of Pillow's, or uint8 arrays of shape (H, W), (H, W, 3)
                or (H, W, 4).

        Returns:
            (N, D) float32, each row of unit norm.

        Raises:
            SketchSearchError: an image cannot be read, or a drawing is blank; the message names it.
        """
        return _embed_all(self._sketch_encoder, sketches)

    def embed_photos(self, photos: Iterable[ImageLike]) -> NDArray[np.float32]:
        """Embeds photos as the index builder does.

        A file or bytes give exactly the embedding that a gallery holds. A large JPEG that Pillow has decoded in full
        gives nearly the same one, because the index builder decodes it at a reduced size.

        Args:
            photos: N images, as `embed_sketches` takes them.

        Returns:
            (N, D) float32, each row of unit norm. The product of a photo's and a sketch's row is their cosine.

        Raises:
            SketchSearchError: an image cannot be read; the message names it.
        """
        return _embed_all(self._photo_encoder, photos)

    @cached_property
    def _sketch_encoder(self) -> Encoder:
        return open_encoder(self.bundle, "sketch", device=self.device, precision=self.precision)

    @cached_property
    def _photo_encoder(self) -> Encoder:
        return open_encoder(self.bundle, "photo", device=self.device, precision=self.precision)


def load_encoder(
    path: str | PathLike[str] | None = None, *, device: Device = "auto", precision: str = "default"
) -> ImageEncoder:
    """Loads an encoder bundle.

    Args:
        path: the bundle's folder, such as `runs/photos/bundle`; None takes the package's own demo encoder.
        device: "auto", "cpu" or "cuda".
        precision: one that the bundle holds, such as "fp32"; "default" is the bundle's choice.

    Returns:
        An encoder of photos and sketches.

    Raises:
        SketchSearchError: there is no bundle, or it is damaged.
    """
    bundle = read_bundle(default_bundle_path() if path is None else Path(path))
    return ImageEncoder(bundle, device=device, precision=precision)


def read_file(path: str | PathLike[str]) -> bytes:
    """The bytes of an image file.

    Raises:
        SketchSearchError: it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise SketchSearchError(
            f"The image {path} cannot be read ({error.strerror}); give the path of an image file."
        ) from error


def _embed_all(encoder: Encoder, images: Iterable[ImageLike]) -> NDArray[np.float32]:
    embeddings = [encoder.encode(np.stack(batch)) for batch in _batches(_prepared(encoder, _checked(images)))]
    return np.concatenate(embeddings) if embeddings else np.empty((0, encoder.bundle.embedding_dim), np.float32)


def _checked(images: Iterable[ImageLike]) -> Iterable[ImageLike]:
    is_one_array = isinstance(images, np.ndarray) and images.ndim != 4
    if is_one_array or isinstance(images, str | bytes | PathLike | Image.Image):
        raise SketchSearchError("One image was given where a list is expected; put it into [ ].")
    return images


def _prepared(encoder: Encoder, images: Iterable[ImageLike]) -> Iterator[NDArray[np.float32]]:
    for number, image in enumerate(images):
        name = f"The image {image}" if isinstance(image, str | PathLike) else f"Image {number} of those given"
        try:
            yield encoder.prepare(_opened(image))
        except UnreadableImageError as error:
            raise UnreadableImageError(f"{name} cannot be used: {error}", reason=error.reason) from error
        except BlankSketchError as error:
            raise BlankSketchError(f"{name} cannot be used: {error}") from error


def _opened(image: ImageLike) -> bytes | Image.Image:
    if isinstance(image, str | PathLike):
        return read_file(image)
    return image if isinstance(image, bytes) else image_of(image)


def image_of(pixels: Image.Image | NDArray[np.uint8]) -> Image.Image:
    """Pixels as an image of Pillow's; an image stays as it is.

    Raises:
        SketchSearchError: the array has another shape or type than `ImageLike` allows.
    """
    if isinstance(pixels, Image.Image):
        return pixels
    is_grey = pixels.ndim == 2
    is_colour = pixels.ndim == 3 and pixels.shape[2] in (3, 4)
    if pixels.dtype != np.uint8 or not (is_grey or is_colour) or not pixels.size:
        raise SketchSearchError(
            f"An image was given as {pixels.dtype} {pixels.shape}; expected uint8 (H, W), (H, W, 3) or (H, W, 4)."
        )
    return Image.fromarray(pixels)


def _batches(images: Iterator[NDArray[np.float32]]) -> Iterator[list[NDArray[np.float32]]]:
    while batch := list(islice(images, _IMAGES_AT_ONCE)):
        yield batch
