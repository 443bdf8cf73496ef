import zlib
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageDraw

from benchmarks.corruptions.kinds import KINDS
from benchmarks.corruptions.page import page_of
from benchmarks.sketch_corruptions import corrupted
from model.errors import BlankSketchError
from model.preprocess import Preprocessing, normalise_sketch
from model.reading.filters import grown
from model.reading.read import read_drawing

SETTINGS = Preprocessing(image_size_px=96)
# Each in a strength in which a reading by the outermost line of pixels finds something else.
MISREAD_BEFORE = {
    "hairline frame": 0,
    "thick frame": 1,
    "band on one side": 1,
    "bands on two sides": 1,
    "bands on three sides": 1,
    "window of a dark app": 1,
    "sheet on a dark table": 1,
    "frame inside the sheet": 1,
    "dark canvas on a white page": 1,
    "uneven light": 2,
    "vignette": 1,
    "shadow": 1,
    "grain": 1,
    "whiteboard": 1,
    "phone photo": 1,
    "lined paper": 2,
    "squared paper": 2,
    "dotted paper": 1,
    "smudge in a corner": 1,
    "line of handwriting": 1,
    "date and name": 1,
    "white on transparent": 1,
    "pale on transparent": 2,
    "two tones on transparent": 1,
    "palette with transparency": 2,
    "dark mode": 1,
    "filled": 1,
}
READ_BEFORE = {
    "poor JPEG": 2,
    "out of focus": 2,
    "creased paper": 2,
    "pencil": 2,
    "coloured pens": 2,
    "highlighter": 2,
    "blackboard": 2,
    "fine lines in a large scan": 0,
}


@cache
def chair() -> Image.Image:
    """A chair in black on white, with a loose stroke; mode "L", 240 × 240."""
    image = Image.new("L", (240, 240), 255)
    pen = ImageDraw.Draw(image)
    pen.line([(80, 20), (76, 120), (60, 220)], fill=0, width=3, joint="curve")
    pen.line([(80, 20), (150, 28), (156, 118), (172, 214)], fill=0, width=3, joint="curve")
    pen.line([(76, 120), (156, 118), (190, 146), (100, 150), (76, 120)], fill=0, width=3, joint="curve")
    pen.line([(100, 150), (98, 226)], fill=0, width=3)
    pen.line([(190, 146), (194, 228)], fill=0, width=3)
    pen.ellipse([96, 46, 136, 90], outline=0, width=3)
    pen.line([(206, 60), (212, 90)], fill=0, width=3)
    return image


def agreement(one: Image.Image, other: Image.Image) -> float:
    """Share of the ink of two prepared sketches that lies within two pixels of the other's ink; the lower of both."""
    first, second = np.asarray(one) < 128, np.asarray(other) < 128
    return min(
        float((first & grown(second, 2)).sum() / first.sum()), float((second & grown(first, 2)).sum() / second.sum())
    )


@pytest.mark.parametrize(("kind", "strength"), (MISREAD_BEFORE | READ_BEFORE).items())
def test_the_drawing_is_read_off_whatever_surrounds_it(kind: str, strength: int) -> None:
    arrived = corrupted(chair(), kind, strength, seed=zlib.crc32(b"chair"))
    assert agreement(normalise_sketch(arrived, SETTINGS), normalise_sketch(chair().convert("RGB"), SETTINGS)) > 0.95


def test_every_kind_of_the_benchmark_is_here() -> None:
    assert set(MISREAD_BEFORE | READ_BEFORE) == set(KINDS)


def test_a_clean_drawing_keeps_its_own_pixels() -> None:
    image = page_of(chair())
    np.testing.assert_array_equal(np.asarray(read_drawing(image.convert("RGB"))), np.asarray(image))


def test_a_drawing_that_touches_the_edge_of_its_page_loses_nothing() -> None:
    table = Image.new("L", (200, 120), 255)
    pen = ImageDraw.Draw(table)
    pen.rectangle([0, 0, 199, 4], fill=0)
    pen.line([(20, 4), (24, 119)], fill=0, width=4)
    pen.line([(180, 4), (176, 119)], fill=0, width=4)
    np.testing.assert_array_equal(np.asarray(read_drawing(table.convert("RGB"))), np.asarray(table))


def test_a_box_with_nothing_in_it_is_a_drawing() -> None:
    box = Image.new("L", (200, 200), 255)
    ImageDraw.Draw(box).rectangle([20, 20, 180, 180], outline=0, width=3)
    np.testing.assert_array_equal(np.asarray(read_drawing(box.convert("RGB"))), np.asarray(box))


@pytest.mark.parametrize("outline", ["white", "black"])
def test_a_cut_out_drawing_with_white_inside_is_no_silhouette(outline: str) -> None:
    sticker = Image.new("RGBA", (200, 200))
    pen = ImageDraw.Draw(sticker)
    pen.ellipse([30, 30, 170, 170], fill="white", outline=outline, width=4)
    pen.line([(60, 100), (140, 100)], fill="black", width=4)
    ink = np.asarray(read_drawing(sticker)) < 128
    assert ink[100, 100]
    assert ink.mean() < 0.1


@pytest.mark.parametrize("side", ["even", "gradient", "frame", "transparent"])
def test_a_page_without_a_drawing_is_blank(side: str) -> None:
    page = Image.new("RGBA", (160, 160), (255, 255, 255, 0 if side == "transparent" else 255))
    if side == "gradient":
        page = Image.linear_gradient("L").resize((160, 160)).point(lambda level: 128 + level // 2).convert("RGB")
    elif side == "frame":
        ImageDraw.Draw(page).rectangle([0, 0, 159, 159], outline="black", width=12)
    with pytest.raises(BlankSketchError):
        normalise_sketch(page.convert("RGB") if side == "even" else page, SETTINGS)


def test_steam_above_a_mug_is_part_of_the_drawing() -> None:
    mug = Image.new("L", (240, 240), 255)
    pen = ImageDraw.Draw(mug)
    pen.rectangle([70, 90, 160, 200], outline=0, width=3)
    for x in (90, 110, 130):
        pen.line([(x, 75), (x + 6, 60), (x, 45)], fill=0, width=3)
    np.testing.assert_array_equal(np.asarray(read_drawing(mug.convert("RGB"))), np.asarray(mug))


def test_the_ground_under_a_mug_is_part_of_the_drawing() -> None:
    mug = Image.new("L", (240, 240), 255)
    pen = ImageDraw.Draw(mug)
    pen.rectangle([60, 40, 170, 200], outline=0, width=3)
    pen.line([(90, 226), (150, 227)], fill=0, width=2)
    np.testing.assert_array_equal(np.asarray(read_drawing(mug.convert("RGB"))), np.asarray(mug))
