"""Real sketches in a catalogue's gallery: is the first photo of the family that was drawn, also when drawn mirrored?

The sketches are of a dataset with a manifest; which of its categories is which family is given. Prints a Markdown table
with a row for each bundle and category.

    python -m benchmarks.real_families --catalogue runs/shop --data QMUL_SHOES --split test --bundle model/demo_bundle
    python -m benchmarks.real_families --catalogue runs/shop --data SKETCHY --bundle model/demo_bundle runs/b/bundle
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle, Modality, default_bundle_path, read_bundle
from model.encoder import open_encoder
from model.preprocess import to_tensor
from training.data.dataset import read_image

FAMILIES = {
    "shoes": "shoes",
    "shoe": "shoes",
    "table": "tables",
    "eyeglasses": "glasses",
    "chair": "chairs",
    "cup": "mugs",
}
CHUNK = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalogue", type=Path, required=True, help="folder of a catalogue: the gallery")
    parser.add_argument("--data", type=Path, required=True, help="folder of a dataset with real sketches")
    parser.add_argument("--split", default="all", help="of the dataset")
    parser.add_argument("--bundle", type=Path, nargs="+", default=[default_bundle_path()])
    arguments = parser.parse_args()
    items = json.loads((arguments.catalogue / "manifest.json").read_text())["items"]
    photos = [arguments.catalogue / item["photo"] for item in items]
    families = np.array([item["category"] for item in items])
    sketches = sketches_of(arguments.data, arguments.split)
    print("| bundle | drawn | sketches | family first, % | mirrored, % |\n|-|-|-|-|-|")
    for folder in arguments.bundle:
        bundle = read_bundle(folder)
        gallery = embed(bundle, "photo", photos)
        for category, files in sketches.items():
            found = [
                families[np.argmax(embed(bundle, "sketch", files, mirrored=mirrored) @ gallery.T, axis=1)]
                for mirrored in (False, True)
            ]
            plain, other = (100 * float(np.mean(each == FAMILIES[category])) for each in found)
            print(f"| {bundle.name} | {category} | {len(files)} | {plain:.1f} | {other:.1f} |")


def sketches_of(data: Path, split: str) -> dict[str, list[Path]]:
    """The sketch files of each category that is a family, sorted by category."""
    found: dict[str, list[Path]] = {}
    for item in json.loads((data / "manifest.json").read_text())["items"]:
        if item["category"] in FAMILIES and split in ("all", item["split"]):
            found.setdefault(item["category"], []).extend(data / sketch for sketch in item["sketches"])
    return dict(sorted(found.items()))


def embed(bundle: Bundle, modality: Modality, files: Sequence[Path], *, mirrored: bool = False) -> NDArray[np.float32]:
    """(N, D) unit-norm embeddings of files as the service would make them, after mirroring the prepared image."""
    encoder = open_encoder(bundle, modality, device="cpu")
    pieces = []
    for start in range(0, len(files), CHUNK):
        images = [read_image(modality, file, bundle.preprocessing) for file in files[start : start + CHUNK]]
        tensors = np.stack([to_tensor(image, bundle.preprocessing) for image in images])
        pieces.append(encoder.encode(np.ascontiguousarray(tensors[..., ::-1] if mirrored else tensors)))
    return np.concatenate(pieces)


if __name__ == "__main__":
    main()
