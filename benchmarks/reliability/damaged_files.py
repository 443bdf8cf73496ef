"""Damages every file of a bundle and of a gallery, and asks: refused with a reason, harmless, or a wrong answer?

A byte is changed at random places, the file is cut short at random lengths, and it is swapped for the same file of
another gallery or bundle. Each time bundle and gallery are opened as the service opens them, and whatever opens has to
give every answer that the intact ones give: rankings, metadata, filters, thumbnails, what /info shows. A damage that
ends neither in a SketchSearchError nor in equal answers is a wrong answer. Prints one JSON object, and ends with
status 1 if there was one.

    python -m benchmarks.reliability.damaged_files [--flips 200] [--cuts 20]
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.living_photos import timed_build, write_photos
from benchmarks.reliability.running_service import publish_marked
from benchmarks.reliability.traffic import drawing
from index_builder.gallery.folder_gallery import Gallery, current_generation, generation_folder, open_gallery
from model.bundle import Bundle, default_bundle_path, read_bundle, write_manifest
from model.encoder import open_encoder
from model.errors import SketchSearchError
from model.images import decode_image
from model.preprocess import prepare_sketch

_NUM_PHOTOS = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flips", type=int, default=200)
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    results: dict[str, Counter[str]] = {}
    reasons: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as name:
        for ground in (gallery_ground(Path(name) / "a"), bundle_ground(Path(name) / "b")):
            for path, stranger in ground.strangers.items():
                outcomes = Counter[str]()
                for kind, damaged in damages(path, stranger, arguments):
                    outcome, reason = ground.outcome(path, damaged)
                    outcomes[outcome] += 1
                    if outcome != "harmless":
                        reasons.setdefault(f"{path.name}: {kind}, {outcome}", reason)
                results[path.name] = outcomes
    print(json.dumps({"outcomes": results, "examples": reasons}, indent=2, ensure_ascii=False))
    sys.exit(any(outcomes["WRONG"] for outcomes in results.values()))


def damages(path: Path, stranger: Path, arguments: argparse.Namespace) -> Iterator[tuple[str, bytes]]:
    """Yields what the file holds instead."""
    dice, whole = random.Random(f"{arguments.seed} {path.name}"), path.read_bytes()
    for _ in range(arguments.flips if whole else 0):
        place = dice.randrange(len(whole))
        yield "one byte", whole[:place] + bytes([whole[place] ^ dice.randrange(1, 256)]) + whole[place + 1 :]
    for _ in range(arguments.cuts):
        yield "cut short", whole[: dice.randrange(len(whole))] if whole else b"rubbish"
    if stranger.read_bytes() != whole:
        yield "swapped", stranger.read_bytes()


class Ground:
    """An artifact on disk, and what is answered from it while it is intact."""

    def __init__(self, strangers: dict[Path, Path], ask: Callable[[], Any]) -> None:
        """Takes each file with the same file of another artifact, and what opens the artifact and asks everything."""
        self.strangers = strangers
        self._ask = ask
        self._intact = ask()

    def outcome(self, path: Path, damaged: bytes) -> tuple[str, str]:
        """Refused, harmless or WRONG, and the reason; the file is whole again afterwards."""
        whole = path.read_bytes()
        path.write_bytes(damaged)
        try:
            return ("harmless", "") if self._ask() == self._intact else ("WRONG", "other answers")
        except SketchSearchError as error:
            return "refused", str(error)
        except Exception as error:  # a defect: there is no sentence that says what to do
            return "WRONG", f"{type(error).__name__}: {error}"
        finally:
            path.write_bytes(whole)


def gallery_ground(folder: Path) -> Ground:
    """A gallery; the other one has the same photos, of which five have other names."""
    write_photos(folder / "photos", range(_NUM_PHOTOS))
    publish_marked(folder, 0, num_photos=_NUM_PHOTOS)
    path, other = folder / "gallery", folder / "other" / "gallery"
    shutil.copytree(folder / "photos", folder / "other" / "photos")
    for number in range(5):
        photo = folder / "other" / "photos" / f"{number:06}.jpg"
        photo.rename(photo.with_name(f"x{number:05}.jpg"))
    timed_build(other.parent)
    bundle = read_bundle(default_bundle_path())
    queries = open_encoder(bundle, "sketch", device="cpu").encode(prepared_sketches(bundle))

    def ask() -> dict[str, Any]:
        with closing(open_gallery(path, bundle=bundle)) as gallery:
            return answers_of(gallery, queries)

    generations = [generation_folder(each, current_generation(each)) for each in (path, other)]
    strangers = {file: generations[1] / file.name for file in sorted(generations[0].iterdir())}
    return Ground({path / "CURRENT": other / "CURRENT", **strangers}, ask)


def answers_of(gallery: Gallery, queries: np.ndarray) -> dict[str, Any]:
    """Everything that the service would say."""
    ids = [photo_id for (photo_id,) in gallery.query("SELECT photo_id FROM items ORDER BY row")]
    return {
        "rankings": [gallery.search(query, k=gallery.size) for query in queries],
        "filtered": [gallery.search(query, k=5, rows=gallery.select(["mark<=0"])) for query in queries],
        "items": gallery.items(ids),
        "vectors": [gallery.embedding(photo_id).tobytes() for photo_id in ids],  # type: ignore[union-attr]
        "thumbnails": [gallery.thumbnail(photo_id) for photo_id in ids],
        "info": (gallery.generation, gallery.size, gallery.dimension, gallery.columns, gallery.bundle_name),
    }


def bundle_ground(folder: Path) -> Ground:
    """A copy of the demo bundle; the other one has other settings and other weights."""
    path, other = folder / "bundle", folder / "other"
    for copy in (path, other):
        shutil.copytree(default_bundle_path(), copy)
    made = read_bundle(other)
    write_manifest(replace(made, preprocessing=replace(made.preprocessing, stroke_width_px=5), name="other"))
    encoder = other / "encoder.onnx"
    encoder.write_bytes(encoder.read_bytes()[:-4] + b"\0\0\0\1")
    expected = made.fingerprint

    def ask() -> tuple[Any, ...]:
        bundle = read_bundle(path)
        # A sealed bundle of other settings is itself intact: what refuses it is that no gallery was built with it.
        if bundle.fingerprint != expected:
            raise SketchSearchError("The fingerprint is another one than the gallery's.")
        embeddings = open_encoder(bundle, "sketch", device="cpu").encode(prepared_sketches(bundle))
        return embeddings.tobytes(), bundle.to_dict()

    return Ground({file: other / file.name for file in sorted(path.iterdir())}, ask)


def prepared_sketches(bundle: Bundle) -> np.ndarray:
    images = (decode_image(drawing(seed), max_pixels=10**6) for seed in range(3))
    return np.stack([prepare_sketch(image, bundle.preprocessing) for image in images])


if __name__ == "__main__":
    main()
