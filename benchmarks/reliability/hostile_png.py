"""PNG files that no drawing program writes: bombs, lies about size, chunks that are wrong, too many or too large."""

import io
import random
import struct
import zlib
from collections.abc import Iterator

from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MEBIBYTE = 1 << 20
Named = tuple[str, bytes]


def png_files(whole: bytes) -> Iterator[Named]:
    """All of them, each with a name; `whole` is a drawing that is all right."""
    yield from _sizes()
    yield from _bombs()
    yield from _headers()
    yield from _chunks(whole)
    yield from _metadata(whole)
    yield from _animations(whole)


def chunk(kind: bytes, data: bytes, *, crc: int | None = None, length: int | None = None) -> bytes:
    """One chunk; checksum and length are right unless given."""
    checksum = zlib.crc32(kind + data) if crc is None else crc
    stated = len(data) if length is None else length
    return struct.pack(">I", stated) + kind + data + struct.pack(">I", checksum)


def header(
    width: int, height: int, depth: int = 8, colour: int = 0, *, rest: tuple[int, int, int] = (0, 0, 0)
) -> bytes:
    """The IHDR chunk; `rest` is compression, filter and interlace method."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, *rest))


def png(*chunks: bytes) -> bytes:
    """A file of these chunks and an end."""
    return SIGNATURE + b"".join(chunks) + chunk(b"IEND", b"")


def zeros(num_bytes: int) -> bytes:
    """The zlib stream of so many zero bytes, a thousandth of their size."""
    packer = zlib.compressobj(9)
    block = bytes(_MEBIBYTE)
    pieces = [packer.compress(block) for _ in range(num_bytes // _MEBIBYTE)]
    return b"".join([*pieces, packer.compress(bytes(num_bytes % _MEBIBYTE)), packer.flush()])


def _sizes() -> Iterator[Named]:
    data = chunk(b"IDAT", zlib.compress(bytes(100)))
    sides = [(1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1_000_000, 65_535, 30_000]
    for side in sides:
        yield f"png says {side} x {side} pixels", png(header(side, side), data)
        yield f"png says {side} x 1 pixels", png(header(side, 1), data)
    for width, height in ((0, 0), (0, 10), (10, 0)):
        yield f"png says {width} x {height} pixels", png(header(width, height), data)


def _bombs() -> Iterator[Named]:
    for depth, colour, channels in ((1, 0, 1), (8, 0, 1), (8, 2, 3), (8, 6, 4), (16, 2, 3), (16, 6, 4)):
        side = 30_000
        row_bytes = 1 + (side * channels * depth + 7) // 8
        body = chunk(b"IDAT", zeros(min(row_bytes * side, 600 * _MEBIBYTE)))
        for interlace in (0, 1):
            name = f"png bomb of {side} x {side}, {depth} bit, colour type {colour}, interlace {interlace}"
            yield name, png(header(side, side, depth, colour, rest=(0, 0, interlace)), body)
    for side in (4_900, 5_000):  # just as large as is accepted: blank, but all of it has to be decoded
        yield f"png blank {side} x {side}", png(header(side, side), chunk(b"IDAT", zeros((side + 1) * side)))
        deep = chunk(b"IDAT", zeros((8 * side + 1) * side))
        yield f"png blank {side} x {side}, 16 bit RGBA", png(header(side, side, 16, 6), deep)
        tiny = b"".join(chunk(b"IDAT", piece) for piece in _pieces(zeros((side + 1) * side), 1))
        yield f"png blank {side} x {side} in IDAT chunks of one byte", png(header(side, side), tiny)
    yield "png whose data unpack to 600 times the picture", png(header(8, 8), chunk(b"IDAT", zeros(600 * _MEBIBYTE)))


def _headers() -> Iterator[Named]:
    data = chunk(b"IDAT", zlib.compress(bytes(11 * 10)))
    for depth in (0, 3, 5, 7, 32, 255):
        yield f"png of depth {depth}", png(header(10, 10, depth), data)
    for colour in (1, 5, 7, 255):
        yield f"png of colour type {colour}", png(header(10, 10, 8, colour), data)
    for place, kind in enumerate(("compression", "filter")):
        rest = tuple(9 if each == place else 0 for each in range(3))
        yield f"png of unknown {kind}", png(header(10, 10, rest=rest), data)  # type: ignore[arg-type]
    yield "png without a header", png(data)
    yield "png with a header of 3 bytes", png(chunk(b"IHDR", b"abc"), data)
    yield "png with a header of a mebibyte", png(chunk(b"IHDR", bytes(_MEBIBYTE)), data)
    yield "png with a wrong checksum of the header", png(chunk(b"IHDR", bytes(13), crc=1), data)
    yield "png of a palette it does not have", png(header(10, 10, 8, 3), data)
    yield "png with a palette of 7 bytes", png(header(10, 10, 8, 3), chunk(b"PLTE", bytes(7)), data)


def _chunks(whole: bytes) -> Iterator[Named]:
    head = header(64, 64)
    yield "png without data", png(head)
    yield "png of the signature alone", SIGNATURE
    yield "png of the header alone", SIGNATURE + head
    for share in (5, 10, 20, 35, 50, 65, 80, 90):
        yield f"png cut to {share} %", whole[: len(whole) * share // 100]
    data = zlib.compress(bytes(64 * 65))
    yield "png with a wrong checksum of the data", png(head, chunk(b"IDAT", data, crc=7))
    yield "png whose data are no zlib stream", png(head, chunk(b"IDAT", b"\xff" * 200))
    yield "png whose data end early", png(head, chunk(b"IDAT", data[: len(data) // 2]))
    yield "png whose rows have an unknown filter", png(head, chunk(b"IDAT", zlib.compress(b"\x09" * 64 * 65)))
    yield "png with a chunk of 4 GiB", SIGNATURE + head + chunk(b"IDAT", data, length=(1 << 32) - 1)
    yield "png with a chunk of 2 GiB", SIGNATURE + head + chunk(b"tEXt", b"a\0b", length=(1 << 31) - 1)
    yield "png with a chunk named in zero bytes", png(head, chunk(b"\0\0\0\0", data))
    yield "png with 200,000 empty data chunks and no data", png(head, chunk(b"IDAT", b"") * 200_000)
    dice = random.Random(0)
    for seed in range(12):
        noise = bytearray(whole)
        for _ in range(100):
            noise[dice.randrange(16, len(noise))] ^= dice.randrange(1, 256)
        yield f"png with 100 changed bytes, {seed}", bytes(noise)


def _metadata(whole: bytes) -> Iterator[Named]:
    """A picture that is all right, with more beside it than any picture needs."""
    first, rest = whole[:33], whole[33:]  # signature and header
    for mebibytes in (2, 64, 1000):
        packed = zeros(mebibytes * _MEBIBYTE)
        yield f"png with a text of {mebibytes} MiB, packed", first + chunk(b"zTXt", b"a\0\0" + packed) + rest
        international = chunk(b"iTXt", b"a\0\1\0\0\0" + packed)
        yield f"png with an international text of {mebibytes} MiB, packed", first + international + rest
        yield f"png with a colour profile of {mebibytes} MiB, packed", first + chunk(b"iCCP", b"a\0\0" + packed) + rest
    one = chunk(b"zTXt", b"a\0\0" + zeros(1_000_000))
    yield "png with 500 texts of a megabyte, packed", first + one * 500 + rest
    yield "png with a text of 9 MB", first + chunk(b"tEXt", b"a\0" + b"x" * 9_000_000) + rest
    yield "png with 400,000 texts", first + chunk(b"tEXt", b"a\0b") * 400_000 + rest
    yield "png with Exif of 9 MB", first + chunk(b"eXIf", b"MM\0*" + b"\0\0\0\x08" + b"\xff" * 9_000_000) + rest
    yield "png with 9 MB of a private chunk", first + chunk(b"prVt", bytes(9_000_000)) + rest


def _animations(whole: bytes) -> Iterator[Named]:
    with Image.open(io.BytesIO(whole)) as image:
        frames = [image.convert("L").rotate(angle, fillcolor=255) for angle in range(0, 90, 9)]
    stream = io.BytesIO()
    frames[0].save(stream, "PNG", save_all=True, append_images=frames[1:])
    animated = stream.getvalue()
    yield "png of ten frames", animated
    control = animated.index(b"acTL")
    lie = struct.pack(">II", (1 << 31) - 1, 0)
    claims = (
        animated[:control] + b"acTL" + lie + struct.pack(">I", zlib.crc32(b"acTL" + lie)) + animated[control + 16 :]
    )
    yield "png that says 2 billion frames", claims
    yield "png with a frame control of 2 bytes", whole[:33] + chunk(b"fcTL", b"ab") + whole[33:]


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]
