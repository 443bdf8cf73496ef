"""What does embedding on Ray cost on one machine? Whole builds with both engines in turns, each in its own process.

    python -m benchmarks.ray_beside_local --photos FOLDER --bundle BUNDLE [--rounds 2]

Prints one JSON object: photos a second of each round, as the builder says them (for Ray with the start of its cluster,
and without: from the first photos that come back, which are not counted then, to the end of its cluster), and whether
galleries have the same ids, embeddings and counts.
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

from index_builder.gallery import open_gallery
from index_builder.ray_engine import BATCH_PHOTOS
from model.cores import usable_cores

_RATE = re.compile(r"Read ([\d,]+) photos in ([\d.,]+) s")
_START = re.compile(r"first photo after ([\d.]+) s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    rates: dict[str, list[float]] = {"local": [], "ray": [], "ray_without_start": []}
    contents = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.rounds):
            for engine in ("local", "ray"):
                out = Path(folder) / f"{engine}-{number}"
                said = build(arguments.photos, arguments.bundle, out, engine)
                photos, seconds = (float(each.replace(",", "")) for each in _RATE.search(said).groups())  # type: ignore[union-attr]
                rates[engine].append(photos / seconds)
                if found := _START.search(said):
                    rates["ray_without_start"].append(
                        (photos - BATCH_PHOTOS * usable_cores()) / (seconds - float(found[1]))
                    )
                contents.append(content(out))
                print(json.dumps({engine: rates[engine][-1], "said": said.splitlines()[-8:]}), file=sys.stderr)
    medians = {name: statistics.median(each) for name, each in rates.items()}
    ratios = {name: medians[name] / medians["local"] for name in ("ray", "ray_without_start")}
    same = all(each == contents[0] for each in contents)
    print(json.dumps({"photos_per_second": rates, "to_local": ratios, "same_galleries": same}, indent=2))


def build(photos: Path, bundle: Path, out: Path, engine: str) -> str:
    command = [sys.executable, "-m", "index_builder", "--gallery", str(photos), "--out", str(out)]
    options = ["--bundle", str(bundle), "--device", "cpu", "--engine", engine]
    return subprocess.run([*command, *options], capture_output=True, text=True, check=True).stderr


def content(out: Path) -> Any:  # noqa: ANN401
    """Ids, content and embeddings, and the counts."""
    with open_gallery(out, bundle=None) as gallery:
        items = list(gallery.query("SELECT photo_id, content_sha256, metadata FROM items ORDER BY row"))
        return items, gallery.embeddings_between(0, gallery.size).tobytes(), gallery.manifest.counts


if __name__ == "__main__":
    main()
