"""Does a gallery live? Rebuilds, swaps under load, kills and filters, each on data made here. Prints one JSON object.

rebuild  1 % of the photos change: the time of the build that follows as a share of the full one
swaps    generations are published while clients search over HTTP: failed answers, answers mixed of two generations
kills    a build is killed (SIGKILL) at random moments: photos embedded again although stored, different end results
filters  searches among 50 %, 1 % and 0.01 % of the photos: results, recall against NumPy, latency

    python -m benchmarks.living_gallery [--only rebuild swaps kills filters] [--photos 1000] [--swaps 20] [--kills 10]
"""

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.living_filters import filters
from benchmarks.living_kills import kills
from benchmarks.living_photos import timed_build, write_photo, write_photos
from benchmarks.start_up import is_ready
from service.search.readiness import built_in_sketch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--photos", type=int, default=1000, help="of the rebuild")
    parser.add_argument("--small-photos", type=int, default=150, help="of the swaps and the kills")
    parser.add_argument("--swaps", type=int, default=20)
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--vectors", type=int, default=100_000, help="of the filters")
    parser.add_argument("--queries", type=int, default=50, help="of the filters")
    parser.add_argument("--port", type=int, default=8766)
    arguments = parser.parse_args()
    results: dict[str, Any] = {"machine": f"{os.cpu_count()} cores, {platform.machine()}", "load": os.getloadavg()[0]}
    for part in arguments.only:
        with tempfile.TemporaryDirectory() as folder:
            results[part] = PARTS[part](Path(folder), arguments)
        print(json.dumps({part: results[part]}), file=sys.stderr)
    print(json.dumps(results, indent=2))


def rebuild(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    write_photos(folder / "photos", range(arguments.photos))
    full, full_seconds = timed_build(folder)
    changed = random.Random(0).sample(range(arguments.photos), max(1, arguments.photos // 100))
    for number in changed:
        write_photo(folder / "photos" / f"{number:06}.jpg", arguments.photos + number)
    again, again_seconds = timed_build(folder)
    unchanged, unchanged_seconds = timed_build(folder)
    assert not unchanged.published
    return {
        "photos": arguments.photos,
        "changed": len(changed),
        "encoded": [full.num_encoded, again.num_encoded, unchanged.num_encoded],
        "seconds": [round(s, 2) for s in (full_seconds, again_seconds, unchanged_seconds)],
        "share_of_full_build": round(again_seconds / full_seconds, 3),
    }


def swaps(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Every generation is marked in its metadata, so that a result tells which generation it came from."""
    write_photos(folder / "photos", range(arguments.small_photos))
    marks = {publish_marked(folder, 0, arguments.small_photos): 0}
    url = f"http://127.0.0.1:{arguments.port}"
    serve = [sys.executable, "-m", "service", "--gallery", str(folder / "gallery"), "--port", str(arguments.port)]
    with subprocess.Popen([*serve, "--gallery-poll-seconds", "0.05", "--log-level", "error"]) as service:
        try:
            while not is_ready(url):
                assert service.poll() is None, "the service did not start"
                time.sleep(0.1)
            answers = Answers(url)
            threads = [threading.Thread(target=answers.ask_on) for _ in range(arguments.clients)]
            for thread in threads:
                thread.start()
            for number in range(1, arguments.swaps + 1):
                marks[publish_marked(folder, number, arguments.small_photos)] = number
                answers.wait_for_more(2 * arguments.clients)
            answers.stop.set()
            for thread in threads:
                thread.join()
        finally:
            service.terminate()
    mixed = [marked for name, marked in answers.seen if marked != {marks.get(name)}]
    return {
        "swaps": arguments.swaps,
        "answers": len(answers.seen),
        "generations_seen": len({name for name, _ in answers.seen}),
        "failed": len(answers.failed),
        "mixed": len(mixed),
    }


class Answers:
    """Searches over and over, and keeps of each answer the generation that it names and the marks of its photos."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.stop = threading.Event()
        self.seen: list[tuple[str, set[int]]] = []
        self.failed: list[str] = []

    def ask_on(self) -> None:
        """Searches until `stop` is set."""
        with httpx2.Client(timeout=60) as client:
            while not self.stop.is_set():
                try:
                    response = client.post(
                        self.url + "/search",
                        files={"sketch": ("sketch.png", built_in_sketch())},
                        data={"k": "30", "filter": "mark>=0"},
                    )
                    response.raise_for_status()
                except httpx2.HTTPError as error:
                    self.failed.append(str(error))
                    continue
                answer = response.json()
                marked = {photo["metadata"]["mark"] for photo in answer["results"]}
                self.seen.append((answer["gallery"]["generation"], marked))

    def wait_for_more(self, num_answers: int) -> None:
        """Returns when so many further answers have come."""
        enough = len(self.seen) + len(self.failed) + num_answers
        while len(self.seen) + len(self.failed) < enough:
            time.sleep(0.01)


def publish_marked(folder: Path, mark: int, num_photos: int) -> str:
    table = folder / "metadata.csv"
    table.write_text("photo_id,mark\n" + "".join(f"{number:06},{mark}\n" for number in range(num_photos)))
    return timed_build(folder, metadata=table)[0].generation


PARTS = {"rebuild": rebuild, "swaps": swaps, "kills": kills, "filters": filters}

if __name__ == "__main__":
    main()
