"""`sketch-search demo`: what `make demo` does, in one command: render a catalogue, index it, serve it."""

import argparse
import importlib.util
import os
from pathlib import Path

from model.command_line import CommandParser
from model.errors import SketchSearchError
from sketch_search.commands.failures import reported
from sketch_search.commands.main import PROGRAM
from sketch_search.commands.next_step import say_next


def run_demo(argv: list[str]) -> int:
    """Renders, indexes and serves; what is there already is kept."""
    arguments = _parser().parse_args(argv)
    return reported(lambda: _demo(arguments))


def _parser() -> CommandParser:
    parser = CommandParser(
        prog=f"{PROGRAM} demo", description="Renders a catalogue of products, indexes it and serves a page to draw on."
    )
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder of catalogue and gallery (demo/)")
    parser.add_argument("--items", type=int, default=800, help="how many products to render (800)")
    parser.add_argument("--port", type=int, default=8000, help="port of the page (8000)")
    parser.add_argument("--no-serve", action="store_true", help="stop when the gallery is built")
    return parser


def _demo(arguments: argparse.Namespace) -> int:
    if importlib.util.find_spec("embreex") is None:
        raise SketchSearchError(
            "The demo renders its products with embreex, which is not installed; install the extra demo, such as "
            "`pip install '.[cpu,demo]'`."
        )
    from catalogue.__main__ import main as render
    from index_builder.__main__ import main as index

    catalogue = arguments.out / f"catalogue-{arguments.items}"  # a catalogue is never mixed with another
    gallery = str(arguments.out / "gallery")
    rendering = ["--out", str(catalogue), "--items", str(arguments.items), "--split", "demo", "--sketches", "1"]
    building = ["--gallery", str(catalogue / "photos"), "--metadata", str(catalogue / "metadata.csv"), "--out", gallery]
    status = render([*rendering, "--workers", str(os.cpu_count() or 1)]) or index(building, program=f"{PROGRAM} index")
    if status == 0 and not arguments.no_serve:
        from service.__main__ import main as serve

        status = serve(["--gallery", gallery, "--port", str(arguments.port)], program=f"{PROGRAM} serve")
    if status == 0:
        drawing = min((catalogue / "sketches").rglob("*.png"), default=Path("drawing.png"))
        say_next("search", str(drawing), "--gallery", gallery)
    return status
