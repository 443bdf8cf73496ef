"""How fast is the service beside other ways to serve the same encoder, and beside the encoder alone?

Every contender gets the same bundle, gallery and sketches and, one after the other in each round, the same load: one
client; clients that saturate it; 80 % of what that gave, evenly spaced and at random; twice as much as it can do.

    python -m benchmarks.serving --bundle BUNDLE --gallery GALLERY --sketches FOLDER --out runs/serving

Rounds are added to those that `results.json` of the output folder already holds, so that several short runs on a quiet
machine make one table. `--soak MINUTES` and `--synthetic PHOTOS` measure this service alone; see docs/PERFORMANCE.md.
"""

import argparse
import dataclasses
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.serving.assets import write_assets
from benchmarks.serving.client import search_request
from benchmarks.serving.contenders import BF16, TITLES, Contender, Subject, contenders, service_python
from benchmarks.serving.environments import ROOT
from benchmarks.serving.report import write_report
from benchmarks.serving.results import add_rounds, describe_run
from benchmarks.serving.rounds import LoadPlan, turn
from benchmarks.serving.sketches import read_sketches
from benchmarks.serving.soak import soak
from benchmarks.serving.synthetic import synthetic_gallery
from model.bundle import Bundle, default_bundle_path, read_bundle

RESULTS_PER_ANSWER = 12


def main() -> None:
    arguments = _arguments()
    for each in (signal.SIGTERM, signal.SIGINT):  # however the benchmark is ended, it ends the contender that runs
        signal.signal(each, signal.default_int_handler)
    bundle = read_bundle(arguments.bundle)
    arguments.out.mkdir(parents=True, exist_ok=True)
    precision = bundle.default_precision("sketch") if arguments.precision == "default" else arguments.precision
    gallery = arguments.gallery
    if arguments.synthetic:
        gallery = synthetic_gallery(bundle, arguments.synthetic, like=gallery, cache=arguments.cache)
    subject = Subject(arguments.bundle, gallery, precision, arguments.device, arguments.out / "assets", arguments.cache)
    sketches = read_sketches(arguments.sketches)
    requests = [search_request(each, path="/search", host="127.0.0.1", k=RESULTS_PER_ANSWER) for each in sketches]
    plan = LoadPlan(seconds=arguments.seconds, concurrency=arguments.concurrency, deadline_ms=arguments.deadline_ms)
    if arguments.soak:
        name = next(name for name in arguments.contenders if name in ("ours", BF16))
        print(json.dumps(soak(contenders([name], subject)[0], requests, minutes=arguments.soak, out=arguments.out)))
        return
    taking_part = _prepared(arguments.contenders, subject, bundle)
    about = describe_run(bundle, subject, plan, num_sketches=len(sketches))
    for number in range(arguments.rounds):
        one = _round(taking_part, requests, dataclasses.replace(plan, seed=number), arguments, precision)
        results = add_rounds(arguments.out / "results.json", about, [one])
    print(write_report(results, arguments.out))


def _prepared(names: list[str], subject: Subject, bundle: Bundle) -> list[Contender]:
    if any(name not in ("ours", BF16) for name in names):
        write_assets(bundle, subject.gallery, precision=subject.precision, folder=subject.assets)
    return contenders(names, subject)


def _round(
    taking_part: list[Contender], requests: list[bytes], plan: LoadPlan, arguments: argparse.Namespace, precision: str
) -> dict[str, Any]:
    """The ceiling before and after everybody's turn, since a shared machine is not the same all the time."""
    found: dict[str, Any] = {"ceiling": [_ceiling(arguments, precision)], "failed": {}}
    for contender in taking_part:
        print(f"{contender.title} …", file=sys.stderr, flush=True)
        try:
            if contender.name == BF16:
                found["ceiling_bf16"] = [_ceiling(arguments, "bf16")]
            figures = turn(contender, requests, plan, log=arguments.out / f"{contender.name}.log")
        except (TimeoutError, SystemExit, subprocess.CalledProcessError) as error:
            # The others' figures stand; the report says who is missing and why.
            found["failed"][contender.name] = str(error)
            print(error, file=sys.stderr)
            continue
        found[contender.name] = figures
        found["ceiling"].append(_ceiling(arguments, precision))
    return found


def _ceiling(arguments: argparse.Namespace, precision: str) -> dict[str, Any]:
    python = str(service_python(arguments.device, precision, cache=arguments.cache))
    command = [python, "-m", "benchmarks.serving.ceiling", "--bundle", str(arguments.bundle.resolve())]
    command += ["--device", arguments.device, "--precision", precision, "--seconds", str(min(3.0, arguments.seconds))]
    if arguments.sketches:
        command += ["--sketches", str(arguments.sketches.resolve())]
    output = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    found: dict[str, Any] = json.loads(output.stdout)
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=default_bundle_path())
    parser.add_argument("--gallery", type=Path, default=Path("demo/gallery"), help="built by index_builder")
    parser.add_argument("--sketches", type=Path, help="a folder of PNG files; default: benchmarks/pen_drawings.json")
    parser.add_argument("--out", type=Path, default=Path("runs/serving"))
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "sketch-search-benchmarks")
    parser.add_argument("--precision", default="default")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--contenders", nargs="+", choices=list(TITLES), default=list(TITLES))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each kind of load")
    parser.add_argument("--concurrency", type=int, default=8, help="clients that saturate")
    parser.add_argument("--deadline-ms", type=float, default=500.0, help="later answers do not count under overload")
    parser.add_argument(
        "--synthetic",
        type=int,
        metavar="PHOTOS",
        help="serve so many made-up vectors that lie like those of the gallery instead",
    )
    parser.add_argument(
        "--soak", type=float, metavar="MINUTES", help="80 %% load for so long: memory growth and errors"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
