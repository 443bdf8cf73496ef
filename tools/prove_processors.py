"""Compares a bundle's embeddings and rankings on this CPU with those on another x86-64 CPU, emulated by qemu-user.

    .venv/bin/python tools/prove_processors.py --bundle BUNDLE --data PAIRS [--cpu Haswell] [--queries 115]

Needs `qemu-x86_64` (Debian: qemu-user). The sketches and photos of the test split are prepared here, once, and embedded
here and there in every precision that the bundle holds, int8 also as ONNX Runtime would compute it unaided. A line a
precision: the least and mean cosine between the two embeddings of an image, queries with the same first photo, the same
first ten, and the same rank of the right photo when one machine embeds the photos and the other the sketches.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from model.bundle import Bundle, Modality, read_bundle  # noqa: E402
from model.encoder import open_encoder  # noqa: E402
from model.preprocess import to_tensor  # noqa: E402

Embeddings = dict[str, NDArray[np.float32]]
UNAIDED = "int8 unaided"
MODALITIES: tuple[Modality, ...] = ("photo", "sketch")


def main() -> int:
    """Prints the table; status 2 when qemu is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="a dataset with a test split")
    parser.add_argument("--cpu", default="Haswell", help="as qemu-x86_64 names it")
    parser.add_argument("--queries", type=int, default=115)
    parser.add_argument("--embed", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    bundle = read_bundle(arguments.bundle)
    if arguments.embed:
        _embed(bundle, arguments.embed)
        return 0
    emulator = shutil.which("qemu-x86_64")
    if emulator is None:
        print("qemu-x86_64 is not installed (Debian: qemu-user): nothing was compared", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _prepare(bundle, arguments.data, arguments.queries, folder)
        here = _embeddings([], arguments.bundle, folder)
        there = _embeddings([emulator, "-cpu", arguments.cpu], arguments.bundle, folder)
        right = np.load(folder / "right.npy")
    for precision in sorted({key.split("/")[0] for key in here}):
        print(_line(precision, here, there, right), flush=True)
    return 0


def _prepare(bundle: Bundle, data: Path, num_queries: int, folder: Path) -> None:
    from training.data.dataset import read_image, read_split  # apart, as importing them takes an emulated CPU minutes

    items = read_split(data, "test").items
    pairs = [(index, sketch) for index, item in enumerate(items) for sketch in item.sketches][:num_queries]
    settings = bundle.preprocessing
    photos = [to_tensor(read_image("photo", item.photo, settings), settings) for item in items]
    sketches = [to_tensor(read_image("sketch", sketch, settings), settings) for _, sketch in pairs]
    np.savez(folder / "images.npz", photo=np.stack(photos), sketch=np.stack(sketches))
    np.save(folder / "right.npy", np.array([index for index, _ in pairs]))


def _embeddings(emulator: Sequence[str], bundle: Path, folder: Path) -> Embeddings:
    command = [*emulator, sys.executable, str(Path(__file__)), "--bundle", str(bundle), "--embed", str(folder)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    with np.load(folder / "embeddings.npz") as found:
        return dict(found)


def _embed(bundle: Bundle, folder: Path) -> None:
    images = np.load(folder / "images.npz")
    found: Embeddings = {}
    for precision in bundle.precisions("sketch"):
        for modality in MODALITIES:
            encoder = open_encoder(bundle, modality, device="cpu", precision=precision)
            found[f"{precision}/{modality}"] = encoder.encode(images[modality])
            if precision == "int8":
                found[f"{UNAIDED}/{modality}"] = _unaided(bundle, modality, images[modality])
    np.savez(folder / "embeddings.npz", **found)


def _unaided(bundle: Bundle, modality: Modality, images: NDArray[np.float32]) -> NDArray[np.float32]:
    import model.encoder as module

    aided, module.arithmetic_of = module.arithmetic_of, lambda precision: precision
    try:
        return open_encoder(bundle, modality, device="cpu", precision="int8").encode(images)
    finally:
        module.arithmetic_of = aided


def _line(precision: str, here: Embeddings, there: Embeddings, right: NDArray[np.int64]) -> str:
    cosines = np.concatenate([(here[f"{precision}/{m}"] * there[f"{precision}/{m}"]).sum(1) for m in MODALITIES])
    photos = here[f"{precision}/photo"]
    rankings = [np.argsort(-(side[f"{precision}/sketch"] @ photos.T), axis=1, kind="stable") for side in (here, there)]
    ranks = [(ranking == right[:, None]).argmax(1) for ranking in rankings]
    first = int((rankings[0][:, 0] == rankings[1][:, 0]).sum())
    ten = int((rankings[0][:, :10] == rankings[1][:, :10]).all(1).sum())
    return (
        f"{precision:14} cosine {cosines.min():.5f} {cosines.mean():.5f}  same first {first}/{len(right)}  same ten "
        f"{ten}/{len(right)}  same rank {int((ranks[0] == ranks[1]).sum())}/{len(right)}  acc@1 "
        f"{(ranks[0] == 0).mean():.1%} here, {(ranks[1] == 0).mean():.1%} there"
    )


if __name__ == "__main__":
    sys.exit(main())
