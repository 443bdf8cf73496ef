"""The segments of a JPEG file, read without decoding a pixel."""

import re
import struct

from service.uploads.exif import check_exif
from service.uploads.refusals import Budget, check_pixels, too_complex

SIGNATURE = b"\xff\xd8\xff"
# In coded pixels FF 00 is data and FF D0-D7 a restart; of several FF the last one counts, as others only fill.
_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")
_EOI, _SOS = 0xD9, 0xDA
_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start of frame, of all kinds
_METADATA = frozenset({*range(0xE0, 0xF0), 0xFE})  # APPn and comments
_STANDALONE = frozenset({0x01, 0xD8})
_EXIF, _MORE_PICTURES = b"Exif\0\0", b"MPF\0"  # both are directories in the form of a TIFF file
# Each scan of a progressive JPEG passes over the whole picture, however few bytes it has: ten are usual.
_MAX_SCANS = 1000
_MAX_FULL_SCANS = 20  # of a picture of as many pixels as are accepted


def check_jpeg(data: bytes, *, max_pixels: int) -> None:
    """Refuses a JPEG that is too large, carries too much or has too many scans; a damaged one is left to the decoder.

    Raises:
        UnreadableImageError: with the reason.
    """
    budget = Budget()
    exif = bytearray()
    pixels = scans = 0
    position = 2
    while found := _MARKER.search(data, position):
        marker = found[1][0]
        position = found.end()
        budget.add_part()
        if marker == _EOI:
            break
        if marker in _STANDALONE or position + 2 > len(data):
            continue
        (length,) = struct.unpack_from(">H", data, position)
        if marker in _METADATA:
            budget.add_metadata(length)
            body = data[position + 2 : position + length]
            if body.startswith(_EXIF):
                exif += body[len(_EXIF) :]  # a decoder joins them, too
            elif body.startswith(_MORE_PICTURES):
                check_exif(body[len(_MORE_PICTURES) :], budget)
        elif marker in _SIZES and position + 7 <= len(data):
            height, width = struct.unpack_from(">HH", data, position + 3)
            check_pixels(width, height, max_pixels=max_pixels)
            pixels = max(pixels, width * height)
        elif marker == _SOS:
            scans += 1
            if scans > _MAX_SCANS or scans * pixels > _MAX_FULL_SCANS * max_pixels:
                raise too_complex(f"{scans:,} scans or more")
        position += length
    check_exif(bytes(exif), budget)
