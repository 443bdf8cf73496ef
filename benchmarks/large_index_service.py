"""The service on a large gallery beside the same service on a small one: time to readiness, memory, search times.

    python -m benchmarks.large_index_service --large DIR/gallery --small GALLERY --bundle BUNDLE --sketches DRAWINGS

Both galleries must be of the bundle. The small one gives the floor of the memory.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2

from index_builder.indexing.sketch_queries import find_sketches


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", type=Path, required=True)
    parser.add_argument("--small", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--sketches", type=Path, required=True)
    parser.add_argument("--port", type=int, default=8765)
    arguments = parser.parse_args()
    result = {name: measure(getattr(arguments, name), arguments) for name in ("small", "large")}
    above = result["large"]["peak_rss_mb"] - result["small"]["peak_rss_mb"]
    print(json.dumps({**result, "large_above_small_peak_rss_mb": above}, indent=2))


def measure(gallery: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    url = f"http://127.0.0.1:{arguments.port}"
    options = ["--gallery", gallery, "--bundle", arguments.bundle, "--port", arguments.port, "--log-level", "error"]
    start = time.perf_counter()
    with subprocess.Popen([sys.executable, "-m", "service", *map(str, options)]) as service:
        try:
            with httpx2.Client(timeout=30) as client:
                while not is_ready(client, url):
                    assert service.poll() is None, "the service did not start"
                    time.sleep(0.02)
                ready_seconds = time.perf_counter() - start
                rss_ready = status_mb(service.pid, "VmRSS")
                answers = [search(client, url, path) for path in find_sketches(arguments.sketches)]
            return {
                "photos": answers[0]["gallery"]["size"],
                "ready_seconds": round(ready_seconds, 2),
                "rss_ready_mb": rss_ready,
                "searches": len(answers),
                "rss_after_searches_mb": status_mb(service.pid, "VmRSS"),
                "peak_rss_mb": status_mb(service.pid, "VmHWM"),
                "of_that_mapped_files_mb": status_mb(service.pid, "RssFile"),
                "search_stage_median_ms": median_stage(answers, "search"),
                "encode_stage_median_ms": median_stage(answers, "encode"),
                "total_median_ms": median_stage(answers, "total"),
            }
        finally:
            service.terminate()


def is_ready(client: httpx2.Client, url: str) -> bool:
    try:
        return bool(client.get(url + "/readyz").status_code == 200)
    except httpx2.HTTPError:
        return False


def search(client: httpx2.Client, url: str, path: Path) -> dict[str, Any]:
    response = client.post(url + "/search", files={"sketch": (path.name, path.read_bytes())}, data={"k": "10"})
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    assert len(answer["results"]) == 10
    return answer


def median_stage(answers: list[dict[str, Any]], stage: str) -> float:
    return float(round(statistics.median(answer["timings_ms"][stage] for answer in answers), 3))


def status_mb(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith(name + ":")) * 1024 / 1e6)


if __name__ == "__main__":
    main()
