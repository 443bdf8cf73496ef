"""EXIF is a TIFF file inside an image: its directory may claim the same bytes thousands of times over."""

import struct

from service.uploads.refusals import Budget

_UNIT_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
_BYTE_ORDERS = {b"II": "<", b"MM": ">"}
_ENTRY_BYTES = 12


def check_exif(block: bytes, budget: Budget) -> None:
    """Counts what the first directory of an EXIF block unpacks to, as a reader copies every value of it.

    Args:
        block: from its byte order mark on; anything else unpacks to nothing.
        budget: refuses when it is too much.
    """
    order = _BYTE_ORDERS.get(block[:2])
    if order is None or len(block) < 10:
        return
    (start,) = struct.unpack_from(order + "I", block, 4)
    if start + 2 > len(block):
        return
    (count,) = struct.unpack_from(order + "H", block, start)
    for index in range(count):
        position = start + 2 + index * _ENTRY_BYTES
        if position + _ENTRY_BYTES > len(block):
            return
        _, kind, length = struct.unpack_from(order + "HHI", block, position)
        size = length * _UNIT_BYTES.get(kind, 1)
        if size <= len(block):  # of what lies outside, nothing is copied
            budget.add_metadata(size)
