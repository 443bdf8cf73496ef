"""Proves the GPU image on a machine that has a GPU: builds it, makes sure that the GPU is used, compares with the CPU.

    python tools/prove_gpu.py [--items 60] [--rows 200000]

Needs Docker with Compose, an NVIDIA driver for CUDA 13, the NVIDIA Container Toolkit and 10 GB of disk. Every claim is
one line; the first that does not hold ends the run with status 1. The last line but one holds the figures as JSON. With
other programs: --engine podman --compose podman-compose.
"""

import argparse
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from compose_project import ComposeProject, claim, fresh_clone, say

PROJECT = "sketch-search-gpu-proof"
PORT = 18081
IMAGE = "sketch-search:gpu-proof"
CPU_SETTINGS = {"SKETCH_SEARCH_DEVICE": "cpu", "SKETCH_SEARCH_INDEX_DEVICE": "cpu", "SKETCH_SEARCH_PRECISION": "fp32"}
GPU_SETTINGS = {"SKETCH_SEARCH_DEVICE": "cuda", "SKETCH_SEARCH_INDEX_DEVICE": "cuda", "SKETCH_SEARCH_PRECISION": "fp32"}
MAX_SCORE_DIFFERENCE = 2e-3  # encoders round differently on the two devices; the search itself does not


def main() -> int:
    """Runs all checks; returns the exit status."""
    parser = argparse.ArgumentParser(description="Proves the GPU image on a machine that has a GPU.")
    parser.add_argument("--items", type=int, default=60, help="products in the demo catalogue")
    parser.add_argument("--rows", type=int, default=200_000, help="size of the gallery whose search is compared")
    parser.add_argument("--engine", choices=["docker", "podman"], default="docker", help="what runs containers")
    parser.add_argument("--compose", default="docker compose", help="what reads docker-compose.yml")
    given = parser.parse_args()
    compose = shlex.split(given.compose)
    needed = dict.fromkeys(["nvidia-smi", given.engine, compose[0]])
    missing = [name for name in needed if shutil.which(name) is None]
    if missing:
        print(f"{', '.join(missing)} not found: nothing was proved; this needs a machine with a GPU.", file=sys.stderr)
        return 2
    with fresh_clone() as clone:
        proof = GpuProof(clone, given.engine, compose, given.items)
        try:
            proof.run(rows=given.rows)
        except AssertionError as error:
            print(f"FAILED  {error}\n{proof.project.last_lines('index-gpu', 'service-gpu')}", file=sys.stderr)
            return 1
        finally:
            proof.project.remove()
    print("everything claimed holds")
    return 0


class GpuProof:
    """The claims about the GPU image."""

    def __init__(self, clone: Path, engine: str, compose: list[str], items: int) -> None:
        self.project = ComposeProject(clone, name=PROJECT, port=PORT, compose=compose, engine=engine)
        self.project.settings |= {"TAG_GPU": "gpu-proof", "DEMO_ITEMS": str(items)}
        self._engine = engine
        self._items = items

    def run(self, *, rows: int) -> None:
        """Checks everything."""
        self.project.remove()
        started = time.monotonic()
        self.project.compose("--profile", "gpu", "build", "index-gpu")
        say(f"built in {time.monotonic() - started:.0f} s")
        self._refuses_without_a_gpu()
        self._answers_inside_the_image(rows)
        self._service_answers_as_on_the_cpu()

    def _refuses_without_a_gpu(self) -> None:
        command = ["run", "--rm", "--read-only", IMAGE, "python", "-m", "service", "--device", "cuda"]
        done = subprocess.run([self._engine, *command], capture_output=True, text=True)
        refused = done.returncode != 0 and "Device cuda was asked for" in done.stderr
        claim(refused, f"without a GPU the image refuses: {done.stderr.strip().splitlines()[-1]}")

    def _answers_inside_the_image(self, rows: int) -> None:
        devices = ["--gpus", "all"] if self._engine == "docker" else ["--device", "nvidia.com/gpu=all"]
        command = [self._engine, "run", "--rm", "-i", "--read-only", "--tmpfs", "/tmp", *devices, IMAGE]
        checks = (Path(__file__).parent / "gpu_checks.py").read_bytes()
        done = subprocess.run([*command, "python", "-", "--rows", str(rows)], input=checks, capture_output=True)
        print(done.stdout.decode(), end="", flush=True)
        assert done.returncode == 0, done.stderr.decode()[-2000:]

    def _service_answers_as_on_the_cpu(self) -> None:
        answers = {}
        for name, settings in (("cuda", GPU_SETTINGS), ("cpu", CPU_SETTINGS)):
            self.project.settings |= settings
            seconds = self.project.up(
                "--profile", "gpu", "up", "-d", "service-gpu", wait_seconds=1800, size=self._items
            )
            info = self.project.get("/info")
            where = (info["model"]["provider"], info["gallery"]["index_device"])
            claim(where == (f"{name.upper()}ExecutionProvider", name), f"with {name}, it runs on {' and '.join(where)}")
            say(f"ready after {seconds:.1f} s")
            answers[name] = self._answers()
            self.project.down()
        pairs = list(zip(answers["cuda"], answers["cpu"], strict=True))
        worst = max(abs(a[photo] - b[photo]) for a, b in pairs for photo in a.keys() & b.keys())
        claim(worst <= MAX_SCORE_DIFFERENCE, f"scores of both differ by at most {worst:.1e} in {len(pairs)} answers")
        first = sum(next(iter(a)) == next(iter(b)) for a, b in pairs)
        claim(first >= len(pairs) - 1, f"the first photo is the same in {first} of {len(pairs)} answers")

    def _answers(self) -> list[dict[str, float]]:
        """For each of twenty sketches the photos found, best first, with their scores."""
        service, script = "service-gpu", "cd /demo/*/sketches && ls -d */*-1.png | sort"
        names = self.project.exec(service, "sh", "-c", script).decode().split()
        found = []
        for name in names[:: max(1, len(names) // 20)][:20]:
            sketch = self.project.exec(service, "sh", "-c", f"cat /demo/*/sketches/{name}")
            results = self.project.search(sketch)["results"]
            found.append({result["photo_id"]: result["score"] for result in results})
        return found


if __name__ == "__main__":
    sys.exit(main())
