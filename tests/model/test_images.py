import io

import numpy as np
import pytest
from PIL import Image

from model.errors import UnreadableImageError
from model.images import decode_image, flatten_on_white, grey_on_white

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
