import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from training.pseudo_sketches.draw import product_mask, pseudo_sketch


def product(*, size: tuple[int, int] = (300, 200), backdrop: str = "white") -> Image.Image:
    """A box with a handle shape on it: an outline, and one line inside."""
    photo = Image.new("RGB", size, backdrop)
    draw = ImageDraw.Draw(photo)
    draw.rectangle([60, 40, 240, 160], fill=(150, 60, 40))
    draw.ellipse([120, 70, 180, 130], fill=(240, 210, 120))
    return photo


def ink(sketch: Image.Image) -> np.ndarray:
    return np.asarray(sketch) < 128


def drawing(photo: Image.Image, seed: int) -> Image.Image:
    return pseudo_sketch(photo, np.random.default_rng(seed))


def test_a_drawing_is_lines_on_white_and_the_same_seed_gives_the_same() -> None:
    sketch = drawing(product(), 0)
    assert sketch.mode == "L"
    assert max(sketch.size) == 256
    assert 0.001 < ink(sketch).mean() < 0.2
    assert sketch.tobytes() == drawing(product(), 0).tobytes()


def test_every_seed_draws_another_one() -> None:
    assert len({drawing(product(), seed).tobytes() for seed in range(10)}) == 10


def test_the_outline_is_always_drawn_where_the_product_ends() -> None:
    scale = 256 / 300
    outline = Image.new("L", (256, 171), 0)
    ImageDraw.Draw(outline).rectangle([60 * scale, 40 * scale, 240 * scale, 160 * scale], outline=255, width=1)
    near = np.asarray(outline.filter(ImageFilter.MaxFilter(49))) > 0
    for seed in range(20):
        drawn = ink(drawing(product(), seed))
        assert (drawn & near).sum() > 0.5 * (np.asarray(outline) > 0).sum()


def test_inner_lines_are_sometimes_drawn_and_sometimes_not() -> None:
    inside = [bool(ink(drawing(product(), seed))[70:100, 115:140].any()) for seed in range(30)]
    assert 0 < sum(inside) < 30


def test_the_backdrop_is_told_from_the_product_whatever_its_colour() -> None:
    for backdrop in ("white", "black", "lightblue"):
        mask = product_mask(np.asarray(product(backdrop=backdrop))) > 0
        assert mask[100, 150]
        assert not mask[5, 5]
        assert mask.mean() == pytest.approx(181 * 121 / 60000, rel=0.05)


def test_a_photo_with_a_busy_backdrop_is_drawn_as_a_whole() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    assert product_mask(noise).all()
    assert drawing(Image.fromarray(noise), 0).size == (64, 64)


def test_a_photo_without_an_edge_gives_white_paper() -> None:
    assert not ink(drawing(Image.new("RGB", (80, 80), "white"), 0)).any()


def test_a_transparent_photo_is_drawn_on_white() -> None:
    photo = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    ImageDraw.Draw(photo).ellipse([20, 20, 80, 80], fill=(30, 90, 160, 255))
    assert ink(drawing(photo, 1)).any()
