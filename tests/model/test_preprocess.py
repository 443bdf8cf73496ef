import contextlib

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from model.errors import BlankSketchError, BundleError
from model.images import flatten_on_white
from model.preprocess import (
    Preprocessing,
    normalise_sketch,
    prepare_photo,
    prepare_sketch,
    square_photo,
    to_tensor,
)
from model.strokes import set_stroke_width

SETTINGS = Preprocessing(image_size_px=96)


def sketch(
    size: int = 300, *, width: int = 4, ink: str = "black", paper: str = "white", offset: int = 0
) -> Image.Image:
    image = Image.new("RGB", (size, size), paper)
    box = [size // 4 + offset, size // 3 + offset, size // 2 + offset, size // 2 + offset]
    ImageDraw.Draw(image).ellipse(box, outline=ink, width=width)
    return image


def disagreement(one: Image.Image, other: Image.Image) -> float:
    """Share of the ink of two prepared sketches that only one of them has."""
    first, second = np.asarray(one) < 128, np.asarray(other) < 128
    return float((first ^ second).sum() / (first | second).sum())


def test_position_on_the_paper_does_not_matter() -> None:
    assert disagreement(normalise_sketch(sketch(), SETTINGS), normalise_sketch(sketch(offset=60), SETTINGS)) == 0


def test_size_of_the_paper_does_not_matter() -> None:
    assert (
        disagreement(normalise_sketch(sketch(300), SETTINGS), normalise_sketch(sketch(900, width=12), SETTINGS)) < 0.1
    )


@pytest.mark.parametrize("width", [1, 2, 8])
def test_width_of_the_pen_does_not_change_the_amount_of_ink(width: int) -> None:
    usual, other = normalise_sketch(sketch(width=4), SETTINGS), normalise_sketch(sketch(width=width), SETTINGS)
    ink, other_ink = (float((np.asarray(image) < 128).sum()) for image in (usual, other))
    assert abs(other_ink / ink - 1) < 0.25


def test_light_on_dark_equals_dark_on_light() -> None:
    inverted = sketch(ink="white", paper="black")
    assert disagreement(normalise_sketch(sketch(), SETTINGS), normalise_sketch(inverted, SETTINGS)) == 0


def test_transparent_paper_is_white() -> None:
    transparent = Image.new("RGBA", (300, 300), (0, 0, 0, 0))
    transparent.paste(
        Image.new("RGBA", (300, 300), "black"), mask=sketch().convert("L").point(lambda value: 255 - value)
    )
    assert disagreement(normalise_sketch(sketch(), SETTINGS), normalise_sketch(transparent, SETTINGS)) == 0


def test_faint_pencil_on_grey_paper_is_found() -> None:
    pencil = sketch(ink="#a0a0a0", paper="#d8d8d8")
    assert disagreement(normalise_sketch(sketch(), SETTINGS), normalise_sketch(pencil, SETTINGS)) == 0


@pytest.mark.parametrize("colour", ["white", "black", "#777777"])
def test_a_sketch_without_ink_is_refused(colour: str) -> None:
    with pytest.raises(BlankSketchError, match="blank"):
        prepare_sketch(Image.new("RGB", (64, 64), colour), SETTINGS)


def test_jpeg_noise_on_an_empty_page_is_blank() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(240, 256, (64, 64, 3), dtype=np.uint8))
    with pytest.raises(BlankSketchError):
        prepare_sketch(noise, SETTINGS)


@pytest.mark.parametrize("box", [(0, 0, 300, 2), (0, 0, 2, 300), (150, 150, 151, 151)])
def test_extreme_shapes_of_ink_are_accepted(box: tuple[int, int, int, int]) -> None:
    image = Image.new("RGB", (301, 301), "white")
    image.paste("black", box)
    assert prepare_sketch(image, SETTINGS).shape == (3, 96, 96)


def test_hair_lines_survive_a_great_reduction() -> None:
    image = Image.new("L", (4000, 4000), 255)
    ImageDraw.Draw(image).rectangle([100, 100, 3900, 3900], outline=0, width=1)
    ink = np.asarray(normalise_sketch(image.convert("RGB"), SETTINGS)) < 128
    assert ink[48].any()
    assert ink[:, 48].any()


def test_a_photo_is_scaled_without_distortion_and_centred_on_white() -> None:
    square = np.asarray(square_photo(Image.new("RGB", (200, 100), "red"), SETTINGS))
    assert square.shape == (96, 96, 3)
    assert (square[:20] == 255).all()
    assert (square[48] == (255, 0, 0)).all()


def test_a_photo_with_alpha_stands_on_white() -> None:
    assert np.asarray(square_photo(Image.new("RGBA", (50, 50), (0, 0, 0, 0)), SETTINGS)).min() == 255


def test_with_a_photo_margin_a_product_on_white_is_cropped_and_a_scene_is_not() -> None:
    settings = Preprocessing(image_size_px=96, photo_margin=0.0)
    product = Image.new("RGB", (300, 300), "white")
    product.paste("blue", (100, 100, 200, 200))
    assert (np.asarray(square_photo(product, settings)) == (0, 0, 255)).all()
    scene = Image.new("RGB", (300, 300), "green")
    scene.paste("blue", (100, 100, 200, 200))
    assert (np.asarray(square_photo(scene, settings))[0, 0] == (0, 128, 0)).all()


def test_tensors_are_normalised_by_mean_and_std() -> None:
    white = prepare_photo(Image.new("RGB", (10, 10), "white"), SETTINGS)
    assert white.dtype == np.float32
    assert white.flags.c_contiguous
    expected = (1 - np.array(SETTINGS.mean)) / np.array(SETTINGS.std)
    np.testing.assert_allclose(white[:, 5, 5], expected, rtol=1e-6)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_every_level_of_every_channel_is_normalised_as_the_formula_says(mode: str) -> None:
    values = np.random.default_rng(0).integers(0, 256, (96, 96, len(mode)), dtype=np.uint8).squeeze()
    tensor = to_tensor(Image.fromarray(values, mode), SETTINGS)
    scaled = values.astype(np.float32) / np.float32(255)
    colour = np.repeat(scaled[:, :, None], 3, axis=2) if mode == "L" else scaled
    expected = (colour - np.array(SETTINGS.mean, np.float32)) / np.array(SETTINGS.std, np.float32)
    np.testing.assert_array_equal(tensor, expected.transpose(2, 0, 1))
    assert tensor.flags.c_contiguous


def naive_normalise(image: Image.Image, settings: Preprocessing) -> np.ndarray:
    """What `normalise_sketch` states, step by step over the whole page and without a shortcut; white paper only."""
    page = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA")).convert("RGB")
    grey = np.asarray(page.convert("L")).astype(float)
    paper = np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]))
    darkness = np.clip(np.rint((paper - grey) * 255 / (paper - grey.min())), 0, 255).astype(np.uint8)
    rows, columns = np.nonzero(darkness > 255 * settings.ink_threshold)
    cut = Image.fromarray(darkness[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1], "L")
    side, margin = settings.image_size_px, max(round(settings.sketch_margin * settings.image_size_px), 3)
    scale = (side - 2 * margin) / max(cut.size)
    size = max(1, round(cut.width * scale)), max(1, round(cut.height * scale))
    fitted = cut.resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0)
    shade = Image.new("L", (side, side), 0)
    shade.paste(fitted, ((side - fitted.width) // 2, (side - fitted.height) // 2))
    values = np.asarray(shade)
    ink = values > settings.ink_threshold * np.percentile(values[values > 0], 90)
    return np.where(set_stroke_width(ink, width_px=settings.stroke_width_px), 0, 255)


def soft_drawing(mode: str, seed: int) -> Image.Image:
    """Smooth strokes of several widths and shades on a page of 800 × 600, anywhere on it."""
    random = np.random.default_rng(seed)
    alpha = Image.new("L", (1600, 1200), 0)
    pen = ImageDraw.Draw(alpha)
    for _ in range(5):
        points = [tuple(map(int, random.integers(200, 1000, 2))) for _ in range(4)]
        pen.line(points, fill=int(random.integers(120, 256)), width=int(random.integers(2, 16)), joint="curve")
    alpha = alpha.resize((800, 600))
    drawing = Image.new("RGBA", (800, 600), (0, 0, 0, 0) if seed % 2 else (40, 60, 160, 0))
    drawing.putalpha(alpha)
    return drawing if mode == "RGBA" else flatten_on_white(drawing)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("seed", range(4))
def test_the_prepared_sketch_is_pixel_for_pixel_what_a_plain_version_gives(mode: str, seed: int) -> None:
    drawing = soft_drawing(mode, seed)
    np.testing.assert_array_equal(np.asarray(normalise_sketch(drawing, SETTINGS)), naive_normalise(drawing, SETTINGS))


def test_settings_survive_json_and_unknown_ones_are_refused() -> None:
    assert Preprocessing.from_dict(SETTINGS.to_dict()) == SETTINGS
    with pytest.raises(BundleError, match="blur"):
        Preprocessing.from_dict(SETTINGS.to_dict() | {"blur": 1})


def test_an_even_stroke_width_is_refused() -> None:
    with pytest.raises(BundleError, match="odd"):
        Preprocessing(stroke_width_px=4)


def test_a_picture_of_a_few_coloured_pixels_is_read_or_blank_and_nothing_else() -> None:
    rows = [[[243, 8, 36], [210, 242, 63], [79, 222, 108]], [[69, 211, 65], [104, 164, 140], [21, 7, 221]]]
    with contextlib.suppress(BlankSketchError):
        assert prepare_sketch(Image.fromarray(np.array(rows, np.uint8)), SETTINGS).shape[0] == 3


def test_a_dense_scribble_on_a_small_sheet_is_not_taken_for_a_dark_sheet() -> None:
    random = np.random.default_rng(1422)
    drawing = Image.new("RGB", (120, 120), "white")
    pen = ImageDraw.Draw(drawing)
    for _ in range(random.integers(1, 5)):
        pen.line([tuple(map(int, random.integers(20, 101, 2))) for _ in range(random.integers(2, 6))], fill=0, width=4)
    larger = ImageOps.expand(drawing, 40, "white")
    assert np.array_equal(normalise_sketch(drawing, SETTINGS), normalise_sketch(larger, SETTINGS))
