"""Every refusal a client can meet: its HTTP status, its stable code, and one sentence that says what to do."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.exceptions import HTTPException

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


# The client's mistakes. Any other SketchSearchError during a request is the service's own failure.
SketchError = UnreadableImageError | BlankSketchError
ClientError = SketchError | FilterError | UnknownPhotoError | PhotoFileMissingError
CLIENT_ERRORS = (UnreadableImageError, BlankSketchError, FilterError, UnknownPhotoError, PhotoFileMissingError)


class Refusal(HTTPException):
    """A request refused by the HTTP layer itself.

    Attributes:
        code: a short, stable slug for programs.
    """

    def __init__(self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status_code=status, detail=message, headers=headers)
        self.code = code


@dataclass(frozen=True)
class ErrorDescription:
    """An error as the client sees it."""

    status: int
    code: str
    message: str


_BY_REASON = {
    "empty": (400, "empty_file"),
    "truncated": (400, "damaged_image"),
    "not_an_image": (415, "not_an_image"),
    "unsupported_format": (415, "unsupported_format"),
    "too_large": (413, "image_too_large"),
    "too_much_metadata": (413, "too_much_metadata"),
    "too_complex": (413, "image_too_complex"),
    "too_slow": (413, "image_too_slow"),
    "animated": (415, "animated_image"),
    "crashed": (400, "undecodable_image"),
}


def describe(error: ClientError) -> ErrorDescription:
    """The status and code for an error about what the client gave; the message is the error's own sentence."""
    match error:
        case UnreadableImageError():
            status, code = _BY_REASON.get(error.reason, (400, "unreadable_image"))
        case BlankSketchError():
            status, code = 422, "blank_sketch"
        case FilterError():
            status, code = 422, "invalid_filter"
        case UnknownPhotoError():
            status, code = 404, "unknown_photo"
        case PhotoFileMissingError():
            status, code = 404, "photo_file_missing"
    return ErrorDescription(status, code, str(error))


def gallery_unavailable() -> Refusal:
    """The refusal while the database that holds the gallery does not answer; where it is stays in the log."""
    sentence = "The database that holds the gallery does not answer; send the request again in 5 s."
    return Refusal(503, "gallery_unavailable", sentence, headers={"Retry-After": "5"})


def stopping() -> Refusal:
    """The refusal of a request that is not finished, or has not arrived, when the service can wait no longer."""
    sentence = "The service stops and could not finish this request; send it again in 5 s."
    return Refusal(503, "stopping", sentence, headers={"Retry-After": "5", "Connection": "close"})


def upload_too_large(limit_bytes: int) -> Refusal:
    """The refusal of a body or file above the limit; the connection is closed, as the rest of the body is not read."""
    return Refusal(
        413,
        "upload_too_large",
        f"The upload is larger than {limit_bytes:,} bytes; send a smaller image.",
        headers={"Connection": "close"},
    )


def shown(value: object) -> str:
    """A value as it may appear in a message: quoted, printable and short."""
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:96]}…{text[-1]}"
