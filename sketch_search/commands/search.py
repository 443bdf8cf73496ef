"""`sketch-search search`: ranks the photos of any gallery, on disk, in Milvus or behind a service, by a drawing."""

import argparse
import os
from pathlib import Path

from model.command_line import CommandParser
from sketch_search.commands.failures import reported
from sketch_search.commands.main import PROGRAM
from sketch_search.commands.next_step import say_next

KEY_VARIABLE = "SKETCH_SEARCH_API_KEY"


def run_search(argv: list[str]) -> int:
    """Prints rank, score and id of each photo found."""
    arguments = _parser().parse_args(argv)
    return reported(lambda: _search(arguments))


def _parser() -> CommandParser:
    parser = CommandParser(prog=f"{PROGRAM} search", description="Searches a gallery with an image of a drawing.")
    parser.add_argument("sketch", type=Path, metavar="DRAWING", help="an image file: PNG, JPEG or WebP")
    where = parser.add_argument_group("where to search")
    where.add_argument(
        "--gallery",
        default="gallery",
        help="a gallery's folder, milvus://host:port/name, or the http:// address of a service, whose key the "
        f"environment variable {KEY_VARIABLE} holds (gallery/)",
    )
    where.add_argument("-k", type=int, default=10, help="how many photos to show (10)")
    where.add_argument("--filter", action="append", default=[], help="such as price>=10; may be repeated")
    encoder = parser.add_argument_group("encoder")
    encoder.add_argument("--bundle", type=Path, help="folder of the encoder bundle (the demo bundle)")
    encoder.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to embed (auto)")
    return parser


def _search(arguments: argparse.Namespace) -> int:
    from index_builder.cli.output import print_line
    from sketch_search.encoder import load_encoder
    from sketch_search.galleries import open_gallery

    encoder = load_encoder(arguments.bundle, device=arguments.device)
    with open_gallery(arguments.gallery, encoder=encoder, api_key=os.environ.get(KEY_VARIABLE)) as gallery:
        for rank, hit in enumerate(gallery.search(arguments.sketch, arguments.k, arguments.filter), start=1):
            print_line(f"{rank:>3}  {hit.score:.4f}  {hit.photo_id}")
    if not arguments.gallery.startswith(("http://", "https://")):
        bundle = ["--bundle", str(arguments.bundle)] if arguments.bundle else []
        say_next("serve", "--gallery", arguments.gallery, *bundle)
    return 0
