"""What else is on the paper: lines, squares, dots, creases, smudges, writing."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from benchmarks.corruptions.page import Corruption, page_of, picture_of, pixels_of, smooth_noise


def _ruled(drawing: Image.Image, strength: int, *, squared: bool) -> Image.Image:
    page = page_of(drawing).convert("RGB")
    paper = Image.new("RGB", page.size, "white")
    pen, step = ImageDraw.Draw(paper), page.height // (18 if squared else 14)
    colour = ((200, 215, 235), (165, 190, 225), (110, 140, 195))[strength]
    for at in range(step // 2, page.height, step):
        pen.line([0, at, page.width, at], fill=colour)
        if squared:
            pen.line([at, 0, at, page.height], fill=colour)
    return Image.fromarray(np.minimum(np.asarray(page), np.asarray(paper)))


def lined_paper(drawing: Image.Image, strength: int, _: np.random.Generator) -> Image.Image:
    return _ruled(drawing, strength, squared=False)


def squared_paper(drawing: Image.Image, strength: int, _: np.random.Generator) -> Image.Image:
    return _ruled(drawing, strength, squared=True)


def dotted_paper(drawing: Image.Image, strength: int, _: np.random.Generator) -> Image.Image:
    """A bullet journal."""
    page = page_of(drawing)
    pen, step = ImageDraw.Draw(page), page.width // 20
    for x in range(step // 2, page.width, step):
        for y in range(step // 2, page.height, step):
            if page.getpixel((x, y)) == 255:
                pen.rectangle([x, y, x + 1, y + 1], fill=(190, 150, 100)[strength])
    return page.convert("RGB")


def creased_paper(drawing: Image.Image, strength: int, random: np.random.Generator) -> Image.Image:
    pixels = pixels_of(drawing)
    folds = smooth_noise(pixels.shape, random, cells=9) + 0.6 * smooth_noise(pixels.shape, random, cells=25)
    return picture_of(pixels * (0.86 + (0.05, 0.09, 0.14)[strength] * folds))


def corner_smudge(drawing: Image.Image, strength: int, random: np.random.Generator) -> Image.Image:
    """A thumb's print or a staple's shadow in one corner, at the very edge."""
    page = page_of(drawing)
    size = round(page.width * (0.05, 0.09, 0.13)[strength])
    blot = Image.new("L", page.size, 0)
    x = 0 if random.random() < 0.5 else page.width - size
    y = 0 if random.random() < 0.5 else page.height - size
    ImageDraw.Draw(blot).ellipse([x, y, x + size - 1, y + size - 1], fill=(120, 180, 240)[strength])
    blot = blot.filter(ImageFilter.GaussianBlur(size / 10))
    return picture_of(np.asarray(page, np.float32) / 255 * (1 - np.asarray(blot, np.float32) / 255))


def handwriting(drawing: Image.Image, strength: int, random: np.random.Generator) -> Image.Image:
    """A line of writing above or below the drawing."""
    page = page_of(drawing)
    height = round(page.width * (0.03, 0.045, 0.06)[strength])
    y = round(height * 0.8) if random.random() < 0.5 else page.height - round(height * 1.8)
    x, pen = page.width * 0.12, ImageDraw.Draw(page)
    for _ in range((6, 10, 14)[strength]):
        points = [(x + height * random.uniform(0, 0.7), y + height * random.uniform(0, 1)) for _ in range(4)]
        pen.line(points, fill=20, width=2, joint="curve")
        x += height * random.choice([0.95, 0.95, 1.6])
    return page.convert("RGB")


def date_and_name(drawing: Image.Image, strength: int, _: np.random.Generator) -> Image.Image:
    """Print in a corner: a date, a name, a page number."""
    page = page_of(drawing)
    text = ("p. 7", "12 May, Ida", "Sketch 12, Ida, 2024-05-12")[strength]
    ImageDraw.Draw(page).text((page.width - 6, page.height - 6), text, fill=40, anchor="rb", font_size=16)
    return page.convert("RGB")


PAPER: dict[str, Corruption] = {
    "lined paper": lined_paper,
    "squared paper": squared_paper,
    "dotted paper": dotted_paper,
    "creased paper": creased_paper,
    "smudge in a corner": corner_smudge,
    "line of handwriting": handwriting,
    "date and name": date_and_name,
}
