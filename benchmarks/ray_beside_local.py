"""What does embedding on Ray cost on one machine? Whole builds with both engines in turns, each in its own process.

    python -m benchmarks.ray_beside_local --photos FOLDER --bundle BUNDLE [--few 2000] [--rounds 2]

Each engine builds from the first few photos and from all. The difference tells photos a second once everything runs;
what is left of the time is what a run costs whatever its size, above all the start of Ray. Prints one JSON object:
the seconds of each round as the builder says them, medians taken apart in that way, the share of the local engine's
rate that Ray reaches, and whether galleries of the same photos have the same ids, embeddings and counts.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from index_builder.gallery.folder_gallery import open_gallery

_RATE = re.compile(r"Read ([\d,]+) photos in ([\d.,]+) s")
_ENGINES = ("local", "ray")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--few", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    seconds: dict[str, dict[int, list[float]]] = {engine: {} for engine in _ENGINES}
    contents: dict[int, list[Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        few = linked(arguments.photos, arguments.few, Path(folder) / "few")
        for _ in range(arguments.rounds):
            for engine in _ENGINES:
                for photos in (few, arguments.photos):
                    with tempfile.TemporaryDirectory() as out:
                        number, took = build(photos, arguments.bundle, Path(out), engine)
                        contents.setdefault(number, []).append(content(Path(out)))
                    seconds[engine].setdefault(number, []).append(took)
                    print(json.dumps({"engine": engine, "photos": number, "seconds": took}), file=sys.stderr)
    apart = {engine: taken_apart(seconds[engine]) for engine in _ENGINES}
    share = {name: apart["ray"][name] / apart["local"][name] for name in ("marginal_per_second", "total_per_second")}
    same = all(each == others[0] for others in contents.values() for each in others)
    print(json.dumps({"seconds": seconds, **apart, "ray_to_local": share, "same_galleries": same}, indent=2))


def linked(photos: Path, number: int, folder: Path) -> Path:
    """A folder of links to the first photos."""
    folder.mkdir()
    for photo in sorted(photos.iterdir())[:number]:
        (folder / photo.name).symlink_to(photo.resolve())
    return folder


def taken_apart(seconds: dict[int, list[float]]) -> dict[str, float]:
    (few, short), (all_, long) = sorted((number, statistics.median(each)) for number, each in seconds.items())
    rate = (all_ - few) / (long - short)
    return {"marginal_per_second": rate, "fixed_seconds": long - all_ / rate, "total_per_second": all_ / long}


def build(photos: Path, bundle: Path, out: Path, engine: str) -> tuple[int, float]:
    """How many photos were read, in how many seconds."""
    command = [sys.executable, "-m", "index_builder", "--gallery", str(photos), "--out", str(out)]
    options = ["--bundle", str(bundle), "--device", "cpu", "--engine", engine]
    said = subprocess.run([*command, *options], capture_output=True, text=True, check=True).stderr
    found = _RATE.search(said)
    assert found is not None, said
    number, took = (float(each.replace(",", "")) for each in found.groups())
    return int(number), took


def content(out: Path) -> Any:  # noqa: ANN401
    """Ids, content and embeddings, and the counts."""
    with open_gallery(out, bundle=None) as gallery:
        items = list(gallery.query("SELECT photo_id, content_sha256, metadata FROM items ORDER BY row"))
        return items, gallery.embeddings_between(0, gallery.size).tobytes(), gallery.manifest.counts


if __name__ == "__main__":
    main()
