"""Mixed load with a new generation of the gallery every so often: do memory and file descriptors stay flat?

Prints a line with the service's resources every 30 s and one JSON object at the end. Memory is judged after the first
quarter, in which caches fill: the slope of a straight line through the readings, and the highest against the first.

    python -m benchmarks.reliability.soak [--minutes 60] [--per-second 5] [--reload-seconds 60]
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.reliability.running_service import Resources, RunningService, make_gallery, publish_marked, running
from benchmarks.reliability.traffic import Visitors

_READ_EVERY_SECONDS = 30.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--per-second", type=float, default=5)
    parser.add_argument("--visitors", type=int, default=4)
    parser.add_argument("--reload-seconds", type=float, default=60)
    parser.add_argument("--photos", type=int, default=150)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        gallery = make_gallery(folder, num_photos=arguments.photos)
        with running(gallery, "--log-level", "error") as service:
            print(json.dumps(soak(service, folder, arguments), indent=2))


def soak(service: RunningService, folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    visitors = Visitors(service.url)
    visitors.start(arguments.visitors, per_second=arguments.per_second)
    started = time.monotonic()
    readings: list[tuple[float, Resources]] = []
    num_reloads, reload_at, read_at = 0, arguments.reload_seconds, 0.0
    while (elapsed := time.monotonic() - started) < 60 * arguments.minutes:
        if elapsed >= reload_at:
            num_reloads += 1
            reload_at += arguments.reload_seconds
            publish_marked(folder, num_reloads, num_photos=arguments.photos)
        if elapsed >= read_at:
            read_at += _READ_EVERY_SECONDS
            readings.append((elapsed / 60, service.resources()))
            print(f"{elapsed:7.0f} s {len(visitors.answers):7} answers {readings[-1][1]}", file=sys.stderr, flush=True)
        time.sleep(0.5)
    visitors.stop.set()
    return {"minutes": arguments.minutes, "reloads": num_reloads, **summary(visitors, readings)}


def per_hour(minutes: list[float], megabytes: list[float]) -> float:
    """The slope of a straight line through readings."""
    return round(60 * statistics.linear_regression(minutes, megabytes).slope, 1) if len(minutes) > 1 else 0.0


def summary(visitors: Visitors, readings: list[tuple[float, Resources]]) -> dict[str, Any]:
    settled = readings[len(readings) // 4 :]
    minutes = [minute for minute, _ in settled]
    megabytes, own = [each.rss_mb for _, each in settled], [each.own_mb for _, each in settled]
    fds = [each.num_fds for _, each in settled]
    unexpected = [answer for answer in visitors.answers if not answer.as_expected]
    return {
        "answers": len(visitors.answers),
        "by_status": dict(Counter(str(answer.status) for answer in visitors.answers)),
        "unexpected": Counter(f"{answer.kind} {answer.status}" for answer in unexpected),
        "rss_mb": {"first": round(megabytes[0]), "last": round(megabytes[-1]), "highest": round(max(megabytes))},
        "rss_mb_per_hour": per_hour(minutes, megabytes),
        "own_mb": {"first": round(own[0], 1), "last": round(own[-1], 1), "highest": round(max(own), 1)},
        "own_mb_per_hour": per_hour(minutes, own),
        "own_mb_per_hour_of_the_last_half": per_hour(minutes[len(own) // 3 :], own[len(own) // 3 :]),
        "fds": {"first": fds[0], "last": fds[-1], "lowest": min(fds), "highest": max(fds)},
        "processes": sorted({each.num_processes for _, each in settled}),
    }


if __name__ == "__main__":
    main()
