"""Writes the hostile files: whatever the service has to refuse, quickly and in little memory.

Made here from scratch, the same ones every time. Each has to be answered with a 4xx: it is no picture, or of another
format, or damaged, or blank, or far more than a sketch needs.

    python -m benchmarks.reliability.hostile_images FOLDER
"""

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from benchmarks.reliability.hostile_jpeg import jpeg_files
from benchmarks.reliability.hostile_others import other_files, webp_files
from benchmarks.reliability.hostile_png import png_files
from benchmarks.reliability.traffic import drawing


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for name, data in hostile_files():
        names.append(name)
        (folder / re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")).write_bytes(data)
    print(f"{len(names)} files in {folder}")


def hostile_files() -> Iterator[tuple[str, bytes]]:
    """Yields a name that says what is wrong, and the file."""
    yield from png_files(drawing(1))
    yield from jpeg_files(_encoded(_decoded(drawing(2)).convert("RGB").resize((64, 64)), "JPEG"))
    yield from webp_files(_encoded(_decoded(drawing(3)), "WEBP", lossless=True))
    yield from other_files(_decoded(drawing(4)))
    yield from _blank()


def _blank() -> Iterator[tuple[str, bytes]]:
    for file_format in ("PNG", "JPEG", "WEBP"):
        for colour in ("white", "black", "grey"):
            for size in ((1, 1), (300, 200), (10_000, 1)):
                name = f"{file_format.lower()} all {colour}, {size[0]} x {size[1]}"
                yield name, _encoded(Image.new("RGB", size, colour), file_format)
    yield "png all transparent", _encoded(Image.new("RGBA", (300, 300)), "PNG")


def _decoded(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        return image.copy()


def _encoded(image: Image.Image, file_format: str, **options: bool) -> bytes:
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()


if __name__ == "__main__":
    main()
