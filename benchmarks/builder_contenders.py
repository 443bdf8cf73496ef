"""What the builder's throughput is compared with; each takes the benchmark's arguments and returns what it took."""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from index_builder.build import build_gallery
from index_builder.embedding.photo_encoder import PhotoModel
from index_builder.photos.read import MAX_PHOTO_PIXELS
from index_builder.progress import SilentProgress
from index_builder.settings import BuildSettings
from model.bundle import read_bundle
from model.encoder import open_encoder
from model.images import decode_image, photo_draft_size
from model.preprocess import prepare_photo

if TYPE_CHECKING:
    from torch import nn

_BATCH_SIZE = 32
_NUM_PREPARED = 64


@dataclass(frozen=True, order=True)
class Taken:
    """Wall-clock and processor seconds, the latter over all threads and ended child processes."""

    seconds: float
    cpu_seconds: float


class Clock:
    """Runs from its making on."""

    def __init__(self) -> None:
        self._started, self._cpu_started = time.perf_counter(), sum(os.times()[:4])

    def taken(self) -> Taken:
        """The time since the start."""
        return Taken(time.perf_counter() - self._started, sum(os.times()[:4]) - self._cpu_started)


def encoder(arguments: argparse.Namespace) -> Taken:
    """Images in memory through a session for each core, and through one that uses all cores: the faster of the two."""
    bundle = read_bundle(arguments.bundle)
    side, cores = bundle.preprocessing.image_size_px, os.cpu_count() or 1
    images = np.random.default_rng(0).standard_normal((_NUM_PREPARED, 1, 3, side, side)).astype(np.float32)
    ways = []
    for workers, threads in ((cores, 1), (1, cores)):
        session = open_encoder(bundle, "photo", device="cpu", precision=arguments.precision, num_threads=threads)
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(session.encode, images[:8]))
            clock = Clock()
            for _ in pool.map(session.encode, (images[i % _NUM_PREPARED] for i in range(arguments.number))):
                pass
            ways.append(clock.taken())
    return min(ways)


def decoding(arguments: argparse.Namespace) -> Taken:
    """Photos to the encoder's input, by the builder's own functions, in a thread for each core."""
    preprocessing = read_bundle(arguments.bundle).preprocessing
    draft_size_px = photo_draft_size(preprocessing.image_size_px)

    def decode(path: Path) -> None:
        image = decode_image(path.read_bytes(), max_pixels=MAX_PHOTO_PIXELS, draft_size_px=draft_size_px)
        prepare_photo(image, preprocessing)

    paths = sorted(arguments.photos.iterdir())
    clock = Clock()
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for _ in pool.map(decode, paths):
            pass
    return clock.taken()


def builder(arguments: argparse.Namespace) -> Taken:
    """The whole build, from nothing to a published gallery."""
    model = PhotoModel.from_bundle(read_bundle(arguments.bundle), device="cpu", precision=arguments.precision)
    with tempfile.TemporaryDirectory() as out:
        clock = Clock()
        settings = BuildSettings(arguments.photos, Path(out) / "gallery")
        report = build_gallery(settings, model=model, progress=SilentProgress())
        taken = clock.taken()
    assert report.counts.indexed == report.num_encoded == arguments.number
    return taken


def script(arguments: argparse.Namespace) -> Taken:
    """The obvious script: everything one after the other in one process."""
    import torch

    photos = _Photos(arguments)
    network = _network(arguments)
    clock = Clock()
    with torch.inference_mode():
        for first in range(0, len(photos), _BATCH_SIZE):
            rows = range(first, min(first + _BATCH_SIZE, len(photos)))
            network(torch.from_numpy(np.stack([photos[row] for row in rows])))
    return clock.taken()


def dataloader(arguments: argparse.Namespace) -> Taken:
    """A process per core decodes for the one that embeds."""
    import torch
    from torch.utils.data import DataLoader

    network = _network(arguments)
    loader: DataLoader[Any] = DataLoader(
        _Photos(arguments),  # type: ignore[arg-type]  # it needs no more than a length and items
        batch_size=_BATCH_SIZE,
        num_workers=os.cpu_count() or 1,
    )
    clock = Clock()
    with torch.inference_mode():
        for images in loader:
            network(images)
    return clock.taken()


class _Photos:
    """Prepared photos by row, as such scripts prepare them: decoded in full, stretched into the square, normalised."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._paths = sorted(arguments.photos.iterdir())
        self._preprocessing = read_bundle(arguments.bundle).preprocessing

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, row: int) -> np.ndarray[Any, np.dtype[np.float32]]:
        side, mean, std = (getattr(self._preprocessing, name) for name in ("image_size_px", "mean", "std"))
        with Image.open(self._paths[row]) as image:
            small = image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
        pixels = np.asarray(small, np.float32) / 255
        return np.ascontiguousarray(((pixels - mean) / std).transpose(2, 0, 1), np.float32)


def _network(arguments: argparse.Namespace) -> "nn.Module":
    from model.nets.backbone import RANDOM
    from model.nets.encoder_network import EncoderNetwork

    bundle = read_bundle(arguments.bundle)
    backbone = bundle.info["config"]["backbone"]
    side = bundle.preprocessing.image_size_px
    return EncoderNetwork(backbone, embedding_dim=bundle.embedding_dim, image_size_px=side, weights=RANDOM).eval()


CONTENDERS: dict[str, Callable[[argparse.Namespace], Taken]] = {
    "encoder": encoder,
    "decoding": decoding,
    "builder": builder,
    "script": script,
    "dataloader": dataloader,
}
