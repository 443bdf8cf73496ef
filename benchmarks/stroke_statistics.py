"""Pseudo-sketches beside real ones: ink, strokes, components, straightness, roughness, width. Works on any dataset.

All sketches are made comparable first, as training and serving do (cropped to the ink, strokes 3 px wide, 224 px), then
thinned to centre lines, which are cut where they meet: a "stroke" is a piece between two such places. Only the split
"train" is looked at. Prints a Markdown table of medians (10th–90th percentile), and beside each style the two-sample
Kolmogorov–Smirnov distance to the real sketches: 0 the same distribution, 1 no overlap.

    python -m benchmarks.stroke_statistics --data DATA --styles first first-warp,wobble --photos 300
"""

import argparse
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from index_builder.photos.read import MAX_PHOTO_PIXELS
from model.errors import BlankSketchError
from model.images import decode_image
from model.preprocess import Preprocessing, normalise_sketch
from model.strokes import centre_lines
from training.config.sketch_style import SketchStyle, get_style
from training.data.dataset import Item, read_split
from training.pseudo_sketches.draw import drawable, pseudo_sketch
from training.pseudo_sketches.lines import trace

PREPROCESSING = Preprocessing()
LONG_PX = 12
STEP_PX = 6


@dataclass(frozen=True)
class Statistics:
    """One sketch. Lengths are shares of the side of the square, in percent.

    Attributes:
        ink: length of all lines together.
        components: connected pieces of ink.
        strokes: lines between two ends or meeting points, of at least 12 px.
        stroke_length: median of the strokes.
        longest: the longest stroke's.
        straightness: distance of the ends over length, median of the strokes; 100 is a straight line.
        turning: degrees by which a line turns in 6 px of its way, mean: how curved it is.
        jitter: degrees by which that turning changes from one step to the next, mean: how rough it is.
        junctions: places where lines meet.
        width: of the pen before widths were evened out.
        filled: height of the ink over its width (or width over height, whichever is less).
    """

    ink: float
    components: float
    strokes: float
    stroke_length: float
    longest: float
    straightness: float
    turning: float
    jitter: float
    junctions: float
    width: float
    filled: float


def measure(image: Image.Image) -> Statistics:
    """Mode "L" or "RGB", any size, not blank."""
    lines = centre_lines(np.asarray(normalise_sketch(image.convert("RGB"), PREPROCESSING)) < 128)
    side = lines.shape[0]
    thin = lines.astype(np.uint8)
    strokes, junctions = trace(thin, min_px=LONG_PX)
    lengths = np.array([arc(stroke) for stroke in strokes] or [0.0])
    ends = np.array([np.hypot(*(stroke[-1] - stroke[0])) for stroke in strokes] or [0.0])
    angles = [turns(stroke) for stroke in strokes]
    turning = np.concatenate([np.abs(turn) for turn in angles] or [np.zeros(1)])
    jitter = np.concatenate([np.abs(np.diff(turn)) for turn in angles] or [np.zeros(1)])
    rows, columns = np.nonzero(lines)
    box = np.ptp(rows) + 1, np.ptp(columns) + 1
    return Statistics(
        ink=100 * float(lines.sum()) / side,
        components=float(cv2.connectedComponents(thin, connectivity=8)[0] - 1),
        strokes=float(len(strokes)),
        stroke_length=100 * float(np.median(lengths)) / side,
        longest=100 * float(lengths.max()) / side,
        straightness=100 * float(np.median(ends / np.maximum(lengths, 1))),
        turning=float(turning.mean()) if len(turning) else 0.0,
        jitter=float(jitter.mean()) if len(jitter) else 0.0,
        junctions=float(junctions),
        width=pen_width(image),
        filled=min(box) / max(box),
    )


def arc(stroke: NDArray[np.float32]) -> float:
    return float(np.hypot(*np.diff(np.concatenate([stroke[:-1:3], stroke[-1:]]), axis=0).T).sum())


def turns(stroke: NDArray[np.float32]) -> NDArray[np.float64]:
    """Degrees between successive chords of 6 px."""
    chords = np.diff(stroke[::STEP_PX], axis=0)
    angle = np.degrees(np.arctan2(chords[:, 1], chords[:, 0]))
    return np.asarray((np.diff(angle) + 180) % 360 - 180)


def pen_width(image: Image.Image) -> float:
    """Area of the ink over the length of its centre lines, in percent of the longer side."""
    ink = np.asarray(image.convert("L")) < 128
    length = centre_lines(ink).sum()
    return float(100 * ink.sum() / max(1, length) / max(ink.shape))


def real(item: Item) -> list[Statistics]:
    return [measure(decode_image(path.read_bytes(), max_pixels=MAX_PHOTO_PIXELS)) for path in item.sketches]


def drawn(numbered: tuple[int, Item], *, style: SketchStyle, count: int) -> list[Statistics]:
    row, item = numbered
    photo = drawable(decode_image(item.photo.read_bytes(), max_pixels=MAX_PHOTO_PIXELS), style)
    found = []
    for number in range(count):
        try:
            found.append(measure(pseudo_sketch(photo, np.random.default_rng([0, row, number]), style)))
        except BlankSketchError:
            print(f"{item.photo.name}: nothing drawn")
    return found


def style_of(text: str) -> SketchStyle:
    """`name`, or `name-warp,wobble` for a style without some ingredients."""
    name, _, without = text.partition("-")
    return get_style(name).without(without.split(",") if without else [])


def table(columns: dict[str, list[Statistics]]) -> str:
    lines = ["| | " + " | ".join(f"{name} ({len(values)})" for name, values in columns.items()) + " |"]
    lines.append("|-" * (len(columns) + 1) + "|")
    for field in fields(Statistics):
        values = {name: np.array([getattr(one, field.name) for one in many]) for name, many in columns.items()}
        reference = next(iter(values.values()))
        cells = []
        for row, numbers in enumerate(values.values()):
            low, middle, high = np.percentile(numbers, [10, 50, 90])
            distance = f", {largest_distance(reference, numbers):.2f}" if row else ""
            cells.append(f"{middle:.3g} ({low:.3g}–{high:.3g}){distance}")
        lines.append(f"| {field.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def collect(call: Callable[..., list[Statistics]], items: Iterable[object]) -> list[Statistics]:
    with ProcessPoolExecutor(2) as pool:
        return [one for many in pool.map(call, items, chunksize=4) for one in many]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--styles", nargs="+", default=["first"])
    parser.add_argument("--photos", type=int, default=300)
    parser.add_argument("--drawings", type=int, default=2)
    arguments = parser.parse_args()
    items = read_split(arguments.data, "train").items
    chosen = items[:: max(1, len(items) // arguments.photos)][: arguments.photos]
    columns = {"real": collect(real, chosen)}
    for text in arguments.styles:
        call = partial(drawn, style=style_of(text), count=arguments.drawings)
        columns[text] = collect(call, list(enumerate(chosen)))
    print(table(columns))


def largest_distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The Kolmogorov–Smirnov statistic: the largest distance between two cumulative distributions."""
    values = np.sort(np.concatenate([one, other]))
    shares = [np.searchsorted(np.sort(each), values, side="right") / len(each) for each in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())


if __name__ == "__main__":
    main()
