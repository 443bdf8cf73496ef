"""Uploads every hostile file to a running service: refused with a 4xx, in a second, in 200 MB of further memory?

Each file is sent alone; memory is the highest of the service's processes while it was answered, above what they held
before. Prints one JSON object with the slowest, the largest, and all that broke a bound; ends with status 1 if one did.

    python -m benchmarks.reliability.hostile_uploads [--seconds 1] [--megabytes 200]
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx2

from benchmarks.reliability.hostile_images import hostile_files
from benchmarks.reliability.running_service import RunningService, make_gallery, running
from benchmarks.reliability.traffic import drawing


@dataclass(frozen=True)
class Refusal:
    """How one upload was answered."""

    name: str
    status: int
    code: str
    seconds: float
    megabytes: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--megabytes", type=float, default=200.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        gallery = make_gallery(Path(name), num_photos=20)
        with running(gallery, "--log-level", "error") as service, httpx2.Client(timeout=60) as client:
            for seed in range(20):
                upload(service, client, f"warm-up {seed}", drawing(seed, size_px=1000))
            refusals = [upload(service, client, name, data) for name, data in hostile_files()]
            alive = client.get(service.url + "/readyz").status_code
    broken = [
        each
        for each in refusals
        if not (
            400 <= each.status < 500 and each.seconds <= arguments.seconds and each.megabytes <= arguments.megabytes
        )
    ]
    seconds = [each.seconds for each in refusals]
    result = {
        "files": len(refusals),
        "by_status": Counter(str(each.status) for each in refusals),
        "by_code": Counter(each.code for each in refusals),
        "seconds": {"median": round(statistics.median(seconds), 4), "highest": round(max(seconds), 3)},
        "slowest": [asdict(each) for each in sorted(refusals, key=lambda each: -each.seconds)[:5]],
        "largest": [asdict(each) for each in sorted(refusals, key=lambda each: -each.megabytes)[:5]],
        "broken": [asdict(each) for each in broken],
        "ready_afterwards": alive == 200,
    }
    print(json.dumps(result, indent=2))
    sys.exit(bool(broken) or alive != 200)


def upload(service: RunningService, client: httpx2.Client, name: str, data: bytes) -> Refusal:
    """Sends one file, and measures."""
    service.reset_peak()
    before = service.resources().rss_mb
    started = time.perf_counter()
    try:
        response = client.post(service.url + "/search", files={"sketch": ("sketch", data)})
        status, answer = response.status_code, response.json()
    except httpx2.HTTPError as error:
        status, answer = 0, {"error": {"code": type(error).__name__}}
    seconds = time.perf_counter() - started
    code = answer.get("error", {}).get("code", "answered")
    return Refusal(name, status, code, round(seconds, 4), round(service.peak_rss_mb() - before, 1))


if __name__ == "__main__":
    main()
