"""`sketch-search embed`: a folder of images to a file of embeddings."""

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from index_builder.progress import ConsoleProgress, one_line
from model.command_line import CommandParser
from model.errors import SketchSearchError
from model.images import PHOTO_SUFFIXES
from sketch_search.commands.failures import reported
from sketch_search.commands.main import PROGRAM
from sketch_search.commands.next_step import say_next
from sketch_search.encoder import load_encoder

_NONE_USABLE = 1


def run_embed(argv: list[str]) -> int:
    """Embeds every image below a folder; what cannot be used is named on standard error."""
    arguments = _parser().parse_args(argv)
    return reported(lambda: _embed(arguments))


def _parser() -> CommandParser:
    parser = CommandParser(
        prog=f"{PROGRAM} embed", description="Embeds every image in a folder and below it into one file."
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a folder of images")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        required=True,
        help="a .npy file, (N, D) float32 of unit norm, with a .csv of row and path beside it; or a .parquet file with "
        "both, which needs the extra parquet",
    )
    parser.add_argument("--force", action="store_true", help="replace the files where they exist")
    encoder = parser.add_argument_group("encoder")
    encoder.add_argument("--sketches", action="store_true", help="the images are sketches (they are photos)")
    encoder.add_argument("--bundle", type=Path, help="folder of the encoder bundle (the demo bundle)")
    encoder.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to embed (auto)")
    return parser


def _embed(arguments: argparse.Namespace) -> int:
    _refuse_target(arguments.out, replaces=arguments.force)
    paths = _images(arguments.folder)
    embeddings, used = _embedded(arguments, paths)
    if not used:
        sys.stderr.write(f"None of {len(paths):,} images could be used; nothing was written.\n")
        return _NONE_USABLE
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    names = [path.relative_to(arguments.folder).as_posix() for path in used]
    written = (_write_npy if arguments.out.suffix == ".npy" else _write_parquet)(arguments.out, names, embeddings)
    sys.stderr.write(f"Embedded {len(used):,} of {len(paths):,} images into {' and '.join(map(str, written))}\n")
    if arguments.sketches:
        say_next("search", str(used[0]), "--gallery", "gallery")
    else:
        say_next("index", "--gallery", str(arguments.folder))
    return 0


def _refuse_target(target: Path, *, replaces: bool) -> None:
    if target.suffix not in (".npy", ".parquet"):
        raise SketchSearchError(f"--out {target} has the extension {target.suffix!r}; expected .npy or .parquet.")
    for path in (target,) if target.suffix == ".parquet" else (target, target.with_suffix(".csv")):
        if path.exists() and not replaces:
            raise SketchSearchError(f"The file {path} exists; give another --out, or --force to replace it.")
    if target.suffix == ".parquet":
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise SketchSearchError(
                "Writing .parquet needs pyarrow, which is not installed; install it, or give a .npy file."
            ) from error


def _images(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise SketchSearchError(f"There is no folder {folder}; give one with images.")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PHOTO_SUFFIXES and path.is_file())
    if not found:
        raise SketchSearchError(f"There are no images in {folder}; expected JPEG, PNG, WebP, GIF, TIFF or BMP files.")
    return found


def _embedded(arguments: argparse.Namespace, paths: Sequence[Path]) -> tuple[NDArray[np.float32], list[Path]]:
    encoder = load_encoder(arguments.bundle, device=arguments.device)
    embed = encoder.embed_sketches if arguments.sketches else encoder.embed_photos
    progress = ConsoleProgress(Console(stderr=True))
    rows, used = [], []
    progress.start(len(paths))
    try:
        for path in paths:
            try:
                rows.append(embed([path])[0])
                used.append(path)
            except SketchSearchError as error:
                sys.stderr.write(one_line(f"Left out: {error}") + "\n")
            progress.advance()
    finally:
        progress.stop()
    return np.array(rows, np.float32), used


def _write_npy(target: Path, names: Sequence[str], embeddings: NDArray[np.float32]) -> list[Path]:
    table = target.with_suffix(".csv")
    with table.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("row", "path"), *enumerate(names)])
    np.save(target, embeddings)
    return [target, table]


def _write_parquet(target: Path, names: Sequence[str], embeddings: NDArray[np.float32]) -> list[Path]:
    import pyarrow
    import pyarrow.parquet

    vectors = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(embeddings.reshape(-1)), embeddings.shape[1])
    pyarrow.parquet.write_table(pyarrow.table({"path": list(names), "embedding": vectors}), target)
    return [target]
