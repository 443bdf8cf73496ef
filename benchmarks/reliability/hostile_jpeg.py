"""JPEG files that no camera writes: lies about size, scans without end, missing tables, metadata that loops."""

import io
import random
import struct
from collections.abc import Iterator

from PIL import Image

Named = tuple[str, bytes]
_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"


def jpeg_files(whole: bytes) -> Iterator[Named]:
    """All of them, each with a name; `whole` is a drawing that is all right."""
    yield from _frames(whole)
    yield from _segments(whole)
    yield from _scans(whole)
    yield from _metadata(whole)


def segment(marker: int, data: bytes, *, length: int | None = None) -> bytes:
    """One marker segment; its length is right unless given."""
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2 if length is None else length) + data


def tiff(*entries: bytes, next_offset: int = 0) -> bytes:
    """A TIFF header with one directory of 12-byte entries, as Exif holds it."""
    directory = struct.pack(">H", len(entries)) + b"".join(entries) + struct.pack(">I", next_offset)
    return b"MM\0*" + struct.pack(">I", 8) + directory


def entry(tag: int, kind: int, count: int, value: int) -> bytes:
    """One entry of a TIFF directory."""
    return struct.pack(">HHII", tag, kind, count, value)


def _frame(whole: bytes) -> int:
    return next(place for place in range(len(whole)) if whole[place : place + 2] in (b"\xff\xc0", b"\xff\xc2"))


def _edited_frame(whole: bytes, *, precision: int = 8, height: int = 64, width: int = 64, components: int = 3) -> bytes:
    start = _frame(whole)
    fields = struct.pack(">BHHB", precision, height, width, components)
    return whole[: start + 4] + fields + whole[start + 10 :]


def _frames(whole: bytes) -> Iterator[Named]:
    for side in (65_535, 65_500, 30_000, 10_000):
        yield f"jpeg says {side} x {side} pixels", _edited_frame(whole, height=side, width=side)
    for width, height in ((0, 0), (0, 64), (64, 0)):
        yield f"jpeg says {width} x {height} pixels", _edited_frame(whole, width=width, height=height)
    for precision in (0, 1, 7, 12, 16, 255):
        yield f"jpeg of precision {precision}", _edited_frame(whole, precision=precision)
    for components in (0, 2, 4, 5, 255):
        yield f"jpeg of {components} components", _edited_frame(whole, components=components)
    start = _frame(whole)
    for marker in (0xC3, 0xC5, 0xC6, 0xC7, 0xCA, 0xCB, 0xCD, 0xCF):
        yield f"jpeg of frame type {marker:x}", whole[: start + 1] + bytes([marker]) + whole[start + 2 :]
    yield "jpeg with 9 x 9 subsampling", whole[: start + 11] + b"\x99" + whole[start + 12 :]
    yield "jpeg with 0 x 0 subsampling", whole[: start + 11] + b"\x00" + whole[start + 12 :]


def _segments(whole: bytes) -> Iterator[Named]:
    yield "jpeg of a start alone", _SOI
    yield "jpeg of a start and an end", _SOI + _EOI
    yield "jpeg of a start and 100,000 fill bytes", _SOI + b"\xff" * 100_000
    for share in (5, 10, 20, 35, 50, 65, 80):
        yield f"jpeg cut to {share} %", whole[: len(whole) * share // 100]
    yield "jpeg without quantisation tables", _without(whole, 0xDB)
    start = _frame(whole)
    length = struct.unpack(">H", whole[start + 2 : start + 4])[0] + 2
    yield "jpeg without a frame", whole[:start] + whole[start + length :]
    yield "jpeg with two frames", whole[:start] + whole[start : start + length] * 2 + whole[start + length :]
    for stated in (0, 1, 2, 65_535):
        yield (
            f"jpeg with a segment that says {stated} bytes",
            _SOI + segment(0xDB, bytes(65), length=stated) + whole[2:60],
        )
    yield (
        "jpeg with Huffman tables of nonsense",
        _without(whole, 0xC4).replace(b"\xff\xda", segment(0xC4, b"\0" + b"\xff" * 200) + b"\xff\xda", 1),
    )
    yield "jpeg of 60,000 empty comments and nothing else", _SOI + segment(0xFE, b"") * 60_000 + _EOI
    dice = random.Random(0)
    tables = whole.index(b"\xff\xdb")
    for seed in range(12):
        noise = bytearray(whole)
        for _ in range(30):
            noise[dice.randrange(tables, whole.index(b"\xff\xda"))] = dice.randrange(256)
        yield f"jpeg with 30 changed bytes of its tables, {seed}", bytes(noise)


def _scans(whole: bytes) -> Iterator[Named]:
    """A progressive picture may be refined as often as the file says, each time over all of its pixels."""
    stream = io.BytesIO()
    Image.new("L", (4_900, 4_900), 255).save(stream, "JPEG", progressive=True, quality=10)
    progressive = stream.getvalue()
    last = progressive.rindex(b"\xff\xda")
    for times in (100, 400):
        again = progressive[last:-2] * times
        yield f"jpeg of 24 megapixels with {times} more scans", progressive[:last] + again[:9_000_000] + _EOI
    scan = whole.index(b"\xff\xda")
    yield "jpeg whose scan names 200 components", whole[: scan + 4] + b"\xc8" + whole[scan + 5 :]
    yield "jpeg of restart markers alone", whole[:scan] + b"\xff\xd0" * 10_000


def _metadata(whole: bytes) -> Iterator[Named]:
    for size in (80, 140):
        profile = b"".join(
            segment(0xE2, b"ICC_PROFILE\0" + bytes([number + 1, size]) + bytes(65_000)) for number in range(size)
        )
        yield f"jpeg with a colour profile of {size} parts", _SOI + profile + whole[2:]
    yield "jpeg with 9 MB of application data", _SOI + segment(0xEA, bytes(65_000)) * 138 + whole[2:]
    yield "jpeg with 100,000 comments", _SOI + segment(0xFE, b"x") * 100_000 + whole[2:]
    looping = tiff(entry(0x8769, 4, 1, 8), entry(0x8825, 4, 1, 8), next_offset=8)
    yield "jpeg with Exif that loops and no picture", _SOI + segment(0xE1, b"Exif\0\0" + looping) + _EOI
    endless = tiff(entry(0x0112, 3, (1 << 32) - 1, 8), entry(0x010E, 2, (1 << 32) - 1, 8))
    yield "jpeg with Exif of 4 billion values and no picture", _SOI + segment(0xE1, b"Exif\0\0" + endless) + _EOI
    multiple = segment(0xE2, b"MPF\0" + tiff(entry(0xB001, 4, 1, 65_535), entry(0xB002, 7, 16 * 65_535, 50)))
    yield "jpeg that says 65,535 further pictures and holds none", _SOI + multiple + _EOI


def _without(whole: bytes, marker: int) -> bytes:
    place, kept = 2, bytearray(_SOI)
    while whole[place + 1] != 0xDA:
        (length,) = struct.unpack(">H", whole[place + 2 : place + 4])
        if whole[place + 1] != marker:
            kept += whole[place : place + 2 + length]
        place += 2 + length
    return bytes(kept) + whole[place:]
