"""Do the service's answers equal the offline evaluator's ranking? Real photos, real sketches, real HTTP.

Builds a gallery of the test photos of a dataset plus a folder of further photos, starts the service on it, sends every
test sketch through POST /search asking for the whole gallery, and compares each ranking with the one that
`training.evaluation.evaluate` computes from the same bundle. Once for every precision of the bundle. Prints one JSON
object.

    python -m benchmarks.http_ranking --bundle runs/shoes/bundle --data DATA --distractors PHOTOS
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2
import numpy as np

from model.bundle import read_bundle
from training.data.dataset import read_split
from training.data.photos import photo_files
from training.evaluation.evaluate import Evaluation, evaluate_bundle
from training.evaluation.metrics import summarise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--distractors", type=Path, required=True)
    parser.add_argument("--port", type=int, default=8765)
    arguments = parser.parse_args()
    bundle = read_bundle(arguments.bundle)
    split = read_split(arguments.data, "test")
    distractors = photo_files(arguments.distractors)
    results = {}
    for precision in bundle.precisions("sketch"):
        offline = evaluate_bundle(bundle, split, device="cpu", precision=precision, distractors=distractors)
        with tempfile.TemporaryDirectory() as folder:
            answers = answers_over_http(offline, arguments.bundle, precision, Path(folder), arguments.port)
        results[precision] = compare(offline, answers)
    print(json.dumps(results, indent=2))


def answers_over_http(
    offline: Evaluation, bundle: Path, precision: str, folder: Path, port: int
) -> list[dict[str, Any]]:
    """Builds the gallery, serves it and returns one answer a query."""
    photos = folder / "photos"
    photos.mkdir()
    for row, photo in enumerate(offline.gallery):
        (photos / f"{row:06d}{photo.suffix}").symlink_to(photo.resolve())
    build = [sys.executable, "-m", "index_builder", "--gallery", str(photos), "--out", str(folder / "gallery")]
    subprocess.run([*build, "--bundle", str(bundle), "--precision", precision, "--device", "cpu"], check=True)
    serve = [sys.executable, "-m", "service", "--gallery", str(folder / "gallery"), "--bundle", str(bundle)]
    environment = os.environ | {"SKETCH_SEARCH_MAX_K": str(len(offline.gallery)), "SKETCH_SEARCH_LOG_LEVEL": "error"}
    server = subprocess.Popen(
        [*serve, "--precision", precision, "--device", "cpu", "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            wait_until_ready(client)
            return [ask(client, query, len(offline.gallery)) for query in offline.queries]
    finally:
        server.terminate()
        server.wait(30)


def wait_until_ready(client: httpx2.Client) -> None:
    for _ in range(300):
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit("The service did not become ready within 30 s.")


def ask(client: httpx2.Client, query: Path, k: int) -> dict[str, Any]:
    response = client.post("/search", files={"sketch": (query.name, query.read_bytes())}, data={"k": str(k)})
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer


def compare(offline: Evaluation, answers: list[dict[str, Any]]) -> dict[str, Any]:
    """How many rankings are identical, how far scores differ, and the accuracy of the HTTP answers themselves."""
    rows = [[int(result["photo_id"]) for result in answer["results"]] for answer in answers]
    scores = np.array([[result["score"] for result in answer["results"]] for answer in answers])
    expected = np.argsort(-offline.scores, axis=1, kind="stable")
    differing = (np.array(rows) != expected).any(axis=1)
    own = np.array([row.index(target) for row, target in zip(rows, offline.targets.tolist(), strict=True)])
    return {
        "gallery": len(offline.gallery),
        "queries": len(answers),
        "identical_rankings": int((~differing).sum()),
        "largest_score_difference": float(np.abs(np.take_along_axis(offline.scores, expected, 1) - scores).max()),
        "http": summarise(own + 1),
        "offline": {name: offline.summary[name] for name in ("acc@1", "acc@5", "acc@10", "mean_rank")},
        "median_ms": {
            stage: round(statistics.median(answer["timings_ms"][stage] for answer in answers), 2)
            for stage in answers[0]["timings_ms"]
        },
    }


if __name__ == "__main__":
    main()
