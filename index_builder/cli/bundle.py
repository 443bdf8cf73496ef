"""The option that chooses the encoder bundle, shared by the commands that embed."""

import argparse
from pathlib import Path

from model.bundle import Bundle, default_bundle_path, read_bundle


def add_encoder(parser: argparse.ArgumentParser) -> None:
    """Adds --bundle and --device."""
    parser.add_argument("--bundle", type=Path, help="folder of the encoder bundle (the demo bundle)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to embed (auto)")


def chosen_bundle(path: Path | None) -> Bundle:
    """Reads the given bundle, or the demo's."""
    return read_bundle(default_bundle_path() if path is None else path)
