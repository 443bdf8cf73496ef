"""What holds for every picture, not only for those that somebody thought of."""

import io
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageOps

from model.errors import BlankSketchError, UnreadableImageError
from model.images import decode_image
from model.preprocess import Preprocessing, normalise_sketch, prepare_photo, prepare_sketch

SETTINGS = Preprocessing(image_size_px=48)
MODES = {"L": 1, "RGB": 3, "RGBA": 4}
FORMATS = ("PNG", "JPEG", "WEBP")


@st.composite
def pictures(draw: st.DrawFn) -> Image.Image:
    """Any pixels in "RGB" or "RGBA", also a single row of them."""
    mode, width, height = draw(st.sampled_from(("RGB", "RGBA"))), draw(st.integers(1, 40)), draw(st.integers(1, 40))
    levels = draw(st.sampled_from((1, 2, 3, 256)))  # few levels make flat pictures and hard edges likely
    values = np.random.default_rng(draw(st.integers(0, 2**32))).integers(0, levels, (height, width, MODES[mode]))
    return Image.fromarray((values * (255 // max(1, levels - 1))).clip(0, 255).astype(np.uint8), mode)


@st.composite
def drawings(draw: st.DrawFn) -> Image.Image:
    """Black strokes on white, away from the border."""
    point = st.tuples(st.integers(20, 100), st.integers(20, 100))
    paper = Image.new("RGB", (120, 120), "white")
    pen = ImageDraw.Draw(paper)
    for line in draw(st.lists(st.lists(point, min_size=2, max_size=5), min_size=1, max_size=4)):
        pen.line(line, fill="black", width=4)
        pen.ellipse((line[0][0] - 3, line[0][1] - 3, line[0][0] + 3, line[0][1] + 3), fill="black")
    return paper


def is_input(values: np.ndarray) -> bool:
    return values.shape == (3, 48, 48) and values.dtype == np.float32 and bool(np.isfinite(values).all())


@given(pictures())
def test_every_picture_becomes_a_photo_input_and_a_sketch_input_or_is_blank(picture: Image.Image) -> None:
    assert is_input(prepare_photo(picture, SETTINGS))
    with suppress(BlankSketchError):
        assert is_input(prepare_sketch(picture, SETTINGS))


@given(drawings(), st.tuples(*[st.integers(0, 60)] * 4))
def test_where_a_drawing_lies_on_its_paper_does_not_matter(drawing: Image.Image, margins: tuple[int, ...]) -> None:
    larger = ImageOps.expand(drawing, margins, "white")
    assert np.array_equal(normalise_sketch(larger, SETTINGS), normalise_sketch(drawing, SETTINGS))


@given(drawings())
def test_light_on_dark_is_the_same_drawing_as_dark_on_light(drawing: Image.Image) -> None:
    assert np.array_equal(normalise_sketch(ImageOps.invert(drawing), SETTINGS), normalise_sketch(drawing, SETTINGS))


@given(drawings())
def test_ink_on_nothing_is_the_same_drawing_as_ink_on_white(drawing: Image.Image) -> None:
    transparent = Image.new("RGBA", drawing.size)
    transparent.putalpha(ImageOps.invert(drawing.convert("L")))
    assert np.array_equal(normalise_sketch(transparent, SETTINGS), normalise_sketch(drawing, SETTINGS))


@given(st.binary(max_size=300), st.sampled_from((b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\x10\0\0\0WEBP")))
def test_bytes_are_an_image_or_refused(data: bytes, magic: bytes) -> None:
    with pytest.raises(UnreadableImageError):
        decode_image(magic + data, max_pixels=10_000, formats=FORMATS)


@given(
    pictures(), st.sampled_from(FORMATS), st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), max_size=5)
)
def test_a_damaged_file_is_an_image_or_refused(
    picture: Image.Image, file_format: str, changes: list[tuple[int, int]]
) -> None:
    stream = io.BytesIO()
    picture.convert("RGB").save(stream, file_format)
    data = bytearray(stream.getvalue())
    for place, change in changes:
        data[place % len(data)] ^= change
    try:
        decoded = decode_image(bytes(data), max_pixels=10_000, formats=FORMATS)
    except UnreadableImageError:
        return
    assert decoded.mode in ("RGB", "RGBA")
    assert decoded.width * decoded.height <= 10_000
