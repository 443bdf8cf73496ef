"""The chunks of a PNG file, read without decoding a pixel."""

import struct
import zlib

from service.uploads.exif import check_exif
from service.uploads.refusals import Budget, animated, check_pixels

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_COMPRESSED = frozenset({b"iCCP", b"zTXt", b"iTXt"})


def check_png(data: bytes, *, max_pixels: int) -> None:
    """Refuses a PNG that is too large, animated or carries too much; a damaged one is left to the decoder to refuse.

    Raises:
        UnreadableImageError: with the reason.
    """
    budget = Budget()
    position = len(SIGNATURE)
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        body = b"" if kind == b"IDAT" else data[position + 8 : position + 8 + length]
        budget.add_part()
        if kind == b"IHDR" and length >= 8 and len(body) >= 8:
            check_pixels(*struct.unpack_from(">II", body), max_pixels=max_pixels)
        elif kind == b"acTL" and len(body) >= 4 and struct.unpack_from(">I", body)[0] > 1:
            raise animated()
        elif kind == b"IEND":
            return
        if kind not in _PIXELS:
            budget.add_metadata(len(body))
        if kind in _COMPRESSED:
            budget.add_metadata(_unpacked_size(_packed(kind, body), budget.metadata_left))
        if kind == b"eXIf":
            check_exif(body, budget)
        position += 12 + length


def _unpacked_size(packed: bytes, limit: int) -> int:
    """Counts the bytes that a compressed chunk unpacks to; never unpacks more than just above the limit."""
    try:
        return len(zlib.decompressobj().decompress(packed, limit + 1))
    except zlib.error:
        return 0  # damaged: it has been counted as it is


def _packed(kind: bytes, body: bytes) -> bytes:
    """The compressed part of a chunk: behind a name, and in iTXt behind a flag, a language and a translated name."""
    _, _, rest = body.partition(b"\0")
    if kind != b"iTXt":
        return rest[1:]
    if rest[:1] in (b"", b"\0"):
        return b""
    return rest[2:].partition(b"\0")[2].partition(b"\0")[2]
