"""How fast is the builder beside its encoder alone, the obvious script, and a torch DataLoader? Prints one JSON object.

encoder     the bundle's photo encoder on prepared images in memory, in the faster of two ways to use all cores
decoding    photos to the encoder's input, on all cores
builder     the whole build: read, hash, decode, thumbnail, perceptual hash, embed, store, index, check, publish
script      open, resize and embed in a loop: Pillow, and torch with a network of the same architecture
dataloader  the same network fed in batches of 32 by a torch DataLoader with a worker process per core

`bound` is the rate at which encoder and decoding, which need the same cores, can go together: one over the sum of their
times. Contenders take turns, each in a process of its own on the same photos; time counts from the first photo, for the
builder from its start. The scripts' networks have random weights, which cost what trained ones cost.

python -m benchmarks.builder_throughput --photos FOLDER [--bundle BUNDLE] [--number 500] [--rounds 3] [--only ...]
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.builder_contenders import CONTENDERS
from model.bundle import default_bundle_path


def main() -> None:
    arguments = _parser().parse_args()
    if arguments.contender:
        print(json.dumps(asdict(CONTENDERS[arguments.contender](arguments))))
        return
    with tempfile.TemporaryDirectory() as folder:
        number = _link_photos(arguments.photos, Path(folder), arguments.number)
        command = [*sys.argv[1:], "--photos", folder, "--number", str(number)]
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in arguments.only}
        for _ in range(arguments.rounds):
            for name, results in runs.items():
                results.append(_run([*command, "--contender", name], number))
                print(json.dumps({name: results[-1]}), file=sys.stderr)
    rows: dict[str, Any] = {name: _median(results) for name, results in runs.items()}
    machine = f"{os.cpu_count()} cores, {platform.machine()}"
    about = {"machine": machine, "photos": number, "rounds": arguments.rounds}
    print(json.dumps({**about, **rows, "builder_is": _ratios(rows)}, indent=2))


def _ratios(rows: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """The builder's rate as a share of each other one's, by the clock and by processor time."""
    ratios: dict[str, dict[str, float]] = {}
    for key, kind in (("ms_per_photo", "by_the_clock"), ("cpu_ms_per_photo", "by_processor_time")):
        taken = {name: row[key] for name, row in rows.items()}
        if {"encoder", "decoding"} <= taken.keys():
            taken["bound"] = taken["encoder"] + taken["decoding"]
        if "builder" in taken:
            own = taken.pop("builder")
            ratios[kind] = {name: round(each / own, 3) for name, each in taken.items()}
    return ratios


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, default=default_bundle_path())
    parser.add_argument("--precision", default="default", help="of the bundle's photo encoder")
    parser.add_argument("--number", type=int, default=500, help="of the photos, spread over the folder; 0: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=list(CONTENDERS), default=list(CONTENDERS))
    parser.add_argument("--contender", choices=list(CONTENDERS), help=argparse.SUPPRESS)
    return parser


def _link_photos(photos: Path, folder: Path, number: int) -> int:
    """Links a part of a folder's JPEGs into another; returns how many."""
    every = sorted(photos.resolve().rglob("*.jpg"))
    chosen = every[:: max(1, len(every) // number)][:number] if number else every
    for rank, path in enumerate(chosen):
        (folder / f"{rank:06}.jpg").symlink_to(path)
    return len(chosen)


def _run(command: list[str], number: int) -> dict[str, float]:
    """One contender in a process of its own: its rate, its time and processor time for a photo, its peak memory."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.builder_throughput", *command], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    answer = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{command} failed"
    taken = json.loads(answer)
    return {
        "photos_per_second": number / taken["seconds"],
        "ms_per_photo": 1000 * taken["seconds"] / number,
        "cpu_ms_per_photo": 1000 * taken["cpu_seconds"] / number,
        "peak_rss_mb": usage.ru_maxrss / 1024,
    }


def _median(results: list[dict[str, float]]) -> dict[str, float]:
    return {key: round(statistics.median(result[key] for result in results), 2) for key in results[0]}


if __name__ == "__main__":
    main()
