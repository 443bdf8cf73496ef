from dataclasses import asdict, replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from training.config.sketch_style import INGREDIENTS, STYLES, SketchStyle, get_style
from training.pseudo_sketches.draw import draw_hand, pseudo_sketch
from training.pseudo_sketches.lines import product_mask, subject_mask


def shoe() -> Image.Image:
    """A dark blob on white with a pale seam and a buckle."""
    photo = Image.new("RGB", (300, 200), "white")
    draw = ImageDraw.Draw(photo)
    draw.polygon([(40, 150), (60, 60), (140, 80), (260, 120), (270, 150)], fill=(60, 50, 40))
    draw.line([(70, 130), (150, 120), (250, 135)], fill=(190, 180, 170), width=4)
    draw.rectangle([90, 85, 115, 105], fill=(220, 200, 60))
    return photo


def shoe_in_a_meadow() -> Image.Image:
    random = np.random.default_rng(0)
    grass = random.integers(60, 180, (200, 300, 3)) * np.array([0.4, 1.0, 0.3])
    photo = Image.fromarray(grass.astype(np.uint8)).filter(ImageFilter.GaussianBlur(1))
    return Image.composite(shoe(), photo, shoe().convert("L").point([255 * (level < 230) for level in range(256)]))


def drawn(style: SketchStyle, seed: int = 3, photo: Image.Image | None = None) -> bytes:
    return pseudo_sketch(photo or shoe(), np.random.default_rng(seed), style).tobytes()


TOUCHED = {
    "warp": {"stretch", "bend_px"},
    "wobble": {"wobble_px"},
    "details": {"detail"},
    "width": {"width_px"},
    "redraw": {"overshoot_px", "redraw"},
    "smooth": {"smooth_px"},
    "elaborate": {"strictness", "detail", "overshoot_px"},
}


@pytest.mark.parametrize("ingredient", INGREDIENTS)
def test_every_ingredient_changes_the_drawings_and_none_the_hand_beside_itself(ingredient: str) -> None:
    photo = shoe_in_a_meadow() if ingredient == "subject" else shoe()
    whole, without = STYLES["person"], STYLES["person"].without([ingredient])
    assert any(drawn(without, seed, photo) != drawn(whole, seed, photo) for seed in range(5))
    assert drawn(without, 3, photo) == drawn(without, 3, photo)
    one, other = (asdict(draw_hand(np.random.default_rng(0), style)) for style in (whole, without))
    assert {name for name in one if one[name] != other[name]} == TOUCHED.get(ingredient, set())


def test_the_subject_is_told_from_a_busy_background() -> None:
    found = subject_mask(np.asarray(shoe_in_a_meadow())) > 0
    shape = np.asarray(shoe().convert("L")) < 230
    assert (found & shape).sum() > 0.9 * shape.sum()
    assert found.sum() < 1.3 * shape.sum()
    assert product_mask(np.asarray(shoe_in_a_meadow())).all()


def test_smooth_strokes_round_the_corners() -> None:
    photo = Image.new("RGB", (256, 256), "white")
    ImageDraw.Draw(photo).rectangle([60, 60, 190, 190], fill=(40, 40, 40))
    plain = SketchStyle().without(["warp", "redraw", "width", "wobble"])

    def at_the_corner(style: SketchStyle) -> float:
        drawings = [pseudo_sketch(photo, np.random.default_rng(seed), style) for seed in range(10)]
        return float(np.mean([np.asarray(drawing)[60, 60] for drawing in drawings]))

    assert at_the_corner(plain) < 10
    assert at_the_corner(replace(plain, smooth=True)) > 50


def test_the_two_edge_families_draw_differently_and_both_of_them_takes_turns() -> None:
    canny, dog, both = (SketchStyle(edges=edges) for edges in ("canny", "dog", "both"))
    assert all(drawn(canny, seed) != drawn(dog, seed) for seed in range(5))
    assert len({drawn(both, seed) for seed in range(5)}) == 5


def test_a_speck_beside_the_product_is_drawn_only_where_the_background_is_not_suppressed() -> None:
    photo = shoe()
    ImageDraw.Draw(photo).rectangle([200, 20, 225, 40], fill=(90, 90, 90))
    everything = SketchStyle().without(["warp", "wobble", "details"])
    corner = [
        (np.asarray(pseudo_sketch(photo, np.random.default_rng(0), style)) < 128)[:40, 160:].any()
        for style in (everything, everything.without(["background"]))
    ]
    assert corner == [False, True]


def test_strokes_that_are_not_simplified_follow_the_edge() -> None:
    photo = Image.new("RGB", (200, 200), "white")
    ImageDraw.Draw(photo).ellipse([30, 30, 170, 170], fill=(40, 40, 40))
    style = SketchStyle().without(["warp", "wobble", "redraw", "width", "simplify"])
    for seed in range(5):
        rows, columns = np.nonzero(np.asarray(pseudo_sketch(photo, np.random.default_rng(seed), style)) < 128)
        assert np.abs(np.hypot(rows - 100, columns - 100) - 70).max() < 4


def test_unknown_names_are_refused_with_those_that_exist() -> None:
    with pytest.raises(ValueError, match=r"no ingredient 'colour'.*choose of background"):
        SketchStyle().without(["colour"])
    with pytest.raises(ValueError, match="no sketch style 'mine'; choose one of first"):
        get_style("mine")
    with pytest.raises(ValueError, match="edges is 'sobel'; expected one of canny, dog, both"):
        SketchStyle(edges="sobel")  # type: ignore[arg-type]
