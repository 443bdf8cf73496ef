"""Does it matter that a large JPEG is scaled while it is decoded? Embeddings of photos decoded so and in full.

Training, builder and evaluation all decode in draft, so they never mix the two; this measures what a mixture would
cost, and what draft decoding saves. Prints one JSON object.

python -m benchmarks.draft_decoding --photos FOLDER [--bundle BUNDLE] [--number 100]
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.bundle import default_bundle_path, read_bundle
from model.encoder import open_encoder
from model.images import decode_image, photo_draft_size
from model.preprocess import prepare_photo

_MAX_PIXELS = 175_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, default=default_bundle_path())
    parser.add_argument("--number", type=int, default=100)
    arguments = parser.parse_args()
    bundle = read_bundle(arguments.bundle)
    encoder = open_encoder(bundle, "photo", device="cpu", num_threads=1)
    paths = sorted(arguments.photos.rglob("*.jpg"))[: arguments.number]
    vectors: dict[str, list[NDArray[np.float32]]] = {"draft": [], "full": []}
    milliseconds: dict[str, list[float]] = {"draft": [], "full": []}
    for path in paths:
        data = path.read_bytes()
        for way, size_px in (("draft", photo_draft_size(bundle.preprocessing.image_size_px)), ("full", None)):
            started = time.thread_time()
            image = decode_image(data, max_pixels=_MAX_PIXELS, draft_size_px=size_px)
            prepared = prepare_photo(image, bundle.preprocessing)
            milliseconds[way].append(1000 * (time.thread_time() - started))
            vectors[way].append(encoder.encode(prepared[None])[0])
    draft, full = (np.stack(vectors[way]) for way in ("draft", "full"))
    cosines = np.sum(draft * full, axis=1)
    nearest = np.argmax(draft @ full.T, axis=1)
    results = {
        "photos": len(paths),
        "precision": encoder.precision,
        "cpu_ms_decode_and_prepare": {way: round(statistics.median(times), 2) for way, times in milliseconds.items()},
        "cosine": {"lowest": round(float(cosines.min()), 4), "median": round(float(np.median(cosines)), 4)},
        "nearest_full_is_the_same_photo": int(np.sum(nearest == np.arange(len(paths)))),
        "cosine_to_the_nearest_other_photo_median": round(float(np.median(_nearest_other(full))), 4),
    }
    print(json.dumps(results, indent=2))


def _nearest_other(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    return np.asarray(cosines.max(axis=1))


if __name__ == "__main__":
    main()
