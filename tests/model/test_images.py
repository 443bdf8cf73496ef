import io
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from model.errors import UnreadableImageError
from model.images import NO_END_MARKER, decode_image, flatten_on_white, grey_on_white

MANY = 10_000_000


def encoded(image: Image.Image, fmt: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, fmt, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "LA", "RGBA", "I;16"])
def test_every_png_mode_becomes_rgb_or_rgba(mode: str) -> None:
    white = Image.new("RGBA" if mode.endswith("A") else "RGB", (8, 6), "white")
    image = Image.new("I;16", (8, 6), 65535) if mode == "I;16" else white.convert(mode)
    decoded = decode_image(encoded(image), max_pixels=MANY)
    assert decoded.mode == ("RGBA" if mode in ("LA", "RGBA") else "RGB")
    assert decoded.size == (8, 6)
    assert np.asarray(decoded).min() == 255


def test_cmyk_jpeg_becomes_rgb() -> None:
    red = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    assert decode_image(encoded(red, "JPEG", quality=100), max_pixels=MANY).getpixel((4, 4))[0] > 200


def test_16_bit_grey_keeps_its_shades() -> None:
    values = np.linspace(0, 65535, 64, dtype=np.uint16).reshape(8, 8)
    decoded = np.asarray(decode_image(encoded(Image.fromarray(values)), max_pixels=MANY))[..., 0]
    assert np.abs(decoded.astype(int) - values // 257).max() <= 1


def test_exif_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(Image.new("RGB", (20, 10)), "JPEG", exif=exif)
    assert decode_image(data, max_pixels=MANY).size == (10, 20)


def test_palette_transparency_is_kept() -> None:
    image = Image.new("P", (4, 4), 0)
    decoded = decode_image(encoded(image, transparency=0), max_pixels=MANY)
    assert decoded.mode == "RGBA"
    assert flatten_on_white(decoded).getpixel((0, 0)) == (255, 255, 255)


def test_a_draft_jpeg_is_not_smaller_than_asked_for() -> None:
    data = encoded(Image.new("RGB", (1600, 1200)), "JPEG")
    decoded = decode_image(data, max_pixels=MANY, draft_size_px=224)
    assert 224 <= min(decoded.size) < 1200


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"hello, this is no image", "not_an_image"),
        (encoded(Image.effect_noise((64, 64), 50))[:600], "truncated"),
        (encoded(Image.new("RGB", (8, 8)), "GIF"), "unsupported_format"),
    ],
)
def test_unusable_bytes_are_refused_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImageError) as caught:
        decode_image(data, max_pixels=MANY, formats=("PNG", "JPEG", "WEBP"))
    assert caught.value.reason == reason
    assert str(caught.value).count(". ") == 0


def test_a_large_image_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(UnreadableImageError, match="at most 99 are accepted") as caught:
        decode_image(encoded(Image.new("1", (10, 10)))[:60], max_pixels=99)  # cut short: decoding would fail otherwise
    assert caught.value.reason == "too_large"


def test_a_decompression_bomb_is_refused_as_too_large() -> None:
    with pytest.raises(UnreadableImageError) as caught:
        decode_image(encoded(Image.new("1", (20_000, 20_000))), max_pixels=50_000_000)
    assert caught.value.reason == "too_large"


def _drawing_with_alpha(ink: tuple[int, int, int] | None) -> Image.Image:
    """Soft shapes of every alpha in one colour, or of many colours without one, on a transparent ground."""
    levels = np.random.default_rng(3).integers(0, 256, (40, 50, 4), dtype=np.uint8)
    levels[:10], levels[:, 35:] = 0, 0
    if ink is not None:
        levels[..., :3] = ink
    return Image.fromarray(levels, "RGBA")


@pytest.mark.parametrize("ink", [(0, 0, 0), (255, 255, 255), (30, 90, 200), None])
@pytest.mark.parametrize("opaque", [False, True])
def test_grey_on_white_is_the_grey_of_the_flattened_drawing(ink: tuple[int, int, int] | None, opaque: bool) -> None:
    image = _drawing_with_alpha(ink)
    if opaque:
        image.putalpha(255)
    paper = Image.new("RGBA", image.size, "white")
    expected = Image.alpha_composite(paper, image).convert("RGB")
    assert flatten_on_white(image).tobytes() == expected.tobytes()
    assert grey_on_white(image).tobytes() == expected.convert("L").tobytes()


def test_grey_on_white_of_nothing_at_all_is_white_paper() -> None:
    assert grey_on_white(Image.new("RGBA", (3, 2), (0, 0, 0, 0))).tobytes() == b"\xff" * 6


def swapped_profile() -> bytes:
    """An ICC profile that is not that of sRGB: so that it shows, red and blue are swapped."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {bytes(data[at : at + 4]): at for at in range(132, 132 + 12 * int.from_bytes(data[128:132]), 12)}
    description = data.find("sRGB".encode("utf-16-be"))
    data[description : description + 8] = "wide".encode("utf-16-be")
    red, blue = (slice(tags[name] + 4, tags[name] + 12) for name in (b"rXYZ", b"bXYZ"))
    data[red], data[blue] = data[blue], data[red]
    return bytes(data)


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_the_colours_of_another_profile_become_those_of_srgb(fmt: str) -> None:
    red = Image.new("RGB", (32, 32), (200, 20, 20))
    quality = {} if fmt in ("PNG", "TIFF") else {"quality": 100}
    decoded = decode_image(encoded(red, fmt, icc_profile=swapped_profile(), **quality), max_pixels=MANY)
    assert decoded.mode == "RGB"
    pixel = decoded.getpixel((16, 16))
    assert pixel[2] > 150 > 60 > pixel[0]


def test_transparency_and_grey_survive_the_conversion_of_colours() -> None:
    image = Image.new("RGBA", (8, 8), (200, 20, 20, 100))
    decoded = decode_image(encoded(image, icc_profile=swapped_profile()), max_pixels=MANY)
    assert (decoded.mode, decoded.getpixel((0, 0))[3]) == ("RGBA", 100)
    grey = decode_image(encoded(Image.new("L", (8, 8), 90), icc_profile=swapped_profile()), max_pixels=MANY)
    assert grey.getpixel((0, 0)) == (90, 90, 90)


@pytest.mark.parametrize("damage", [b"", b"nonsense", swapped_profile()[:300]])
def test_a_profile_that_cannot_be_used_is_ignored(damage: bytes) -> None:
    image = Image.new("RGB", (8, 8), (200, 20, 20))
    assert decode_image(encoded(image, icc_profile=damage), max_pixels=MANY).getpixel((0, 0)) == (200, 20, 20)


def test_the_profile_of_srgb_changes_no_pixel() -> None:
    noise = Image.effect_noise((32, 32), 80).convert("RGB")
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    decoded = decode_image(encoded(noise, icc_profile=srgb), max_pixels=MANY)
    assert decoded.tobytes() == noise.tobytes()


@pytest.mark.parametrize(("top", "dtype"), [(1.0, "float32"), (255.0, "float32"), (1023, "uint16"), (4095, "uint16")])
def test_wide_greys_are_scaled_by_the_range_that_they_use(top: float, dtype: str) -> None:
    values = np.linspace(0, top, 64).astype(dtype).reshape(8, 8)
    decoded = np.asarray(decode_image(encoded(Image.fromarray(values), "TIFF"), max_pixels=MANY))[..., 0]
    assert np.abs(decoded - values.astype(float) * 255 / top).max() <= 1


def test_what_is_no_number_in_a_float_image_is_black_and_the_rest_is_kept() -> None:
    values = np.array([[np.nan, 0.5], [np.inf, 1.0]], np.float32)
    decoded = np.asarray(decode_image(encoded(Image.fromarray(values), "TIFF"), max_pixels=MANY))[..., 0]
    assert decoded[0].tolist() == [0, 127]
    assert decoded[1, 1] == 255


def test_colours_of_12_bits_in_16_are_refused_and_not_read_as_black() -> None:
    values = np.full((8, 8, 3), 4095, np.uint16)
    with pytest.raises(UnreadableImageError, match="at most 12"):
        decode_image(png_of_16_bits(values), max_pixels=MANY)
    assert decode_image(png_of_16_bits(values * 16), max_pixels=MANY).getpixel((0, 0)) == (255, 255, 255)


def png_of_16_bits(values: np.ndarray) -> bytes:
    """A PNG of colours with 16 bits, which Pillow reads and does not write."""
    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = width.to_bytes(4) + height.to_bytes(4) + bytes((16, 2, 0, 0, 0))
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    parts = (len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4) for kind, data in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["baseline", "progressive"])
def test_a_jpeg_that_lacks_only_its_end_marker_is_read_and_says_so(options: dict[str, bool]) -> None:
    data = encoded(Image.effect_noise((200, 150), 60).convert("RGB"), "JPEG", **options)
    whole, cut = decode_image(data, max_pixels=MANY), decode_image(data[:-2], max_pixels=MANY)
    assert cut.tobytes() == whole.tobytes()
    assert (NO_END_MARKER in whole.info, NO_END_MARKER in cut.info) == (False, True)
    for missing in (60, len(data) // 2):
        with pytest.raises(UnreadableImageError, match="cut short"):
            decode_image(data[:-missing], max_pixels=MANY)
