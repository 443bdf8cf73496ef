"""One dataset of several catalogues: python -m catalogue.join --out DIR CATALOGUE CATALOGUE...

Nothing is copied: the manifest of the new folder names the files of the others by relative paths.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from catalogue.writer import write_text


def join(catalogues: Sequence[Path], out: Path) -> int:
    """Writes a manifest of all items of several catalogues; returns how many there are.

    Args:
        catalogues: their folders, each with a manifest.json. An item's id begins with the name of its catalogue.
        out: folder of the new manifest.

    Raises:
        ValueError: a folder holds no finished catalogue, or two of them have the same name.
    """
    names = [_name(catalogue) for catalogue in catalogues]
    if len(set(names)) < len(names):
        raise ValueError(f"got catalogues named {', '.join(names)}, expected different names; rename a folder")
    items = [item for folder, name in zip(catalogues, names, strict=True) for item in _items(folder, name, out)]
    manifest = {"name": "+".join(names), "items": items}
    write_text(json.dumps(manifest, indent=1), out / "manifest.json")
    return len(items)


def _name(folder: Path) -> str:
    return folder.resolve().name


def _items(folder: Path, name: str, out: Path) -> list[dict[str, Any]]:
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        raise ValueError(f"{folder} holds no manifest.json, expected a finished catalogue; generate it first")
    base = Path(os.path.relpath(folder.resolve(), out.resolve()))
    items = json.loads(manifest.read_text(encoding="utf-8"))["items"]
    return [
        item
        | {
            "id": f"{name}-{item['id']}",
            "photo": (base / item["photo"]).as_posix(),
            "sketches": [(base / sketch).as_posix() for sketch in item["sketches"]],
        }
        for item in items
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m catalogue.join", description="One dataset of several catalogues.")
    parser.add_argument("--out", type=Path, required=True, help="folder of the new manifest")
    parser.add_argument("catalogues", type=Path, nargs="+", help="folders of finished catalogues")
    given = parser.parse_args(arguments)
    try:
        count = join(given.catalogues, given.out)
    except ValueError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    print(f"{count} items in {given.out}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
