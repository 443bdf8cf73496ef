"""Hostile headers, made here byte by byte; the sizes they announce are never allocated."""

import io
import struct
import zlib

import pytest
from PIL import Image

from model.errors import UnreadableImageError
from service.uploads.check import check_upload
from service.uploads.refusals import MAX_METADATA_BYTES, MAX_PARTS

MAX_PIXELS = 1_000_000
TOO_MUCH = MAX_METADATA_BYTES + 1


def saved(file_format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(stream, file_format, **options)
    return stream.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with(*chunks: bytes) -> bytes:
    """A good PNG with these chunks behind its header."""
    good = saved("PNG")
    return good[:33] + b"".join(chunks) + good[33:]


def png_of_size(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))


def jpeg_with(*segments: bytes) -> bytes:
    good = saved("JPEG")
    return good[:2] + b"".join(segments) + good[2:]


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def jpeg_of_size(width: int, height: int) -> bytes:
    return b"\xff\xd8" + segment(0xC2, struct.pack(">BHHB", 8, height, width, 3))


def webp_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack("<4sI", kind, len(body)) + body + bytes(len(body) % 2)


def webp_with(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks) + saved("WEBP")[12:]
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def extended(width: int, height: int, flags: int = 0) -> bytes:
    return webp_chunk(
        b"VP8X", bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    )


def greedy_exif(entries: int, order: str = "<") -> bytes:
    """A directory of which each entry claims the same 30,000 bytes."""
    table = b"".join(struct.pack(order + "HHII", number, 7, 30_000, 0) for number in range(entries))
    mark = {"<": b"II*\0", ">": b"MM\0*"}[order]
    return mark + struct.pack(order + "IH", 8, entries) + table + bytes(30_000)


GREEDY = greedy_exif(1000)
FRAMES = {"save_all": True, "append_images": [Image.new("RGB", (256, 256), "white")]}
REFUSED = {
    "nothing": (b"", "empty"),
    "text": (b"hello" * 100, "not_an_image"),
    "an SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_format"),
    "a GIF": (saved("GIF"), "unsupported_format"),
    "a TIFF that holds a JPEG": (saved("TIFF", compression="jpeg"), "unsupported_format"),
    "a BMP": (saved("BMP"), "unsupported_format"),
    "an AVIF": (b"\0\0\0\x20ftypavif" + bytes(100), "unsupported_format"),
    "a PNG of 65,535 × 65,535": (png_of_size(65_535, 65_535), "too_large"),
    "a JPEG of 65,535 × 65,535": (jpeg_of_size(65_535, 65_535), "too_large"),
    "a WebP of 16,384 × 16,384": (webp_with(extended(16_384, 16_384)), "too_large"),
    "a WebP whose picture is larger than its canvas": (
        webp_with(webp_chunk(b"VP8L", b"\x2f" + (16_383 | 16_383 << 14).to_bytes(4, "little"))),
        "too_large",
    ),
    "an animated PNG": (saved("PNG", **FRAMES), "animated"),
    "an animated WebP": (saved("WEBP", **FRAMES), "animated"),
    "a WebP that says it is animated": (webp_with(extended(9, 9, flags=2)), "animated"),
    "a giant colour profile in a PNG": (
        png_with(chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(TOO_MUCH)))),
        "too_much_metadata",
    ),
    "a giant colour profile in a WebP": (webp_with(webp_chunk(b"ICCP", bytes(TOO_MUCH))), "too_much_metadata"),
    "giant packed text in a PNG": (
        png_with(chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(TOO_MUCH)))),
        "too_much_metadata",
    ),
    "giant packed international text": (
        png_with(chunk(b"iTXt", b"a\0\1\0en\0a\0" + zlib.compress(bytes(TOO_MUCH)))),
        "too_much_metadata",
    ),
    "packed text in many pieces": (
        png_with(*[chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(TOO_MUCH // 8)))] * 9),
        "too_much_metadata",
    ),
    "giant plain text in a PNG": (png_with(chunk(b"tEXt", b"a\0" + bytes(TOO_MUCH))), "too_much_metadata"),
    "giant comments in a JPEG": (jpeg_with(*[segment(0xFE, bytes(65_000))] * 65), "too_much_metadata"),
    "a TIFF in a JPEG that claims its bytes often": (
        jpeg_with(segment(0xE1, b"Exif\0\0" + GREEDY)),
        "too_much_metadata",
    ),
    "the same in the other byte order": (
        jpeg_with(segment(0xE1, b"Exif\0\0" + greedy_exif(1000, ">"))),
        "too_much_metadata",
    ),
    "the same in two parts": (
        jpeg_with(segment(0xE1, b"Exif\0\0" + GREEDY[:9000]), segment(0xE1, b"Exif\0\0" + GREEDY[9000:])),
        "too_much_metadata",
    ),
    "the same as a list of more pictures": (jpeg_with(segment(0xE2, b"MPF\0" + GREEDY)), "too_much_metadata"),
    "the same in a PNG": (png_with(chunk(b"eXIf", GREEDY)), "too_much_metadata"),
    "the same in a WebP": (webp_with(webp_chunk(b"EXIF", GREEDY)), "too_much_metadata"),
    "a PNG in crumbs": (png_with(chunk(b"IDAT", b"") * MAX_PARTS), "too_complex"),
    "a JPEG in crumbs": (jpeg_with(segment(0xFE, b"") * MAX_PARTS), "too_complex"),
    "a JPEG of lone markers": (jpeg_with(b"\xff\x01" * MAX_PARTS), "too_complex"),
    "a WebP in crumbs": (webp_with(webp_chunk(b"JUNK", b"") * MAX_PARTS), "too_complex"),
    "a JPEG of a thousand scans": (
        jpeg_of_size(10, 10) + segment(0xDA, b"\1\1\0\0\0\0") * 1001,
        "too_complex",
    ),
    "a large JPEG of many scans": (jpeg_of_size(1000, 1000) + segment(0xDA, b"\1\1\0\0\0\0") * 21, "too_complex"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_cost_a_decoder_too_much_is_refused_from_its_headers(name: str) -> None:
    data, reason = REFUSED[name]
    with pytest.raises(UnreadableImageError) as caught:
        check_upload(data, max_pixels=MAX_PIXELS)
    assert caught.value.reason == reason
    assert str(caught.value).endswith(".")


def rotated() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a sheet of paper" * 100
    return exif


ACCEPTED = {
    "a PNG": saved("PNG"),
    "a PNG with text, profile and EXIF": saved("PNG", icc_profile=bytes(3000), exif=rotated()),
    "a PNG of one frame": saved("PNG", save_all=True),
    "a JPEG": saved("JPEG"),
    "a progressive JPEG with EXIF and a profile": saved(
        "JPEG", progressive=True, exif=rotated(), icc_profile=bytes(200_000)
    ),
    "a JPEG with padding before a marker": jpeg_with(b"\xff\xff\xff", segment(0xFE, b"hello")),
    "a photo of a phone, with a second picture in it": saved(
        "MPO", save_all=True, append_images=[Image.new("RGB", (9, 9))]
    ),
    "a lossy WebP": saved("WEBP", exif=rotated()),
    "a lossless WebP": saved("WEBP", lossless=True),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_programs_and_phones_write_is_accepted(name: str) -> None:
    check_upload(ACCEPTED[name], max_pixels=MAX_PIXELS)


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_file_cut_anywhere_is_left_to_the_decoder(name: str) -> None:
    data = ACCEPTED[name]
    for length in {*range(12, min(700, len(data))), len(data) - 1}:
        check_upload(data[:length], max_pixels=MAX_PIXELS)


def test_as_many_pixels_as_are_accepted_pass_and_one_more_does_not() -> None:
    check_upload(png_of_size(1000, 1000), max_pixels=MAX_PIXELS)
    with pytest.raises(UnreadableImageError, match=r"1,001 × 1,000 pixels; at most 1,000,000"):
        check_upload(png_of_size(1001, 1000), max_pixels=MAX_PIXELS)


def test_a_jpeg_of_fill_bytes_alone_is_looked_through_once() -> None:
    # From each of its bytes to the end of the run, these would be 50 billion steps: an hour.
    check_upload(b"\xff\xd8" + b"\xff" * 300_000, max_pixels=100)


@pytest.mark.parametrize("fill", [b"", b"\xff", b"\xff" * 50])
def test_fill_bytes_before_a_marker_hide_nothing(fill: bytes) -> None:
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, 5000, 5000, 1) + b"\1\x11\0"
    with pytest.raises(UnreadableImageError, match="5,000 × 5,000"):
        check_upload(b"\xff\xd8\xff\xe0\x00\x03\xff" + fill + frame, max_pixels=100)
