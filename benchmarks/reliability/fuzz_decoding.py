"""Fuzzes what an upload goes through: bytes to an image to the encoder's input. Anything but a refusal is a crash.

Runs under atheris (libFuzzer for Python), which is not among the project's dependencies; its coverage guides the Python
side, Pillow's readers included, while the codecs in C are exercised blindly. Whatever libFuzzer takes can be given:

    python -m benchmarks.reliability.hostile_images hostile/
    python -m benchmarks.reliability.fuzz_decoding corpus/ hostile/ -max_total_time=1800 -max_len=8192 -timeout=10
"""

import sys
import warnings
from contextlib import suppress

import atheris

with atheris.instrument_imports(include=["PIL", "model", "service"]):
    from PIL import Image

    from model.errors import BlankSketchError, UnreadableImageError
    from model.preprocess import Preprocessing
    from service.uploads.reader import LocalReader

_MAX_PIXELS = 250_000  # the service takes more; here it keeps an execution short
_READER = LocalReader(Preprocessing(image_size_px=32), max_pixels=_MAX_PIXELS)


def read_upload(data: bytes) -> None:
    """What the service does with an upload, up to the encoder; the service itself does it in a process of its own."""
    with suppress(UnreadableImageError, BlankSketchError):
        _READER.read(data)


def main() -> None:
    warnings.simplefilter("ignore")
    Image.init()
    atheris.Setup(sys.argv, read_upload)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
