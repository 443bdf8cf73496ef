"""Drawings as they arrive, and what is found with them: for sketches what ImageNet-C is for photos.

Each kind of `benchmarks.corruptions`, in three strengths, is done to sketches of a catalogue. Every photo of the
catalogue is in the gallery. Prints acc@1 for clean drawings and for each kind, in percent, as a table in Markdown.
Half of the items (`--half odd`) are for choosing how drawings are read, the others (`--half even`) for reporting.

    python -m catalogue --out runs/data/test --items 800 --split test --sketches 2 --image-size 256
    python -m benchmarks.sketch_corruptions --data runs/data/test --plot runs/corruptions.png
"""

import argparse
import io
import json
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.corruptions.kinds import KINDS
from model.bundle import read_bundle
from model.encoder import Encoder, open_encoder
from model.errors import BlankSketchError
from model.images import decode_image
from model.preprocess import Preprocessing, prepare_photo, prepare_sketch

STRENGTHS = 3
_MAX_PIXELS = 10**8
_MEDIUM = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of a catalogue")
    parser.add_argument("--bundle", type=Path, default=Path("model/demo_bundle"))
    parser.add_argument("--sketches", type=int, default=150)
    parser.add_argument("--half", choices=("odd", "even"), default="even", help="items by their place in the manifest")
    parser.add_argument("--kinds", help="comma-separated; all when left out")
    parser.add_argument("--json", type=Path, help="where the figures are written")
    parser.add_argument("--before", type=Path, help="figures of --json to print beside these")
    parser.add_argument("--plot", type=Path, help="where a picture of the figures is written (needs matplotlib)")
    arguments = parser.parse_args()
    kinds = arguments.kinds.split(",") if arguments.kinds else list(KINDS)
    figures = measure(arguments.data, arguments.bundle, kinds, num_sketches=arguments.sketches, half=arguments.half)
    before = json.loads(arguments.before.read_text()) if arguments.before else None
    print(table(figures, before))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))
    if arguments.plot:
        plot(figures, before, arguments.plot)


def measure(data: Path, bundle_path: Path, kinds: list[str], *, num_sketches: int, half: str) -> dict[str, Any]:
    """acc@1 in percent: {"clean": one figure, "kinds": {kind: a figure for each strength}}."""
    bundle = read_bundle(bundle_path)
    items = json.loads((data / "manifest.json").read_text())["items"]
    gallery = photo_embeddings(
        data, items, open_encoder(bundle, "photo", device="cpu", num_threads=2), bundle.preprocessing
    )
    chosen = [row for row in range(len(items)) if row % 2 == (half == "odd")]
    rows = [chosen[at] for at in np.linspace(0, len(chosen) - 1, num_sketches).astype(int)]
    paths = [data / items[row]["sketches"][rank % len(items[row]["sketches"])] for rank, row in enumerate(rows)]
    encoder = open_encoder(bundle, "sketch", device="cpu", num_threads=1)
    figures: dict[str, Any] = {"clean": 0.0, "kinds": {kind: [0.0] * STRENGTHS for kind in kinds}}
    with ProcessPoolExecutor(2) as pool:
        task = partial(_prepared_forms, kinds=kinds, preprocessing=bundle.preprocessing)
        for row, forms in zip(rows, pool.map(task, paths, chunksize=4), strict=True):
            for kind, strength, sketch in forms:
                found = sketch is not None and _is_first(encoder.encode(sketch[None])[0], gallery, row)
                if kind is None:
                    figures["clean"] += found
                else:
                    figures["kinds"][kind][strength] += found
    percent = 100 / num_sketches
    return {
        "clean": round(figures["clean"] * percent, 1),
        "kinds": {kind: [round(hits * percent, 1) for hits in row] for kind, row in figures["kinds"].items()},
    }


def photo_embeddings(
    data: Path, items: list[dict[str, Any]], encoder: Encoder, preprocessing: Preprocessing
) -> NDArray[np.float32]:
    """Embeddings of all photos, (N, D), unit norm."""
    prepared = (
        prepare_photo(decode_image((data / item["photo"]).read_bytes(), max_pixels=_MAX_PIXELS), preprocessing)
        for item in items
    )
    return np.concatenate([encoder.encode(photo[None]) for photo in prepared])


def corrupted(drawing: Image.Image, kind: str, strength: int, *, seed: int) -> Image.Image:
    """One corruption of a drawing of mode "L", after a round trip through a PNG file; the same at every run."""
    random = np.random.default_rng([seed, zlib.crc32(kind.encode()), strength])
    stream = io.BytesIO()
    KINDS[kind](drawing, strength, random).save(stream, "PNG", compress_level=1)
    return decode_image(stream.getvalue(), max_pixels=_MAX_PIXELS)


def _prepared_forms(
    path: Path, *, kinds: list[str], preprocessing: Preprocessing
) -> list[tuple[str | None, int, NDArray[np.float32] | None]]:
    return list(_forms(path, kinds, preprocessing))


def _forms(
    path: Path, kinds: list[str], preprocessing: Preprocessing
) -> Iterator[tuple[str | None, int, NDArray[np.float32] | None]]:
    drawing = Image.open(path).convert("L")
    yield None, 0, prepare_sketch(drawing.convert("RGB"), preprocessing)
    for kind in kinds:
        for strength in range(STRENGTHS):
            picture = corrupted(drawing, kind, strength, seed=zlib.crc32(path.name.encode()))
            try:
                yield kind, strength, prepare_sketch(picture, preprocessing)
            except BlankSketchError:
                yield kind, strength, None


def _is_first(embedding: NDArray[np.float32], gallery: NDArray[np.float32], row: int) -> bool:
    scores = gallery @ embedding
    return int((scores >= scores[row]).sum()) == 1  # ties count against the query


def table(figures: dict[str, Any], before: dict[str, Any] | None) -> str:
    """The figures in Markdown; with `before`, its medium strength stands beside them."""
    clean, kinds = figures["clean"], figures["kinds"]
    lines = [f"| acc@1; clean {clean} | light | medium | strong | medium / clean |" + (" before |" if before else "")]
    lines.append("|-" * (6 if before else 5) + "|")
    for kind, row in kinds.items():
        line = f"| {kind} | {row[0]} | {row[1]} | {row[2]} | {row[_MEDIUM] / clean:.2f} |"
        lines.append(line + (f" {before['kinds'][kind][_MEDIUM]} |" if before else ""))
    means = np.mean(list(kinds.values()), axis=0)
    line = f"| mean | {means[0]:.1f} | {means[1]:.1f} | {means[2]:.1f} | {means[_MEDIUM] / clean:.2f} |"
    was = np.mean([before["kinds"][kind][_MEDIUM] for kind in kinds]) if before else 0
    lines.append(line + (f" {was:.1f} |" if before else ""))
    return "\n".join(lines)


def plot(figures: dict[str, Any], before: dict[str, Any] | None, path: Path) -> None:
    """Draws a bar for each kind at medium strength, beside the one of before, and a line for clean drawings."""
    from matplotlib.figure import Figure

    kinds = list(figures["kinds"])
    places = np.arange(len(kinds))
    figure = Figure(figsize=(8, 10), layout="constrained")
    axes = figure.subplots()
    for offset, (label, one) in enumerate([("now", figures), *([("before", before)] if before else [])]):
        axes.barh(places + 0.4 * offset, [one["kinds"][kind][_MEDIUM] for kind in kinds], 0.4, label=label)
    axes.axvline(figures["clean"], color="black", label="clean")
    axes.set_yticks(places, kinds)
    axes.invert_yaxis()
    axes.set_xlabel("acc@1 (%) at medium strength")
    axes.legend()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
