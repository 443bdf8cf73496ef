"""Opens a gallery wherever it is, and follows it from one generation to the next."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from index_builder.gallery.folder_gallery import Gallery, current_generation, open_gallery
from index_builder.gallery.location import Location
from model.bundle import Bundle

if TYPE_CHECKING:
    from index_builder.gallery.milvus.gallery import MilvusGallery
    from index_builder.gallery.milvus.source import MilvusSource


class FolderSource:
    """Follows a gallery on disk from one generation to the next."""

    def __init__(self, folder: Path, *, bundle: Bundle | None) -> None:
        self._folder = folder
        self._bundle = bundle

    def current(self) -> str:
        """The name of the generation that is served now; GalleryError when there is none."""
        return current_generation(self._folder)

    def open(self) -> Gallery:
        """Opens that generation; GalleryError when it is missing, damaged, or another bundle made it."""
        return open_gallery(self._folder, bundle=self._bundle)

    def close(self) -> None:
        """Holds nothing."""


def open_source(location: Location, *, bundle: Bundle | None) -> "FolderSource | MilvusSource":
    """Gets ready to open what is at a location.

    Args:
        location: of the gallery.
        bundle: whose sketch embeddings will be searched for; None skips the comparison.

    Raises:
        GalleryUnavailableError: it is in Milvus, which does not answer.
        GalleryError: it is in Milvus, whose client is not installed.
    """
    if isinstance(location, Path):
        return FolderSource(location, bundle=bundle)
    from index_builder.gallery.milvus.source import MilvusSource  # only where it is needed

    return MilvusSource(location, bundle=bundle)


@contextmanager
def opened(location: Location, *, bundle: Bundle | None) -> "Iterator[Gallery | MilvusGallery]":
    """The present generation of a gallery, open until the block ends; raises like `open_source`."""
    with closing(open_source(location, bundle=bundle)) as source, closing(source.open()) as gallery:
        yield gallery
