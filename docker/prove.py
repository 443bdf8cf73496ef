"""Repeats what is claimed about the containers: builds the CPU image from a fresh clone, starts it with Compose, asks.

    python docker/prove.py [--items 800] [--compose podman-compose] [--keep]

Needs podman, buildah and podman-compose, and about a gigabyte. Every claim is one line; the first that does not hold
ends the run with status 1. Not covered: Docker itself, GPUs, and images that have to be pulled (Prometheus, Grafana).
"""

import argparse
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROJECT = "sketch-search-proof"
PORT = 18080
BASE = "docker.io/library/python:3.11-slim-bookworm"
MAX_IMAGE_MB = 450
MAX_SECOND_START_SECONDS = 5.0


def main() -> int:
    """Runs all checks; returns the exit status."""
    given = _arguments()
    missing = [name for name in ("podman", "buildah", given.compose) if shutil.which(name) is None]
    if missing:
        print(f"{', '.join(missing)} not found; install it first.", file=sys.stderr)
        return 2
    with _fresh_clone() as clone:
        proof = Proof(clone, given.compose, given.items)
        try:
            proof.run()
        except AssertionError as error:
            print(f"FAILED  {error}\n{proof.logs()}", file=sys.stderr)
            return 1
        finally:
            if not given.keep:
                proof.clean_up()
    print("everything claimed holds")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Repeats what is claimed about the containers.")
    parser.add_argument("--items", type=int, default=800, help="products in the demo catalogue")
    parser.add_argument("--compose", default="podman-compose", help="the program that reads docker-compose.yml")
    parser.add_argument("--keep", action="store_true", help="leave containers and volumes as they are at the end")
    return parser.parse_args()


@contextmanager
def _fresh_clone() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "sketch-search"
        here = Path(__file__).resolve().parents[1]
        subprocess.run(["git", "clone", "--quiet", str(here), str(clone)], check=True)
        yield clone


class Proof:
    """The claims, in the order in which a newcomer would meet them."""

    def __init__(self, clone: Path, compose: str, items: int) -> None:
        self._clone = clone
        self._compose = [compose, "-p", PROJECT]
        self._items = items
        self._tag = f"proof-{secrets.token_hex(3)}"
        self._image = f"localhost/sketch-search:{self._tag}"
        self._photos = ""

    def run(self) -> None:
        """Checks everything."""
        self.clean_up()
        self._builds()
        self._demo_starts()
        self._is_confined()
        self._sketches_are_answered()
        generation = self._generation()
        self._restart_keeps_the_gallery(generation)
        self._second_start(generation)
        self._own_photos()
        self._forgotten_photos_are_refused()

    def _builds(self) -> None:
        started = time.monotonic()
        command = ["buildah", "bud", "--isolation", "chroot", "--network", "host", "--layers", "--format", "docker"]
        self._run([*command, "-t", self._image, "-f", "docker/Dockerfile", "."])
        megabytes = (self._size(self._image) - self._size(BASE)) / 1e6
        _claim(megabytes <= MAX_IMAGE_MB, f"the CPU image is {megabytes:.0f} MB over its base")
        _say(f"built in {time.monotonic() - started:.0f} s")
        script = "import importlib.util as u; print([n for n in ('torch', 'timm', 'uv', 'pip') if u.find_spec(n)])"
        found = self._inside(self._image, "python", "-c", script)
        _claim(found == "[]", f"of torch, timm, uv and pip the environment of the image holds {found}")
        compilers = self._inside(self._image, "sh", "-c", "command -v cc gcc g++ make || true")
        _claim(not compilers, f"there is no compiler: {compilers or 'none'}")
        bill = json.loads(self._inside(self._image, "cat", "/opt/venv/sbom.cdx.json"))
        names = {component["name"] for component in bill["components"]}
        _claim({"faiss-cpu", "onnxruntime", "fastapi"} <= names, f"its bill of materials lists {len(names)} packages")

    def _demo_starts(self) -> None:
        seconds = self._up(wait_seconds=1800)
        size = self._get("/info")["gallery"]["size"]
        _claim(size == self._items, f"the first start rendered, indexed and served {size} photos in {seconds:.0f} s")
        log = self._run(["podman", "logs", self._container("index")])
        lines = [line for line in log.splitlines() if "items/s" in line or "photos/s" in line]
        _claim(bool(lines), f"the log shows progress: {lines[-1] if lines else log}")
        page = self._fetch("/")
        _claim(b"<canvas" in page, "the page is served")

    def _is_confined(self) -> None:
        status = self._exec("cat", "/proc/1/status")
        facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        _claim(facts["Uid"].split()[0] == "10001", "the service runs as user 10001")
        _claim(int(facts["CapEff"], 16) == 0 and facts["NoNewPrivs"] == "1", "without capabilities or new privileges")
        for path in ("/app/x", "/opt/venv/x", "/galleries/x", "/photos/x", "/etc/x"):
            done = subprocess.run(["podman", "exec", self._container("service"), "touch", path], capture_output=True)
            _claim(done.returncode != 0, f"it cannot write {path}")
        self._exec("ready")
        _say("its health check succeeds")

    def _sketches_are_answered(self) -> None:
        found = 0
        names = self._exec("sh", "-c", "cd /demo/*/sketches && ls -d */*-1.png | sort | head -n 400").split()
        sample = names[:: max(1, len(names) // 20)][:20]
        for name in sample:
            sketch = subprocess.run(
                ["podman", "exec", self._container("service"), "sh", "-c", f"cat /demo/*/sketches/{name}"],
                capture_output=True,
                check=True,
            ).stdout
            answer = self._search(sketch)
            found += name.removesuffix("-1.png") in [result["photo_id"] for result in answer["results"]]
        _claim(found >= len(sample) // 2, f"{found} of {len(sample)} sketches find their photo among the first 12")
        best = answer["results"][0]
        for url in (best["photo_url"], best["thumbnail_url"]):
            _claim(len(self._fetch(url)) > 500, f"{url} is an image")

    def _restart_keeps_the_gallery(self, generation: str) -> None:
        self._run(["podman", "restart", self._container("service")])
        self._wait(60)
        _claim(self._generation() == generation, f"after a restart it serves the same generation, {generation}")

    def _second_start(self, generation: str) -> None:
        self._run([*self._compose, "down"])
        seconds = self._up(wait_seconds=120)
        _claim(seconds <= MAX_SECOND_START_SECONDS, f"down and up again is ready after {seconds:.1f} s")
        _claim(self._generation() == generation, "with the same generation")

    def _own_photos(self) -> None:
        self._run([*self._compose, "down"])
        photos = self._clone / "photos"
        photos.mkdir()
        copy = f"cd /demo/{self._items}/photos && tar -c $(ls -d */*.jpg | head -n 30)"
        command = ["podman", "run", "--rm", "-v", f"{PROJECT}_demo:/demo:ro", self._image, "sh", "-c", copy]
        archive = subprocess.run(command, capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x", "-C", str(photos)], input=archive, check=True)
        self._photos = "./photos"
        seconds = self._up(wait_seconds=300, size=30)
        _claim(self._get("/info")["gallery"]["size"] == 30, f"PHOTOS=./photos serves 30 own photos in {seconds:.1f} s")
        photo = next(photos.glob("*/*.jpg"))
        served = self._fetch(f"/photos/{photo.parent.name}/{photo.stem}")
        _claim(served == photo.read_bytes(), "and hands out exactly the file of the folder")

    def _forgotten_photos_are_refused(self) -> None:
        self._run([*self._compose, "down"])
        self._photos = ""
        environment = {**os.environ, **self._settings()}
        subprocess.run([*self._compose, "up", "-d"], cwd=self._clone, env=environment, capture_output=True)
        self._run(["podman", "wait", self._container("index")])
        log = self._run(["podman", "logs", self._container("index")])
        _claim("PHOTOS is not set now" in log, "without PHOTOS the gallery of own photos is not replaced by the demo")

    def _up(self, *, wait_seconds: float, size: int | None = None) -> float:
        started = time.monotonic()
        self._run([*self._compose, "up", "-d"])
        self._wait(wait_seconds, size=size)
        return time.monotonic() - started

    def _wait(self, seconds: float, *, size: int | None = None) -> None:
        """Until a search is answered, from a gallery of that size if one is given."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                found = self._get("/readyz")["gallery"]["size"]
            except OSError:
                found = None
            if found is not None and size in (None, found):
                return
            time.sleep(0.05)
        raise AssertionError(f"the service was not ready within {seconds:.0f} s")

    def _generation(self) -> str:
        return str(self._get("/info")["gallery"]["generation"])

    def _search(self, sketch: bytes) -> dict[str, Any]:
        boundary = secrets.token_hex(16)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="sketch"; filename="s.png"\r\n\r\n'.encode()
        body = head + sketch + f"\r\n--{boundary}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        answer: dict[str, Any] = json.loads(self._fetch("/search", body, headers))
        return answer

    def _get(self, path: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._fetch(path))
        return answer

    def _fetch(self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
        request = urllib.request.Request(f"http://127.0.0.1:{PORT}{path}", body, headers or {})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return bytes(answer.read())

    def _settings(self) -> dict[str, str]:
        photos = {"PHOTOS": self._photos} if self._photos else {}
        return {"TAG": self._tag, "PORT": str(PORT), "DEMO_ITEMS": str(self._items), **photos}

    def _run(self, command: list[str]) -> str:
        environment = {**os.environ, **self._settings()}
        done = subprocess.run(command, cwd=self._clone, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(command)} ended with status {done.returncode}:\n{done.stderr[-2000:]}"
        return (done.stdout + done.stderr).strip()

    def _exec(self, *command: str) -> str:
        done = subprocess.run(["podman", "exec", self._container("service"), *command], capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(command)} in the service: {done.stderr}"
        return done.stdout.strip()

    def _inside(self, image: str, *command: str) -> str:
        done = subprocess.run(["podman", "run", "--rm", "--read-only", image, *command], capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(command)} in {image}: {done.stderr}"
        return done.stdout.strip()

    def _size(self, image: str) -> int:
        return int(self._run(["podman", "image", "inspect", "--format", "{{.Size}}", image]).splitlines()[0])

    def _container(self, service: str) -> str:
        return f"{PROJECT}_{service}_1"

    def logs(self) -> str:
        """The last lines of both containers."""
        texts = []
        for service in ("index", "service"):
            command = ["podman", "logs", "--tail", "20", self._container(service)]
            done = subprocess.run(command, capture_output=True, text=True)
            texts.append(f"--- {service}\n{done.stdout}{done.stderr}")
        return "\n".join(texts)

    def clean_up(self) -> None:
        """Removes containers, volumes and the image of an earlier or of this run."""
        for service in ("service", "index"):
            subprocess.run(["podman", "rm", "--force", "--ignore", self._container(service)], capture_output=True)
        for volume in ("demo", "galleries", "runs"):
            subprocess.run(["podman", "volume", "rm", "--force", f"{PROJECT}_{volume}"], capture_output=True)
        subprocess.run(["podman", "rmi", "--ignore", self._image], capture_output=True)


def _claim(holds: bool, sentence: str) -> None:
    assert holds, sentence
    print(f"ok      {sentence}", flush=True)


def _say(sentence: str) -> None:
    print(f"        {sentence}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
