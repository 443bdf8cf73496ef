"""What light and a camera do to a page."""

import io

import numpy as np
from PIL import Image, ImageFilter

from benchmarks.corruptions.borders import sheet_on_table
from benchmarks.corruptions.page import Corruption, coordinates, page_of, picture_of, pixels_of, smooth_noise

_RED_TO_BLACK = np.array([[0.75, 0.1, 0.12], [0.1, 0.25, 0.7], [0.1, 0.45, 0.2], [0.1, 0.1, 0.12]], np.float32)


def uneven_light(drawing: Image.Image, strength: int, random: np.random.Generator) -> Image.Image:
    """Light from one side."""
    pixels = pixels_of(drawing)
    down, right = coordinates(pixels)
    angle = random.uniform(0, 2 * np.pi)
    far = ((down - 0.5) * np.sin(angle) + (right - 0.5) * np.cos(angle)) / 1.4 + 0.5
    return picture_of(pixels * (1 - (0.3, 0.5, 0.7)[strength] * far))


def vignette(drawing: Image.Image, strength: int, _: np.random.Generator) -> Image.Image:
    pixels = pixels_of(drawing)
    down, right = coordinates(pixels)
    far = ((down - 0.5) ** 2 + (right - 0.5) ** 2) / 0.5
    return picture_of(pixels * (1 - (0.4, 0.65, 0.85)[strength] * far**1.5))


def shadow(drawing: Image.Image, strength: int, random: np.random.Generator) -> Image.Image:
    """The shadow of a hand or a phone, with a soft edge across the page."""
    pixels = pixels_of(drawing)
    down, right = coordinates(pixels)
    angle = random.uniform(0, 2 * np.pi)
    across = (down - 0.5) * np.sin(angle) + (right - 0.5) * np.cos(angle)
    return picture_of(pixels * (1 - (0.25, 0.4, 0.55)[strength] / (1 + np.exp(-across * (25, 40, 60)[strength]))))


def grainy(drawing: Image.Image, strength: int, random: np.random.Generator) -> Image.Image:
    """A dim photo: grey paper and the sensor's noise."""
    pixels = pixels_of(drawing) * 0.5 + 0.15
    return picture_of(pixels + random.normal(0, (0.02, 0.05, 0.08)[strength], pixels.shape))


def poor_jpeg(drawing: Image.Image, strength: int, _: np.random.Generator) -> Image.Image:
    stream = io.BytesIO()
    page_of(drawing).save(stream, "JPEG", quality=(30, 12, 5)[strength])
    return Image.open(stream).convert("RGB")


def out_of_focus(drawing: Image.Image, strength: int, _: np.random.Generator) -> Image.Image:
    return page_of(drawing).filter(ImageFilter.GaussianBlur((1.0, 2.0, 3.0)[strength])).convert("RGB")


def whiteboard(drawing: Image.Image, strength: int, random: np.random.Generator) -> Image.Image:
    """A photo of a whiteboard: marker in colour, glare of a lamp, grey light and the board's metal edge."""
    pixels = pixels_of(drawing)
    down, right = coordinates(pixels)
    marker = _RED_TO_BLACK[random.integers(len(_RED_TO_BLACK))]
    board = 1 - (1 - pixels[..., None]) * (1 - marker)
    near = np.exp(-((down - random.uniform(0.1, 0.4)) ** 2 + (right - random.uniform(0.2, 0.8)) ** 2) / 0.03)
    light = 0.55 + 0.15 * smooth_noise(pixels.shape, random, cells=3) - (0.1, 0.15, 0.2)[strength] * down
    lit = board * light[..., None] + ((0.15, 0.25, 0.35)[strength] * near)[..., None]
    edge = round(len(pixels) * (0.0, 0.03, 0.06)[strength])
    lit[len(pixels) - edge :] = 0.25
    return picture_of(lit + random.normal(0, 0.012, lit.shape))


def phone_photo(drawing: Image.Image, strength: int, random: np.random.Generator) -> Image.Image:
    """A sheet on a table, turned, in uneven light, with noise, as a JPEG."""
    table = np.asarray(sheet_on_table(drawing, strength, random), np.float32) / 255
    down, right = coordinates(table)
    light = 1 - (0.2, 0.35, 0.5)[strength] * (down if random.random() < 0.5 else right)
    lit = table * light[..., None] + random.normal(0, (0.01, 0.02, 0.03)[strength], table.shape)
    stream = io.BytesIO()
    picture_of(lit.astype(np.float32)).save(stream, "JPEG", quality=(85, 70, 50)[strength])
    return Image.open(stream).convert("RGB")


LIGHT: dict[str, Corruption] = {
    "uneven light": uneven_light,
    "vignette": vignette,
    "shadow": shadow,
    "grain": grainy,
    "poor JPEG": poor_jpeg,
    "out of focus": out_of_focus,
    "whiteboard": whiteboard,
    "phone photo": phone_photo,
}
