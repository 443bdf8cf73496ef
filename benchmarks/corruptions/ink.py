"""What a drawing is drawn with, and the file it comes in: pencils, colours, transparency, scans."""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from benchmarks.corruptions.page import Corruption, page_of, picture_of, pixels_of, smooth_noise
from model.strokes import centre_lines, set_stroke_width

_PENS = ((20, 20, 20), (30, 60, 200), (210, 40, 40), (30, 150, 60), (250, 150, 20), (90, 200, 235), (250, 215, 40))


def pencil(drawing: Image.Image, strength: int, random: np.random.Generator) -> Image.Image:
    """Pale graphite that skips over the paper's grain."""
    ink = 1 - pixels_of(drawing)
    grain = random.uniform(0.55, 1, ink.shape) * (0.85 + 0.15 * smooth_noise(ink.shape, random, cells=20))
    paper = 0.94 + random.normal(0, 0.012, ink.shape)
    return picture_of(paper - ink * grain * (0.5, 0.35, 0.22)[strength])


def coloured_pens(drawing: Image.Image, strength: int, random: np.random.Generator) -> Image.Image:
    """Each part of the drawing in another pen's colour, down to yellow."""
    return _coloured(drawing, np.array(_PENS[: (3, 5, 7)[strength]]), random)


def highlighter(drawing: Image.Image, strength: int, random: np.random.Generator) -> Image.Image:
    """One pale pen for everything."""
    return _coloured(drawing, np.array([[(120, 190, 255), (255, 190, 60), (255, 235, 60)][strength]]), random)


def _coloured(drawing: Image.Image, pens: np.ndarray, random: np.random.Generator) -> Image.Image:
    ink = 1 - pixels_of(drawing)
    which = ((smooth_noise(ink.shape, random, cells=4) + 1) / 2 * len(pens)).astype(int).clip(0, len(pens) - 1)
    return picture_of(1 - ink[..., None] * (1 - pens[which] / 255))


def _on_nothing(drawing: Image.Image, colours: np.ndarray) -> Image.Image:
    """Ink of given colours, (3,) or (H, W, 3), on transparent paper."""
    alpha = ImageOps.invert(page_of(drawing))
    levels = np.broadcast_to(np.asarray(colours, np.uint8), (alpha.height, alpha.width, 3))
    picture = Image.fromarray(np.ascontiguousarray(levels)).convert("RGBA")
    picture.putalpha(alpha)
    return picture


def white_on_transparent(drawing: Image.Image, strength: int, _: np.random.Generator) -> Image.Image:
    return _on_nothing(drawing, np.full(3, (235, 250, 255)[strength]))


def pale_on_transparent(drawing: Image.Image, strength: int, _: np.random.Generator) -> Image.Image:
    return _on_nothing(drawing, np.array([(190, 200, 220), (250, 235, 150), (255, 250, 205)][strength]))


def two_tones_on_transparent(drawing: Image.Image, strength: int, random: np.random.Generator) -> Image.Image:
    """Black and light strokes in one drawing, made for a page of any colour."""
    page = pixels_of(drawing)
    light = smooth_noise(page.shape, random, cells=4) > 0
    return _on_nothing(drawing, np.where(light, (190, 235, 255)[strength], 0)[..., None])


def palette_with_transparency(drawing: Image.Image, strength: int, _: np.random.Generator) -> Image.Image:
    """A palette PNG whose paper is a transparent entry, of a colour that says nothing."""
    page = page_of(drawing)
    colour, ink = (
        ((255, 0, 255), (0, 0, 0), (20, 20, 20))[strength],
        ((0, 0, 0), (10, 10, 10), (250, 250, 250))[strength],
    )
    indexed = page.point(lambda level: int(level < 128)).convert("L")
    palette = Image.frombytes("P", page.size, indexed.tobytes())
    palette.putpalette([*colour, *ink])
    stream = io.BytesIO()
    palette.save(stream, "PNG", transparency=0)
    return Image.open(stream)


def dark_mode(drawing: Image.Image, strength: int, _: np.random.Generator) -> Image.Image:
    """Light ink on dark; the stronger, the less light, and with the rounded, transparent corners of an export."""
    page = page_of(drawing)
    paper, ink = ((18, 230), (30, 150), (40, 110))[strength]
    dark = page.point(lambda level: ink + (paper - ink) * level // 255).convert("RGBA")
    if strength:
        corners = Image.new("L", page.size, 0)
        ImageDraw.Draw(corners).rounded_rectangle([0, 0, page.width - 1, page.height - 1], page.width // 12, fill=255)
        dark.putalpha(corners)
    return dark


def blackboard(drawing: Image.Image, strength: int, random: np.random.Generator) -> Image.Image:
    """Chalk, and what the sponge left."""
    ink = 1 - pixels_of(drawing)
    board = 0.2 + (0.02, 0.05, 0.08)[strength] * smooth_noise(ink.shape, random, cells=5)
    chalk = ink * random.uniform((0.7, 0.5, 0.35)[strength], 0.9, ink.shape) * 0.65
    return picture_of(board + chalk + random.normal(0, 0.01, ink.shape))


def fine_scan(drawing: Image.Image, strength: int, _: np.random.Generator) -> Image.Image:
    """A hair line of a pixel or two in a scan of 3, 12 or 20 megapixels."""
    height, width = ((1500, 2000), (3000, 4000), (3900, 5200))[strength]
    page = page_of(Image.fromarray(np.where(centre_lines(np.asarray(drawing) < 128), 0, 255).astype(np.uint8)))
    big = page.resize((height, height), Image.Resampling.BICUBIC)
    lines = centre_lines(np.asarray(big.resize((height // 3, height // 3), Image.Resampling.BOX)) < 200)
    fine = Image.fromarray(np.where(lines, 40, 246).astype(np.uint8)).resize((height, height), Image.Resampling.BOX)
    scan = Image.new("L", (width, height), 246)
    scan.paste(fine, ((width - height) // 2, 0))
    return scan.convert("RGB")


def coloured_in(drawing: Image.Image, strength: int, _: np.random.Generator) -> Image.Image:
    """Everything that the lines enclose is filled: grey, darker, and at last a silhouette."""
    page = page_of(drawing)
    wide = set_stroke_width(np.asarray(page) < 128, width_px=7)
    outside = Image.fromarray(np.where(wide, 0, 255).astype(np.uint8)).copy()
    ImageDraw.floodfill(outside, (0, 0), 128)
    inside = (np.asarray(outside) != 128) & ~wide
    return picture_of(
        np.where(inside, (0.6, 0.4, 0.0)[strength], np.asarray(page, np.float32) / 255).astype(np.float32)
    )


INK: dict[str, Corruption] = {
    "pencil": pencil,
    "coloured pens": coloured_pens,
    "highlighter": highlighter,
    "white on transparent": white_on_transparent,
    "pale on transparent": pale_on_transparent,
    "two tones on transparent": two_tones_on_transparent,
    "palette with transparency": palette_with_transparency,
    "dark mode": dark_mode,
    "blackboard": blackboard,
    "fine lines in a large scan": fine_scan,
    "filled": coloured_in,
}
