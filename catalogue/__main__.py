"""Command line: python -m catalogue --out DIR --items 600 [--seed 0] [--split demo] [--sketches 4]."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from catalogue.generate import generate
from catalogue.items import SPLITS
from catalogue.progress import shown
from catalogue.worlds import WORLDS
from catalogue.writer import Request


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit status."""
    given = _parser().parse_args(arguments)
    console = Console(stderr=True)
    try:
        request = Request(
            given.out, given.items, given.seed, given.split, given.sketches, given.image_size, world=given.world
        )
        with shown(given.items, console) as report:
            written = generate(request, num_workers=given.workers, report=report)
            report(given.items)
    except ValueError as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        return 2
    except KeyboardInterrupt:
        console.print(f"Interrupted; the same command continues in {given.out}", highlight=False)
        return 130
    console.print(f"{given.items} items in {given.out}" + ("" if written else " (already complete)"), highlight=False)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m catalogue", description="Generate photos and sketches of products."
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--items", type=int, default=600, help="number of items over all families")
    parser.add_argument("--seed", type=int, default=0, help="seed of the whole catalogue")
    parser.add_argument("--split", choices=SPLITS, default="demo", help="splits never share an item")
    parser.add_argument(
        "--world", choices=WORLDS, default="shop", help="the demo's shop, or more of the world to train on"
    )
    parser.add_argument("--sketches", type=int, default=4, help="sketches per item")
    parser.add_argument("--image-size", type=int, default=384, help="side of the photos in pixels")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
