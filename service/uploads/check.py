"""Decides if a stranger's bytes may be given to an image decoder: by content, never by name or declared type."""

from model.errors import UnreadableImageError
from service.uploads import jpeg, png
from service.uploads.jpeg import check_jpeg
from service.uploads.png import check_png
from service.uploads.refusals import FORMATS
from service.uploads.webp import check_webp, is_webp

# Only for the sentence of the refusal; nothing but PNG, JPEG and WebP ever reaches a decoder.
_KNOWN_BY_THEIR_BEGINNING = {
    b"GIF8": "a GIF",
    b"BM": "a BMP",
    b"II*\0": "a TIFF",
    b"MM\0*": "a TIFF",
    b"%PDF": "a PDF",
    b"8BPS": "a Photoshop",
    b"\0\0\1\0": "an ICO",
    b"<svg": "an SVG",
    b"\0\0\0\x0cjP": "a JPEG 2000",
}
_KNOWN_BY_THEIR_BRAND = {b"avif": "an AVIF", b"heic": "a HEIC", b"heix": "a HEIC", b"mif1": "a HEIC"}


def check_upload(data: bytes, *, max_pixels: int) -> None:
    """Refuses what is no PNG, JPEG or WebP file, and what would cost a decoder more memory or time than a drawing may.

    Reads headers only, in time and memory bounded by the file's own size.

    Args:
        data: the whole file.
        max_pixels: width × height that is still accepted.

    Raises:
        UnreadableImageError: with the reason, one sentence for the person who sent it.
    """
    if not data:
        raise UnreadableImageError("The image is empty (0 bytes); send the whole file.", reason="empty")
    if data.startswith(png.SIGNATURE):
        check_png(data, max_pixels=max_pixels)
    elif data.startswith(jpeg.SIGNATURE):
        check_jpeg(data, max_pixels=max_pixels)
    elif is_webp(data):
        check_webp(data, max_pixels=max_pixels)
    else:
        raise _not_accepted(data)


def _not_accepted(data: bytes) -> UnreadableImageError:
    expected = ", ".join(FORMATS)
    name = _KNOWN_BY_THEIR_BRAND.get(data[8:12]) if data[4:8] == b"ftyp" else None
    for beginning, known in _KNOWN_BY_THEIR_BEGINNING.items():
        name = name or (known if data.startswith(beginning) else None)
    if name is None:
        return UnreadableImageError(
            f"The file is not an image that can be read; expected {expected}.", reason="not_an_image"
        )
    return UnreadableImageError(f"The image is {name} file; expected one of {expected}.", reason="unsupported_format")
