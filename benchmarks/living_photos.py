"""Generated photos, and builds of them with the demo bundle, for the benchmarks of a living gallery."""

import hashlib
import time
from pathlib import Path

import numpy as np
from PIL import Image

from index_builder.build import build_gallery
from index_builder.embedding.photo_encoder import PhotoModel
from index_builder.progress import SilentProgress
from index_builder.publishing.generation import BuildReport
from index_builder.settings import BuildSettings
from model.bundle import default_bundle_path, read_bundle
from model.images import decode_image, photo_draft_size


def timed_build(folder: Path, *, metadata: Path | None = None) -> tuple[BuildReport, float]:
    started = time.perf_counter()
    chosen = BuildSettings(folder / "photos", folder / "gallery", metadata=metadata)
    report = build_gallery(chosen, model=demo_model(), progress=SilentProgress())
    return report, time.perf_counter() - started


def demo_model() -> PhotoModel:
    return PhotoModel.from_bundle(read_bundle(default_bundle_path()), device="cpu")


def write_photos(folder: Path, numbers: range) -> dict[str, str]:
    """Writes a photo per number; returns the hash of what the encoder gets -> the hash of the file."""
    folder.mkdir(parents=True)
    model, contents = demo_model(), {}
    draft_size_px = photo_draft_size(model.image_size_px)  # decoded as the builder decodes it
    for number in numbers:
        path = folder / f"{number:06}.jpg"
        write_photo(path, number)
        image = decode_image(path.read_bytes(), max_pixels=10**6, draft_size_px=draft_size_px)
        prepared = hashlib.sha256(model.prepare(image).tobytes()).hexdigest()
        contents[prepared] = hashlib.sha256(path.read_bytes()).hexdigest()
    assert len(contents) == len(numbers)
    return contents


def write_photo(path: Path, seed: int) -> None:
    """A JPEG of 640×480 with blocks and noise, which takes about as long to decode as a photo of that size."""
    generator = np.random.default_rng(seed)
    blocks = Image.fromarray(generator.integers(0, 256, (12, 16, 3), np.uint8)).resize(
        (640, 480), Image.Resampling.BICUBIC
    )
    noisy = np.asarray(blocks, np.int16) + generator.integers(-12, 13, (480, 640, 1), np.int16)
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(path, quality=88)
