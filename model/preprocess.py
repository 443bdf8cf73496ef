"""The one definition of how a photo and a sketch become the encoder's input, driven by the numbers in the bundle.

Training, indexing and serving all call these functions, so they cannot drift apart.
"""

import functools
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from model.errors import BlankSketchError, BundleError
from model.from_json import from_json
from model.images import flatten_on_white
from model.reading.read import read_drawing
from model.strokes import set_stroke_width, with_blank_border

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocessing:
    """Steps between an image and the encoder.

    Attributes:
        image_size_px: side of the encoder's square input.
        mean: per channel, subtracted from values in [0, 1].
        std: per channel, divided by.
        sketch_margin: white space around the ink, as a share of the input's side.
        stroke_width_px: width of every line of a prepared sketch, an odd number of pixels at `image_size_px`.
        ink_threshold: how dark a pixel must be to count as ink, between paper (0) and the darkest stroke (1).
        photo_margin: white space kept around a product on a plain white background, as a share of the side; photos
            are cropped to the product by the same rule as sketches to the ink. None leaves photos uncropped.
    """

    image_size_px: int = 224
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    sketch_margin: float = 0.06
    stroke_width_px: int = 3
    ink_threshold: float = 0.3
    photo_margin: float | None = None

    def __post_init__(self) -> None:
        if self.stroke_width_px < 1 or self.stroke_width_px % 2 == 0:
            raise BundleError(f"stroke_width_px is {self.stroke_width_px}; expected an odd number of at least 1.")
        if not 0 <= self.sketch_margin < 0.5:
            raise BundleError(f"sketch_margin is {self.sketch_margin}; expected a share from 0 to below 0.5.")

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Reads what `to_dict` wrote.

        Raises:
            BundleError: a setting is missing or unknown: the bundle is of another version.
        """
        expected = {field.name for field in fields(cls)}
        if set(values) != expected:
            odd = ", ".join(sorted(expected ^ set(values)))
            raise BundleError(f"The bundle's preprocessing differs from this release's in: {odd}; export it again.")
        return from_json(cls, values)


def prepare_photo(image: Image.Image, preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Turns a decoded photo into the photo encoder's input.

    Args:
        image: mode "RGB" or "RGBA", any size.
        preprocessing: the bundle's settings.

    Returns:
        (3, S, S) float32, normalised by mean and std.
    """
    return to_tensor(square_photo(image, preprocessing), preprocessing)


def prepare_sketch(image: Image.Image, preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Turns a decoded drawing into the sketch encoder's input; see `normalise_sketch` for what is evened out.

    Args:
        image: mode "RGB" or "RGBA", any size.
        preprocessing: the bundle's settings.

    Returns:
        (3, S, S) float32, normalised by mean and std.

    Raises:
        BlankSketchError: the drawing holds no ink.
    """
    return to_tensor(normalise_sketch(image, preprocessing), preprocessing)


def square_photo(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """Scales a photo into a square without distorting it, on white; mode "RGB", S × S."""
    side = preprocessing.image_size_px
    flat = flatten_on_white(image).convert("RGB")
    margin = 0
    if preprocessing.photo_margin is not None:
        box = _product_box(flat)
        if box is not None:
            flat = flat.crop(box)
            margin = round(preprocessing.photo_margin * side)
    fitted = _fit(flat, side - 2 * margin)
    square = Image.new("RGB", (side, side), "white")
    square.paste(fitted, ((side - fitted.width) // 2, (side - fitted.height) // 2))
    return square


def normalise_sketch(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """Makes drawings comparable: what the sketch encoder sees, before mean and std.

    The ink is read off whatever surrounds it (`model.reading`), light-on-dark is inverted, the paper is cropped to the
    ink with a margin and centred in a square, and every stroke gets the same width.

    Args:
        image: mode "RGB" or "RGBA", any size.
        preprocessing: the bundle's settings.

    Returns:
        Mode "L", S × S: 255 paper, 0 ink.

    Raises:
        BlankSketchError: the drawing holds no ink.
    """
    side = preprocessing.image_size_px
    grey = read_drawing(image)
    darkness = _darkness_levels(grey)
    # A drawing may be a scan of many megapixels and is mostly paper: only what holds ink is worked on.
    box = _box_where(grey, darkness > 255 * preprocessing.ink_threshold)
    width_px = preprocessing.stroke_width_px
    margin = max(round(preprocessing.sketch_margin * side), width_px)
    fitted = _fit(grey.crop(box).point(darkness.tolist()), side - 2 * margin)
    # Fine lines fade when a large drawing is scaled down: the threshold follows the darkest strokes that are left.
    shade = np.asarray(fitted)
    threshold = preprocessing.ink_threshold * _quantile(shade[shade > 0], 0.9)
    around = width_px // 2  # as far as the strokes may grow
    lines = set_stroke_width(with_blank_border(shade > threshold, around), width_px=width_px)
    drawing = Image.fromarray(lines.view(np.uint8) - np.uint8(1), "L")  # 0 where there is ink, elsewhere 255
    canvas = Image.new("L", (side, side), 255)
    canvas.paste(drawing, ((side - fitted.width) // 2 - around, (side - fitted.height) // 2 - around))
    return canvas


def to_tensor(image: Image.Image | NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Scales pixels to [0, 1], repeats grey to three channels and normalises.

    Args:
        image: mode "L" or "RGB", S × S; or its pixels, (S, S) or (S, S, 3).
        preprocessing: the bundle's settings.

    Returns:
        (3, S, S) float32.
    """
    scaled = np.asarray(image).astype(np.float32)
    scaled /= np.float32(255)
    tensor = np.empty((3, *scaled.shape[:2]), np.float32)
    mean, std = (np.array(each, np.float32)[:, None, None] for each in (preprocessing.mean, preprocessing.std))
    np.subtract(scaled if scaled.ndim == 2 else scaled.transpose(2, 0, 1), mean, out=tensor)
    tensor /= std
    return tensor


def _darkness_levels(grey: Image.Image) -> NDArray[np.uint8]:
    """Tells how far each of the 256 levels is from paper towards ink: 0 paper … 255 the darkest stroke; (256,).

    Raises:
        BlankSketchError: nothing stands out from the paper.
    """
    width, height = grey.size
    edges = [(0, 0, width, 1), (0, height - 1, width, height), (0, 0, 1, height), (width - 1, 0, width, height)]
    paper = _quantile(np.frombuffer(b"".join(grey.crop(edge).tobytes() for edge in edges), np.uint8), 0.5)
    lightest_first = paper >= 128
    darkest, lightest = cast("tuple[int, int]", grey.getextrema())
    contrast = paper - darkest if lightest_first else lightest - paper
    if contrast < _MIN_CONTRAST:
        raise BlankSketchError(
            "The sketch is blank: no stroke stands out from the paper; draw something and send it again."
        )
    steps = (paper - np.arange(256.0)) * (1 if lightest_first else -1)
    return np.clip(np.rint(steps * 255 / contrast), 0, 255).astype(np.uint8)


def _quantile(levels: NDArray[np.uint8], share: float) -> float:
    """Below which level a share of the pixels lies, interpolated: numpy's quantile for a fifth of its time.

    Args:
        levels: (N,), at least one.
        share: in [0, 1].
    """
    ordered = np.sort(levels)
    position = share * (len(ordered) - 1)
    below, above = int(ordered[math.floor(position)]), int(ordered[math.ceil(position)])
    return below + (above - below) * (position - math.floor(position))


_MIN_CONTRAST = 24.0  # of 255: below this, JPEG noise on an empty page would count as ink


def _box_where(grey: Image.Image, chosen: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """The smallest box (left, upper, right, lower) around all pixels of the chosen levels; None when there is none."""
    return grey.point(chosen.astype(np.uint8).tolist()).getbbox()


def _product_box(photo: Image.Image) -> tuple[int, int, int, int] | None:
    """The box of whatever is not white, when the photo's whole border is white; otherwise None."""
    darkness = ImageChops.invert(photo)
    strongest = functools.reduce(ImageChops.lighter, darkness.split())
    values = np.asarray(strongest)
    border = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    if float(np.percentile(border, 95)) > _WHITE_TOLERANCE:
        return None
    return _box_where(strongest, np.arange(256) > _WHITE_TOLERANCE)


_WHITE_TOLERANCE = 12.0  # of 255: product photos on white carry JPEG noise of a few levels


def _fit(image: Image.Image, side: int) -> Image.Image:
    """Scales an image so that its longer side is `side` pixels; the shorter has at least one."""
    scale = side / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0)
