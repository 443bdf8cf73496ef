"""The chunks of a WebP file, read without decoding a pixel."""

import struct

from service.uploads.exif import check_exif
from service.uploads.refusals import Budget, animated, check_pixels

_PIXELS = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH"})
_ANIMATION = frozenset({b"ANIM", b"ANMF"})
_ANIMATION_FLAG = 0x02
_COPIES = 2  # its decoder, made for animations, needs twice the memory of the others for as many pixels


def is_webp(data: bytes) -> bool:
    """Tells if the bytes begin as a WebP file does."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def check_webp(data: bytes, *, max_pixels: int) -> None:
    """Refuses a WebP that is too large, animated or carries too much; a damaged one is left to the decoder to refuse.

    Raises:
        UnreadableImageError: with the reason.
    """
    budget = Budget()
    position = 12
    while position + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, position)
        head = data[position + 8 : position + 8 + min(length, 10)]
        budget.add_part()
        if kind in _ANIMATION or (kind == b"VP8X" and head[:1] and head[0] & _ANIMATION_FLAG):
            raise animated()
        if size := _announced_size(kind, head):
            check_pixels(*size, max_pixels=max_pixels // _COPIES)
        if kind not in _PIXELS:
            body = data[position + 8 : position + 8 + length]
            budget.add_metadata(len(body))
            if kind == b"EXIF":
                check_exif(body.removeprefix(b"Exif\0\0"), budget)
        position += 8 + length + length % 2


def _announced_size(kind: bytes, head: bytes) -> tuple[int, int] | None:
    """Width and height that the beginning of a chunk announces, if it does."""
    if kind == b"VP8X" and len(head) >= 10:
        return 1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:10], "little")
    if kind == b"VP8L" and len(head) >= 5:
        bits = int.from_bytes(head[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and len(head) >= 10:
        width, height = struct.unpack_from("<HH", head, 6)
        return width & 0x3FFF, height & 0x3FFF
    return None
