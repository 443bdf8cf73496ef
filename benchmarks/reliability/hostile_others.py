"""WebP files that are wrong, files of formats that a sketch may not have, and files that are no pictures."""

import gzip
import io
import random
import struct
import zipfile
from collections.abc import Iterator

from PIL import Image

Named = tuple[str, bytes]


def webp_files(whole: bytes) -> Iterator[Named]:
    """Each with a name; `whole` is a lossless drawing that is all right."""
    for share in (5, 10, 20, 35, 50, 65, 80, 90):
        yield f"webp cut to {share} %", whole[: len(whole) * share // 100]
    yield "webp of a RIFF header alone", whole[:12]
    for stated in (0, 4, (1 << 32) - 2):
        yield f"webp that says {stated} bytes", whole[:4] + struct.pack("<I", stated) + whole[8:40]
    for kind in (b"VP8 ", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"\0\0\0\0"):
        yield f"webp whose picture is called {kind!r}", whole[:12] + kind + whole[16:]
    for side in (16_384, 16_000, 8_000):
        bits = (side - 1) | (side - 1) << 14
        lie = whole[:21] + struct.pack("<I", bits) + whole[25:]
        yield f"webp says {side} x {side} pixels", lie
    blank = io.BytesIO()
    Image.new("RGB", (5_001, 5_000), "white").save(blank, "WEBP", lossless=True, quality=0, method=0)
    yield "webp blank 5001 x 5000", blank.getvalue()
    frames = [Image.new("RGB", (300, 300), (shade, 0, 255 - shade)) for shade in range(0, 250, 5)]
    moving = io.BytesIO()
    frames[0].save(moving, "WEBP", save_all=True, append_images=frames[1:], duration=10)
    animated = moving.getvalue()
    yield "webp of fifty frames", animated
    yield "webp of fifty frames, cut short", animated[: len(animated) // 2]
    canvas = struct.pack("<I", 0x02) + (16_382).to_bytes(3, "little") * 2
    huge = b"VP8X" + struct.pack("<I", 10) + canvas + animated[30:]
    yield "webp of frames on a canvas of 268 megapixels", _riff(huge)
    yield "webp with a colour profile of 9 MB", _extended(whole, b"ICCP", bytes(9_000_000), flag=0x20)
    yield "webp with Exif of 9 MB", _extended(whole, b"EXIF", b"MM\0*" + bytes(9_000_000), flag=0x08)
    dice = random.Random(0)
    for seed in range(10):
        noise = bytearray(whole)
        for _ in range(40):
            noise[dice.randrange(20, len(noise))] ^= dice.randrange(1, 256)
        yield f"webp with 40 changed bytes, {seed}", bytes(noise)


def other_files(drawing: Image.Image) -> Iterator[Named]:
    """Pictures of other formats, and what is no picture at all, however it is called."""
    for name in (
        "GIF",
        "BMP",
        "TIFF",
        "ICO",
        "PPM",
        "TGA",
        "PCX",
        "SGI",
        "DDS",
        "IM",
        "JPEG2000",
        "PDF",
        "EPS",
        "AVIF",
    ):
        stream = io.BytesIO()
        drawing.convert("RGB").save(stream, name)
        yield f"a picture as {name}", stream.getvalue()
        yield f"a picture as {name}, cut short", stream.getvalue()[:100]
    yield from _texts()
    yield from _programs_and_archives()
    yield "nothing", b""
    dice = random.Random(0)
    magics = {
        "PNG": b"\x89PNG\r\n\x1a\n",
        "JPEG": b"\xff\xd8\xff\xe0",
        "WebP": b"RIFF\xff\xff\0\0WEBPVP8L",
        "nothing": b"",
    }
    for name, magic in magics.items():
        for size in (1, 100, 10_000, 1_000_000):
            yield f"{size} random bytes that begin as {name}", magic + dice.randbytes(size)


def _texts() -> Iterator[Named]:
    lines = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    laughs = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{lines}]>'
    svg = '<svg xmlns="http://www.w3.org/2000/svg">'
    yield "an SVG of a billion laughs", (laughs + svg + "&l9;</svg>").encode()
    yield "an SVG with a script", (svg + "<script>alert(1)</script></svg>").encode()
    yield "an SVG that wants a file", (svg + '<image href="file:///etc/passwd"/></svg>').encode()
    yield "a page", b"<!doctype html><script>alert(1)</script>"
    yield "JSON, deeply nested", b"[" * 100_000
    yield (
        "an XBM of 2 billion pixels",
        b"#define a_width 50000\n#define a_height 50000\nstatic char a_bits[] = {\n0x00 };",
    )
    yield "an XPM", b'/* XPM */\nstatic char *x[] = {"2 1 1 1","a c #000","aa"};'
    yield "PostScript that writes a file", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) (w) file\n%%EOF"
    yield "a PPM of 2 billion pixels", b"P6\n50000 50000\n255\n" + bytes(100)
    yield "a path", b"/etc/passwd"
    yield "an address", b"http://169.254.169.254/latest/meta-data"


def _programs_and_archives() -> Iterator[Named]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("zeros", bytes(100_000_000))
    yield "a ZIP of zeros", archive.getvalue()
    yield "a gzip of zeros", gzip.compress(bytes(100_000_000), mtime=0)
    yield "a program", b"\x7fELF\x02\x01\x01" + bytes(1000)
    yield "a pickle that runs a command", b"cos\nsystem\n(S'true'\ntR."
    yield "a film", b"\0\0\0\x18ftypmp42" + bytes(1000)
    yield "a HEIC", b"\0\0\0\x18ftypheic" + bytes(1000)
    yield "a Photoshop file of 900 megapixels", b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 4, 30_000, 30_000, 8, 3)
    yield "an icon of 300 pictures", b"\0\0\1\0\x2c\1" + (b"\xff" * 12 + b"\x16\0\0\0") * 300
    yield "a FITS file", b"SIMPLE  =                    T".ljust(80) + bytes(2000)
    directory = struct.pack("<H", 1) + struct.pack("<HHII", 0x0100, 4, 1, 9) + struct.pack("<I", 8)
    yield "a TIFF whose directories loop", b"II*\0" + struct.pack("<I", 8) + directory


def _extended(whole: bytes, kind: bytes, data: bytes, *, flag: int) -> bytes:
    with Image.open(io.BytesIO(whole)) as image:
        width, height = image.size
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    first = b"VP8X" + struct.pack("<II", 10, flag) + sides
    extra = kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
    picture = whole[12:]
    return _riff(first + (extra + picture if kind == b"ICCP" else picture + extra))


def _riff(content: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(content) + 4) + b"WEBP" + content
