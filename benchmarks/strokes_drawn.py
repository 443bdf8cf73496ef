"""Is the right photo there before the sketch is finished? acc@k against the share of strokes drawn.

Takes sketches as strokes in drawing order, draws the first 10 %, 20 % … of each, and searches a gallery of the
catalogue's photos with the bundle, as the service would. Prints a Markdown table.

    python -m catalogue --out runs/data/test --items 800 --split test --sketches 2 --image-size 256
    python -m benchmarks.strokes_drawn --catalogue runs/data/test
"""

import argparse
import json
import math
import random
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catalogue.sketch import rasterise
from model.bundle import Bundle, default_bundle_path, read_bundle
from model.encoder import open_encoder
from model.errors import BlankSketchError

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_SKETCH_SIZE_PX = 288
_PEN_WIDTH_PX = 2.5

Strokes = list[list[list[float]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalogue", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, default=default_bundle_path())
    parser.add_argument("--drawings", type=Path, help="draw these instead: JSON of {photo_id, strokes}")
    parser.add_argument("--sample", type=int, help="take only so many sketches, at random")
    arguments = parser.parse_args()
    bundle = read_bundle(arguments.bundle)
    photos = sorted((arguments.catalogue / "photos").rglob("*.jpg"))
    rows = {photo.stem: row for row, photo in enumerate(photos)}
    queries = read_strokes(arguments.drawings or arguments.catalogue)
    if arguments.sample is not None:  # at random: categories and hands follow each other in a fixed order
        queries = random.Random(0).sample(queries, arguments.sample)
    targets = np.array([rows[name] for name, _ in queries])
    gallery = embed_photos(photos, bundle)
    print(f"{len(queries):,} sketches in a gallery of {len(photos):,}\n")
    print("| strokes drawn | strokes (mean) | acc@1 | acc@5 | acc@10 |\n|-|-|-|-|-|")
    for share in SHARES:
        drawn = [strokes[: math.ceil(share * len(strokes))] for _, strokes in queries]
        ranks = ranks_of(targets, embed_sketches(drawn, bundle) @ gallery.T)
        cells = " | ".join(f"{np.mean(ranks <= k) * 100:.1f}" for k in (1, 5, 10))
        print(f"| {share:.0%} | {np.mean([len(each) for each in drawn]):.1f} | {cells} |", flush=True)


def read_strokes(path: Path) -> list[tuple[str, Strokes]]:
    """(name of the photo, strokes in drawing order) of each sketch of a catalogue, or of a JSON file of drawings."""
    if path.is_file():
        return [(each["photo_id"].rpartition("/")[2], each["strokes"]) for each in json.loads(path.read_text())]
    lines = (path / "strokes.jsonl").read_text().splitlines()
    return [(record["id"], record["strokes"]) for record in map(json.loads, lines)]


def embed_photos(photos: list[Path], bundle: Bundle) -> NDArray[np.float32]:
    """(N, D), unit norm."""
    encoder = open_encoder(bundle, "photo", device="cpu")
    return np.stack([encoder.embed(photo.read_bytes()) for photo in photos])


def embed_sketches(drawn: list[Strokes], bundle: Bundle) -> NDArray[np.float32]:
    """(N, D), unit norm; a sketch with nothing to see yet gets zeros, which are like no photo more than another."""
    encoder = open_encoder(bundle, "sketch", device="cpu")
    embeddings = np.zeros((len(drawn), bundle.embedding_dim), np.float32)
    for row, strokes in enumerate(drawn):
        try:
            embeddings[row] = encoder.embed(picture(strokes))
        except BlankSketchError:
            continue
    return embeddings


def picture(strokes: Strokes) -> Image.Image:
    """Strokes as the catalogue draws them."""
    lines = [np.array(stroke) for stroke in strokes]
    return rasterise(lines, image_size_px=_SKETCH_SIZE_PX, pen_width_px=_PEN_WIDTH_PX).convert("RGB")


def ranks_of(targets: NDArray[np.int64], scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Rank of each query's photo, from 1; ties count against the query."""
    own = scores[np.arange(len(targets)), targets]
    return np.asarray((scores >= own[:, None]).sum(axis=1), np.int64)


if __name__ == "__main__":
    main()
