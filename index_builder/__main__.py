"""The command line: builds a gallery from a folder of photos, or looks into one."""

import argparse
import os
import sys
from pathlib import Path

from index_builder.commands import EXIT_CODES, run

SETTLE_VARIABLE = "SKETCH_SEARCH_WATCH_SETTLE_SECONDS"
POLL_VARIABLE = "SKETCH_SEARCH_WATCH_POLL_SECONDS"


def main(argv: list[str] | None = None) -> int:
    """Parses the arguments, runs the command, returns the exit status."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None and arguments.gallery is None:
        parser.error("give the folder of photos: --gallery photos/")
    return run(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m index_builder",
        description="Builds a searchable gallery from a folder of photos; run again, it embeds only what changed.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--gallery", type=Path, metavar="PHOTOS", help="the folder of photos")
    parser.add_argument("--metadata", type=Path, help="a CSV or JSONL file with a photo_id per row")
    parser.add_argument("--max-error-rate", type=float, default=0.05, help="accepted share of unreadable photos (0.05)")
    parser.add_argument("--workers", type=int, default=0, help="threads that decode photos (default: one per core)")
    parser.add_argument("--precision", default="default", help="of the photo encoder: fp32, int8 (the bundle's choice)")
    _add_watch(parser)
    _add_shared(parser, out=Path("gallery"), bundle=None, device="auto")
    commands = parser.add_subparsers(dest="command", metavar="info|verify|search|export")
    for name, what in (("info", "what is in the gallery"), ("verify", "hash and compare every file of the gallery")):
        _add_out(commands.add_parser(name, help=what), argparse.SUPPRESS)
    export = commands.add_parser("export", help="write the embeddings for other programs")
    export.add_argument("exported", type=Path, nargs="?", metavar="GALLERY", help="the gallery's folder (gallery/)")
    export.add_argument("--out", dest="target", type=Path, required=True, help="a .npy or .parquet file")
    search = commands.add_parser("search", help="search the gallery with a drawing")
    search.add_argument("--sketch", type=Path, required=True, help="an image of the drawing")
    search.add_argument("-k", type=int, default=10, help="how many photos to show (10)")
    search.add_argument("--filter", action="append", default=[], help="such as price>=10; may be repeated")
    _add_shared(search, out=argparse.SUPPRESS, bundle=argparse.SUPPRESS, device=argparse.SUPPRESS)
    return parser


def _add_watch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--watch", action="store_true", help="build, then follow the folder until stopped")
    parser.add_argument(
        "--settle-seconds",
        type=float,
        default=os.environ.get(SETTLE_VARIABLE) or 2.0,
        help=f"with --watch: a file that stays the same for so long is complete (2; env {SETTLE_VARIABLE})",
    )
    parser.add_argument(
        "--poll-seconds",
        type=float,
        default=os.environ.get(POLL_VARIABLE) or 0.0,
        help=f"with --watch: look every so many seconds, where no events arrive (0: events; env {POLL_VARIABLE})",
    )


def _add_out(parser: argparse.ArgumentParser, default: Path | str) -> None:
    parser.add_argument("--out", type=Path, default=default, help="the gallery's folder (gallery/)")


def _add_shared(parser: argparse.ArgumentParser, *, out: Path | str, bundle: str | None, device: str) -> None:
    _add_out(parser, out)
    parser.add_argument("--bundle", type=Path, default=bundle, help="the encoder bundle (default: the demo bundle)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default=device, help="where to embed (auto)")


if __name__ == "__main__":
    sys.exit(main())
