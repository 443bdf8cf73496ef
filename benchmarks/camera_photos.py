"""Generated JPEGs of camera size, quickly: cuts from one large picture with detail at every scale.

There are `PICTURES` different ones. Further files repeat their pixels with a comment of their own in the header: each
is a content that the builder does not know, and costs what a photo of that size costs to decode.

python -m benchmarks.camera_photos FOLDER [--photos 20000] [--width 1600] [--height 1200]
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path

import numpy as np
from PIL import Image

PICTURES = 500
_SCENE_SIZE = (8000, 6000)
_OCTAVES = (4, 12, 40, 130, 400, 1200)  # blocks along the width, coarse to fine
_NOISE = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=20_000)
    parser.add_argument("--width", type=int, default=1600)
    parser.add_argument("--height", type=int, default=1200)
    arguments = parser.parse_args()
    size = (arguments.width, arguments.height)
    written = write_camera_photos(arguments.folder, arguments.photos, size=size)
    print(f"{arguments.photos:,} photos of {size[0]}×{size[1]}, {written / 1e9:.2f} GB")


def write_camera_photos(folder: Path, number: int, *, size: tuple[int, int]) -> int:
    """Writes a folder of JPEGs, a thousand to a subfolder, and returns their bytes; the same ones at every run."""
    for thousand in range(0, number, 1000):
        (folder / f"{thousand // 1000:03}").mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{row // 1000:03}" / f"{row:06}.jpg" for row in range(number)]
    with ProcessPoolExecutor() as pool:
        list(pool.map(partial(_write_picture, size=size), range(min(number, PICTURES)), paths, chunksize=50))
    for row in range(PICTURES, number):
        if not paths[row].exists():
            picture = paths[row % PICTURES].read_bytes()
            paths[row].write_bytes(picture[:2] + _comment(f"photo {row}") + picture[2:])
    return sum(path.stat().st_size for path in paths)


def _comment(text: str) -> bytes:
    """A comment segment of a JPEG: it stands right behind the two bytes that open the file."""
    return b"\xff\xfe" + (len(text) + 2).to_bytes(2) + text.encode()


def _write_picture(seed: int, path: Path, *, size: tuple[int, int]) -> None:
    if path.exists():
        return
    generator = np.random.default_rng(seed)
    left, top = (int(generator.integers(0, scene - side)) for scene, side in zip(_SCENE_SIZE, size, strict=True))
    cut = _scene().crop((left, top, left + size[0], top + size[1]))
    cut.paste(tuple(generator.integers(0, 256, 3).tolist()), (0, 0, *(generator.integers(100, 600, 2).tolist())))
    aside = path.with_suffix(".partial")
    cut.save(aside, "JPEG", quality=85)
    aside.replace(path)


@cache
def _scene() -> Image.Image:
    """Colour blocks of every size with the weights of natural pictures (coarse ones strongest), and sensor noise."""
    generator = np.random.default_rng(0)
    pixels = np.full((_SCENE_SIZE[1], _SCENE_SIZE[0], 3), 128, np.int16)
    for rank, blocks in enumerate(_OCTAVES):
        coarse = generator.integers(0, 256, (blocks * 3 // 4, blocks, 3), np.uint8)
        smooth = Image.fromarray(coarse).resize(_SCENE_SIZE, Image.Resampling.BICUBIC)
        pixels += (np.asarray(smooth, np.int16) - 128) // (rank + 1)
    pixels += generator.integers(-_NOISE, _NOISE + 1, (*pixels.shape[:2], 1), np.int16)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


if __name__ == "__main__":
    main()
