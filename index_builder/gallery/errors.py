"""The errors of the index builder and of the reading side of a gallery: each is one sentence for the person."""

from model.errors import SketchSearchError


class GalleryError(SketchSearchError):
    """A gallery or a folder of photos cannot be used; the message says why and what to do."""


class TooManyUnreadableError(GalleryError):
    """More photos are unreadable than the person allows, so nothing was published."""


class FilterError(SketchSearchError):
    """A filter over the metadata cannot be applied; the message says why and what to write."""


class GalleryBusyError(GalleryError):
    """Another builder is at work on the gallery; it will be free again."""


class GalleryUnavailableError(GalleryError):
    """The database that holds a gallery does not answer; it may again, without anything being changed here."""


class GpuError(GalleryError):
    """A gallery cannot be searched on a GPU; the message says why and what to do."""
