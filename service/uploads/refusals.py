"""The limits of an upload, and the refusals beyond them: found in the bytes, before any decoder runs."""

from model.errors import UnreadableImageError

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_METADATA_BYTES = 4 * 1024 * 1024  # unpacked; phones write depth maps of a few megabytes beside a photo
MAX_PARTS = 10_000  # chunks or segments: a PNG of 10 MB in the 4 KB pieces that some programs write has 2,500


class Budget:
    """Counts what an upload holds beside its pixels, and refuses it as soon as that is too much."""

    def __init__(self) -> None:
        self._metadata_bytes = 0
        self._parts = 0

    @property
    def metadata_left(self) -> int:
        """Bytes of metadata that are still accepted."""
        return MAX_METADATA_BYTES - self._metadata_bytes

    def add_metadata(self, size_bytes: int) -> None:
        """Counts colour profiles, EXIF, text and the like, unpacked."""
        self._metadata_bytes += size_bytes
        if self._metadata_bytes > MAX_METADATA_BYTES:
            raise UnreadableImageError(
                f"The image carries more than {MAX_METADATA_BYTES:,} bytes beside its pixels "
                "(colour profile, EXIF, text); save it without metadata.",
                reason="too_much_metadata",
            )

    def add_part(self) -> None:
        """Counts a chunk or segment."""
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise too_complex(f"more than {MAX_PARTS:,} parts")


def check_pixels(width: int, height: int, *, max_pixels: int) -> None:
    """Refuses an image by the size that its header announces."""
    if width * height > max_pixels:
        raise UnreadableImageError(
            f"The image is {width:,} × {height:,} pixels; at most {max_pixels:,} are accepted, send a smaller one.",
            reason="too_large",
        )


def animated() -> UnreadableImageError:
    """The refusal of an image that moves."""
    return UnreadableImageError("The image is animated; send a still image.", reason="animated")


def too_complex(what: str) -> UnreadableImageError:
    """The refusal of an image that would take a decoder very long."""
    return UnreadableImageError(f"The image has {what}; save it again as a plain PNG.", reason="too_complex")
