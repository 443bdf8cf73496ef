"""Errors of a search that the person who asked can mend; the HTTP layer gives each a status and a code."""

from index_builder.gallery.errors import FilterError
from model.errors import BlankSketchError, SketchSearchError, UnreadableImageError


class UnknownPhotoError(SketchSearchError):
    """The gallery holds no photo of this id."""

    def __init__(self, photo_id: str) -> None:
        super().__init__(f"There is no photo {shown(photo_id)} in the gallery; use a photo_id from a search answer.")


class PhotoFileMissingError(SketchSearchError):
    """The gallery knows the photo, but its file is gone from the disk."""

    def __init__(self, photo_id: str) -> None:
        super().__init__(
            f"The file of photo {shown(photo_id)} is no longer on the server's disk; "
            "put it back or run index_builder again."
        )


class PhotoChangedError(SketchSearchError):
    """The file of a photo is not the one that was indexed."""

    def __init__(self, photo_id: str) -> None:
        super().__init__(
            f"The file of photo {shown(photo_id)} has changed since it was indexed; run index_builder again."
        )


class PhotoUnavailableError(SketchSearchError):
    """The disk with the photo does not answer, or fails."""

    def __init__(self, photo_id: str) -> None:
        super().__init__(f"The file of photo {shown(photo_id)} cannot be read at the moment; ask again in 5 s.")


class FeedbackNotKeptError(SketchSearchError):
    """A confirmed search could not be kept, because the folder or the disk is full.

    Attributes:
        reason: "full" when the folder may take no more, "not_written" when the disk refused it.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


# The client's mistakes. Any other SketchSearchError during a request is the service's own failure.
SketchError = UnreadableImageError | BlankSketchError
PhotoError = UnknownPhotoError | PhotoFileMissingError | PhotoChangedError | PhotoUnavailableError
ClientError = SketchError | FilterError | PhotoError | FeedbackNotKeptError


def shown(value: object) -> str:
    """Returns a value as it may appear in a message: quoted, printable and short."""
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:96]}…{text[-1]}"
