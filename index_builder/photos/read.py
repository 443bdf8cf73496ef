"""One file of a photos folder to what is kept of it: content hash, encoder input, thumbnail. Runs in worker threads."""

import hashlib
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from index_builder.photos.near_duplicates import perceptual_hash
from index_builder.photos.scan import Problem
from model.errors import UnreadableImageError
from model.images import NO_END_MARKER, PHOTO_FORMATS, decode_image, flatten_on_white, photo_draft_size

THUMBNAIL_SIDE_PX = 256
MAX_PHOTO_PIXELS = 175_000_000  # Pillow itself refuses more than 179 million
MAX_PHOTO_BYTES = 1 << 29
# MPO is what Pillow calls a JPEG with further pictures behind it, as phones write.
_MEDIA_TYPES = {"MPO": "image/jpeg", "HEIF": "image/heic"}
_ORIENTATION_TAG = 0x0112
_NUM_ATTEMPTS = 3


@dataclass(frozen=True)
class DecodedPhoto:
    """The parts of a photo that are kept.

    Attributes:
        prepared: (3, S, S) float32, the encoder's input.
        thumbnail: JPEG bytes, longer side at most `THUMBNAIL_SIDE_PX`.
        perceptual_hash: 32 bytes by which near-duplicates are found.
        width_px: width of the upright photo, before any scaling.
        height_px: height of the upright photo, before any scaling.
        media_type: of the file's content, whatever its extension says.
        warning: says what is wrong with a file that could be read all the same; else empty.
    """

    prepared: NDArray[np.float32]
    thumbnail: bytes
    perceptual_hash: bytes
    width_px: int
    height_px: int
    media_type: str
    warning: str = ""


@dataclass(frozen=True)
class PhotoReading:
    """The result of reading one file.

    Attributes:
        path: below the photos folder.
        size_bytes: size of the bytes that were read.
        mtime_ns: time of last change of the bytes that were read.
        content_sha256: hex digest of the bytes; None when they could not be read.
        decoded: None when the content is already known or cannot be decoded.
        problem: why there is nothing, if there is nothing.
    """

    path: str
    size_bytes: int = 0
    mtime_ns: int = 0
    content_sha256: str | None = None
    decoded: DecodedPhoto | None = None
    problem: Problem | None = None


def read_photo(
    root: Path,
    path: str,
    *,
    claim: Callable[[str], bool],
    prepare: Callable[[Image.Image], NDArray[np.float32]],
    image_size_px: int,
) -> PhotoReading:
    """Reads one photo. Never raises for what is in the file.

    Args:
        root: the photos folder.
        path: of the file, below it.
        claim: told the content's hash; answers whether this content still has to be decoded and embedded.
        prepare: decoded photo -> (3, S, S) float32.
        image_size_px: S.

    Returns:
        The result.
    """
    try:
        data, status = _read_unchanging(root / path)
    except OSError as error:
        reason = "missing" if isinstance(error, FileNotFoundError) else "cannot_read"
        sentence = f"The file cannot be read ({error.strerror}); check that it exists and its permissions."
        return PhotoReading(path, problem=Problem(reason, sentence))
    except _NotReadError as error:
        return PhotoReading(path, problem=error.problem)
    digest = hashlib.sha256(data).hexdigest()
    decoded, problem = None, None
    if claim(digest):
        try:
            decoded = _decode(data, prepare=prepare, image_size_px=image_size_px)
        except UnreadableImageError as error:
            problem = Problem(error.reason, str(error))
        except MemoryError:
            problem = Problem("too_large", "The photo needs more memory than there is; make it smaller.")
        except Exception as error:  # one odd photo must not lose a night's work; it is listed instead
            sentence = f"The photo could not be processed ({type(error).__name__}: {error}); convert it to PNG."
            problem = Problem("failed", sentence)
    return PhotoReading(path, status.st_size, status.st_mtime_ns, digest, decoded, problem)


class _NotReadError(Exception):
    def __init__(self, reason: str, sentence: str) -> None:
        self.problem = Problem(reason, sentence)


def _read_unchanging(path: Path) -> tuple[bytes, os.stat_result]:
    """The bytes and the status that belongs to them, even while somebody writes the file."""
    for _ in range(_NUM_ATTEMPTS):
        with path.open("rb") as stream:
            before = os.fstat(stream.fileno())
            if before.st_size > MAX_PHOTO_BYTES:
                raise _NotReadError(
                    "too_large",
                    f"The file has {before.st_size:,} bytes, at most {MAX_PHOTO_BYTES:,} are read; shrink it.",
                )
            data = stream.read()
            after = os.fstat(stream.fileno())
        if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns) and len(data) == after.st_size:
            return data, after
    raise _NotReadError("changing", "The file changed while it was read; run the builder again when it is complete.")


def _decode(data: bytes, *, prepare: Callable[[Image.Image], NDArray[np.float32]], image_size_px: int) -> DecodedPhoto:
    draft_size_px = photo_draft_size(image_size_px)
    image = decode_image(data, max_pixels=MAX_PHOTO_PIXELS, formats=PHOTO_FORMATS, draft_size_px=draft_size_px)
    with Image.open(io.BytesIO(data), formats=PHOTO_FORMATS) as header:
        width, height = _full_size(header, image)
        media_type = _MEDIA_TYPES.get(header.format or "", header.get_format_mimetype() or "application/octet-stream")
    warning = "the file has no end marker" if NO_END_MARKER in image.info else ""
    small = _shrink(image)
    return DecodedPhoto(prepare(image), _encode(small), perceptual_hash(small), width, height, media_type, warning)


def _full_size(header: ImageFile.ImageFile, decoded: Image.Image) -> tuple[int, int]:
    """Width and height of the upright photo; only a JPEG may have been scaled while it was decoded."""
    if header.format not in ("JPEG", "MPO"):
        return decoded.size
    width, height = header.size
    lies_on_its_side = header.getexif().get(_ORIENTATION_TAG, 1) in (5, 6, 7, 8)
    return (height, width) if lies_on_its_side else (width, height)


def make_thumbnail(image: Image.Image) -> bytes:
    """A small JPEG of a decoded photo ("RGB" or "RGBA") on white; never larger than the photo."""
    return _encode(_shrink(image))


def _shrink(image: Image.Image) -> Image.Image:
    scale = THUMBNAIL_SIDE_PX / max(image.size)
    if scale < 1:
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        image = image.resize(size, Image.Resampling.BICUBIC, reducing_gap=1.0)
    return flatten_on_white(image)


def _encode(small: Image.Image) -> bytes:
    stream = io.BytesIO()
    # A WebP is up to a third smaller and takes eight times as long. Pillow would pass the photo's comment on.
    small.save(stream, "JPEG", quality=80, comment=b"")
    return stream.getvalue()
