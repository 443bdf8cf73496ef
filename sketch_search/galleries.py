"""A gallery to search: built from a folder of photos, or opened where it is."""

from collections.abc import Sequence
from contextlib import closing
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from index_builder.build import build_gallery as build
from index_builder.embedding.photo_encoder import PhotoModel
from index_builder.gallery.interface import Hit, PhotoGallery
from index_builder.gallery.location import read_location
from index_builder.gallery.open import open_source
from index_builder.progress import ConsoleProgress, SilentProgress
from index_builder.settings import BuildSettings
from sketch_search.encoder import ImageEncoder, ImageLike, load_encoder
from sketch_search.remote import RemoteGallery

__all__ = ["Gallery", "Hit", "build_gallery", "open_gallery"]


class Gallery:
    """One generation of a gallery, with the encoder that made it. Use it in a `with` block, or close it.

    Attributes:
        encoder: embeds what is searched for.
        size: how many photos there are.
        generation: the name of the generation.
    """

    def __init__(self, gallery: PhotoGallery, encoder: ImageEncoder) -> None:
        """Takes an opened gallery; `open_gallery` is the usual way."""
        self.encoder = encoder
        self.size = gallery.size
        self.generation = gallery.generation
        self._gallery = gallery

    def search(
        self, sketch: ImageLike | NDArray[np.float32], k: int = 10, filters: Sequence[str] = ()
    ) -> Sequence[Hit]:
        """Finds the photos that a sketch shows.

        Args:
            sketch: an image as `ImageEncoder.embed_sketches` takes it, or an embedding: (D,) float32 of unit norm.
            k: how many photos are wanted, at least 1.
            filters: over the metadata, such as ["brand=acme,zeta", "price>=10"]; all must hold.

        Returns:
            At most k hits, best first. Each has `photo_id`, `score` (the cosine, from -1 to 1) and `metadata`.

        Raises:
            SketchSearchError: the sketch, the embedding, k or a filter cannot be used.
        """
        is_embedding = isinstance(sketch, np.ndarray) and sketch.dtype == np.float32
        embedding = sketch if is_embedding else self.encoder.embed_sketches([cast("ImageLike", sketch)])[0]
        rows = self._gallery.select([filters] if isinstance(filters, str) else filters)
        return self._gallery.search(cast("NDArray[np.float32]", embedding), k=k, rows=rows)

    def thumbnail(self, photo_id: str) -> bytes | None:
        """A small JPEG or WebP of a photo; None for an unknown id."""
        return self._gallery.thumbnail(photo_id)

    def embedding(self, photo_id: str) -> NDArray[np.float32] | None:
        """The stored embedding of a photo, (D,) float32 of unit norm; None for an unknown id."""
        return self._gallery.embedding(photo_id)

    def close(self) -> None:
        """Releases the files or the connection; the gallery cannot be used afterwards."""
        self._gallery.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_gallery(
    location: str | PathLike[str],
    *,
    encoder: ImageEncoder | str | PathLike[str] | None = None,
    api_key: str | None = None,
) -> Gallery | RemoteGallery:
    """Opens a gallery wherever it is.

    Args:
        location: a folder that `build_gallery` or `sketch-search index` wrote, `milvus://host:port/name`, or the
            `http://` or `https://` address of a running service.
        encoder: the encoder that the gallery was built with, or the folder of its bundle; None takes the demo encoder.
            A service has its own.
        api_key: for a service that asks for one.

    Returns:
        A gallery with the method `search`.

    Raises:
        SketchSearchError: there is no gallery, it is damaged, or another encoder made it.
    """
    text = str(location)
    if text.startswith(("http://", "https://")):
        return RemoteGallery(text, api_key=api_key)
    loaded = _loaded(encoder)
    with closing(open_source(read_location(text), bundle=loaded.bundle)) as source:
        return Gallery(source.open(), loaded)


def build_gallery(
    photos: str | PathLike[str],
    out: str | PathLike[str] = "gallery",
    *,
    encoder: ImageEncoder | str | PathLike[str] | None = None,
    metadata: str | PathLike[str] | None = None,
    quiet: bool = False,
    **settings: Any,  # noqa: ANN401
) -> Gallery:
    """Builds a gallery from a folder of photos, or refreshes it: only new and changed photos are embedded.

    Args:
        photos: the folder; JPEG, PNG, WebP, GIF, TIFF and BMP files in it and below it are taken.
        out: the gallery's folder; made if needed.
        encoder: embeds the photos; an encoder, or the folder of its bundle; None takes the demo encoder.
        metadata: a CSV or JSONL file with a photo_id per row, for filters.
        quiet: says nothing on standard error.
        settings: more of `index_builder`'s `BuildSettings`, such as max_error_rate=0.2 or num_workers=2.

    Returns:
        The gallery, open for searches.

    Raises:
        SketchSearchError: there are no photos, too many cannot be read, or the metadata is wrong.
    """
    loaded = _loaded(encoder)
    table = None if metadata is None else Path(metadata)
    build(
        BuildSettings(photos=Path(photos), out=Path(out), metadata=table, **settings),
        model=PhotoModel.from_bundle(loaded.bundle, device=loaded.device, precision=loaded.precision),
        progress=SilentProgress() if quiet else ConsoleProgress(Console(stderr=True)),
    )
    return cast("Gallery", open_gallery(Path(out), encoder=loaded))


def _loaded(encoder: ImageEncoder | str | PathLike[str] | None) -> ImageEncoder:
    return encoder if isinstance(encoder, ImageEncoder) else load_encoder(encoder)
