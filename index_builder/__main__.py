"""The command line: builds a gallery from a folder of photos, or looks into one."""

import argparse
import os
import sys
from pathlib import Path

from index_builder.build import DEFAULT_ERROR_RATE, FEW_ERRORS
from index_builder.cli.commands import EXIT_CODES, run
from index_builder.indexing.requirements import DEFAULT_MEMORY_BYTES, DEFAULT_RECALL
from model.command_line import CommandParser

_PROGRAM = "python -m index_builder"
SETTLE_VARIABLE = "SKETCH_SEARCH_WATCH_SETTLE_SECONDS"
POLL_VARIABLE = "SKETCH_SEARCH_WATCH_POLL_SECONDS"
_COMMANDS = {
    "info": "Says what is in a gallery.",
    "verify": "Hashes and compares every file of a gallery.",
    "search": "Searches a gallery with a drawing.",
    "export": "Writes a gallery's embeddings and photo ids for other programs.",
}
_OTHER_COMMANDS = """other commands, each with its own --help:
  {program} info [GALLERY]                  what is in a gallery
  {program} verify [GALLERY]                hash and compare every file of it
  {program} search --sketch IMAGE [GALLERY] search it with a drawing
  {program} export --out FILE [GALLERY]     write its embeddings for other programs

"""


def main(argv: list[str] | None = None, *, program: str = _PROGRAM) -> int:
    """Parses the arguments, runs the command, returns the exit status; `program` is what its help calls it."""
    given = sys.argv[1:] if argv is None else argv
    # A parser each, instead of argparse's subcommands: those report a mistake with the usage of the build.
    if given and given[0] in _COMMANDS:
        command = given[0]
        return run(command, _command_parser(command, program).parse_args(given[1:]))
    return run("build", _build_parser(program).parse_args(given))


def _build_parser(program: str) -> argparse.ArgumentParser:
    parser = CommandParser(
        prog=program,
        description="Builds a searchable gallery from a folder of photos; run again, it embeds only what changed.",
        epilog=_OTHER_COMMANDS.format(program=program) + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--gallery", type=Path, metavar="PHOTOS", required=True, help="the folder of photos: photos/")
    parser.add_argument("--out", type=Path, metavar="GALLERY", default="gallery", help="what to build (gallery/)")
    parser.add_argument(
        "--store", metavar="PLACE", help="milvus://host:port/name: publish there what is in --out, to be searched there"
    )
    parser.add_argument(
        "--metadata",
        type=Path,
        metavar="TABLE",
        help="a CSV or JSONL file with a photo_id per row; builds that follow read it again by themselves",
    )
    parser.add_argument("--no-metadata", action="store_true", help="drop the metadata that the gallery has")
    parser.add_argument(
        "--max-error-rate",
        type=float,
        metavar="SHARE",
        help=f"share of unreadable photos above which nothing is published; unless given, {DEFAULT_ERROR_RATE:g}, "
        f"judged only when more than {FEW_ERRORS} photos, or half of them, cannot be read",
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="THREADS",
        default=0,
        help="threads that decode photos and, without a GPU, embed them (0: one per core)",
    )
    parser.add_argument(
        "--engine", choices=("local", "ray"), default="local", help="what embeds: this process, or Ray (local)"
    )
    parser.add_argument("--ray-address", metavar="ADDRESS", help="with --engine ray: a running cluster, such as auto")
    parser.add_argument(
        "--shards", metavar="URL", help="with --engine ray: where workers keep what is not committed (s3://…, file://…)"
    )
    parser.add_argument("--precision", default="default", help="of the photo encoder: fp32, int8, bf16 (OpenVINO)")
    _add_encoder(parser.add_argument_group("encoder"))
    _add_index(parser.add_argument_group("index"))
    _add_watch(parser.add_argument_group("following the folder"))
    return parser


def _command_parser(command: str, program: str) -> argparse.ArgumentParser:
    parser = CommandParser(prog=f"{program} {command}", description=_COMMANDS[command])
    parser.add_argument(
        "gallery",
        metavar="GALLERY",
        nargs="?",
        default="gallery",
        help="the gallery's folder, or milvus://host:port/name (gallery/)",
    )
    if command == "search":
        parser.add_argument("--sketch", type=Path, metavar="IMAGE", required=True, help="an image of the drawing")
        parser.add_argument("-k", type=int, default=10, help="how many photos to show (10)")
        parser.add_argument("--filter", action="append", default=[], help="such as price>=10; may be repeated")
        _add_encoder(parser)
    if command == "export":
        parser.add_argument("--out", type=Path, metavar="FILE", required=True, help="a .npy or .parquet file")
        parser.add_argument("--force", action="store_true", help="replace the files where they exist")
    return parser


def _add_index(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--recall", type=float, default=DEFAULT_RECALL, help=f"recall@10 that searches must reach ({DEFAULT_RECALL:g})"
    )
    parser.add_argument(
        "--memory",
        metavar="SIZE",
        default=DEFAULT_MEMORY_BYTES,
        help="what searches may keep in memory, such as 300MB (1GB); embeddings stay on disk",
    )
    parser.add_argument(
        "--sketches", type=Path, metavar="DRAWINGS", help="a folder or manifest.json of drawings to measure recall with"
    )


def _add_watch(parser: argparse._ActionsContainer) -> None:
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


def _add_encoder(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--bundle", type=Path, help="folder of the encoder bundle (the demo bundle)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to embed (auto)")


if __name__ == "__main__":
    sys.exit(main())
