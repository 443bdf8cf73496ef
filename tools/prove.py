"""Repeats what is claimed about the containers: builds the CPU image from a fresh clone, starts it with Compose, asks.

    python tools/prove.py [--items 800] [--compose podman-compose] [--keep]

Needs podman, buildah and podman-compose, and about a gigabyte. Every claim is one line; the first that does not hold
ends the run with status 1. Not covered: Docker itself, GPUs, and images that have to be pulled (Prometheus, Grafana).
"""

import argparse
import json
import secrets
import shutil
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from compose_project import ComposeProject, claim, fresh_clone, say

PROJECT = "sketch-search-proof"
PORT = 18080
BASE = "docker.io/library/python:3.11-slim-bookworm"
MAX_IMAGE_MB = 450
MAX_SECOND_START_SECONDS = 5.0
NUM_SECOND_STARTS = 3


def main() -> int:
    """Runs all checks; returns the exit status."""
    given = _arguments()
    missing = [name for name in ("podman", "buildah", given.compose) if shutil.which(name) is None]
    if missing:
        print(f"{', '.join(missing)} not found; install it first.", file=sys.stderr)
        return 2
    with fresh_clone() as clone:
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


class Proof:
    """The claims, in the order in which a newcomer would meet them."""

    def __init__(self, clone: Path, compose: str, items: int) -> None:
        self._compose = ComposeProject(clone, name=PROJECT, port=PORT, compose=[compose])
        self._items = items
        tag = f"proof-{secrets.token_hex(3)}"
        self._image = f"localhost/sketch-search:{tag}"
        self._compose.settings |= {"TAG": tag, "DEMO_ITEMS": str(items)}
        self._knows_profiles = "--profile" in subprocess.run([compose, "--help"], capture_output=True, text=True).stdout

    def run(self) -> None:
        """Checks everything."""
        self.clean_up()
        self._builds()
        self._a_change_of_code_installs_nothing()
        self._demo_starts()
        self._is_confined()
        self._sketches_are_answered()
        generation = self._compose.generation()
        self._restart_keeps_the_gallery(generation)
        seconds = [self._second_start(generation) for _ in range(NUM_SECOND_STARTS)]
        self._own_photos()
        self._watch_follows_the_folder()
        self._forgotten_photos_are_refused()
        median = statistics.median(seconds)  # at the end, because a busy machine must not hide what comes before
        each = ", ".join(f"{second:.1f}" for second in seconds)
        claim(median <= MAX_SECOND_START_SECONDS, f"down and up again is ready after {median:.1f} s ({each})")

    def _builds(self) -> None:
        started = time.monotonic()
        self._build(self._image)
        megabytes = (self._size(self._image) - self._size(BASE)) / 1e6
        claim(megabytes <= MAX_IMAGE_MB, f"the CPU image is {megabytes:.0f} MB over its base")
        say(f"built in {time.monotonic() - started:.0f} s")
        script = "import importlib.util as u; print([n for n in ('torch', 'timm', 'uv', 'pip') if u.find_spec(n)])"
        found = self._inside(self._image, "python", "-c", script)
        claim(found == "[]", f"of torch, timm, uv and pip the environment of the image holds {found}")
        compilers = self._inside(self._image, "sh", "-c", "command -v cc gcc g++ make || true")
        claim(not compilers, f"there is no compiler: {compilers or 'none'}")
        bill = json.loads(self._inside(self._image, "cat", "/opt/venv/sbom.cdx.json"))
        names = {component["name"] for component in bill["components"]}
        claim({"faiss-cpu", "onnxruntime", "fastapi"} <= names, f"its bill of materials lists {len(names)} packages")
        labels = json.loads(self._inspect(self._image, "{{json .Config.Labels}}"))
        said = {name.rpartition(".")[2] for name in labels if name.startswith("org.opencontainers.image.")}
        claim({"title", "licenses", "version", "revision"} <= said, f"its labels say {', '.join(sorted(said))}")

    def _a_change_of_code_installs_nothing(self) -> None:
        before = self._layers(self._image)
        with (self._compose.clone / "service" / "app.py").open("a") as file:
            file.write("# a change\n")
        self._build(self._image + "-changed")
        after = self._layers(self._image + "-changed")
        same = next(i for i, (old, new) in enumerate(zip(before, after, strict=True)) if old != new)
        claim(
            same == len(before) - 1, f"a change of code replaces 1 of {len(before)} layers, the one that holds the code"
        )
        self._compose.run(["git", "checkout", "--quiet", "service/app.py"])

    def _demo_starts(self) -> None:
        seconds = self._compose.up(wait_seconds=1800)
        size = self._compose.get("/info")["gallery"]["size"]
        claim(size == self._items, f"the first start rendered, indexed and served {size} photos in {seconds:.0f} s")
        log = self._compose.log("index")
        lines = [line for line in log.splitlines() if "items/s" in line or "photos/s" in line]
        claim(bool(lines), f"the log shows progress: {lines[-1] if lines else log}")
        page = self._compose.fetch("/")
        claim(b"<canvas" in page, "the page is served")

    def _is_confined(self) -> None:
        status = self._exec("cat", "/proc/1/status")
        facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        claim(facts["Uid"].split()[0] == "10001", "the service runs as user 10001")
        claim(int(facts["CapEff"], 16) == 0 and facts["NoNewPrivs"] == "1", "without capabilities or new privileges")
        for path in ("/app/x", "/opt/venv/x", "/galleries/x", "/photos/x", "/etc/x"):
            claim(self._compose.fails_inside("service", "touch", path), f"it cannot write {path}")
        self._exec("ready")
        say("its health check succeeds")

    def _sketches_are_answered(self) -> None:
        found = 0
        names = self._exec("sh", "-c", "cd /demo/*/sketches && ls -d */*-1.png | sort | head -n 400").split()
        sample = names[:: max(1, len(names) // 20)][:20]
        for name in sample:
            answer = self._compose.search(self._compose.exec("service", "sh", "-c", f"cat /demo/*/sketches/{name}"))
            found += name.removesuffix("-1.png") in [result["photo_id"] for result in answer["results"]]
        claim(found >= len(sample) // 2, f"{found} of {len(sample)} sketches find their photo among the first 12")
        best = answer["results"][0]
        for url in (best["photo_url"], best["thumbnail_url"]):
            claim(len(self._compose.fetch(url)) > 500, f"{url} is an image")

    def _restart_keeps_the_gallery(self, generation: str) -> None:
        self._restart("service")
        self._compose.wait(60)
        claim(self._compose.generation() == generation, f"after a restart it serves the same generation, {generation}")

    def _second_start(self, generation: str) -> float:
        self._compose.down()
        seconds = self._compose.up(wait_seconds=120)
        claim(self._compose.generation() == generation, f"down and up again serves it too, after {seconds:.1f} s")
        return seconds

    def _own_photos(self) -> None:
        self._compose.down()
        photos = self._compose.clone / "photos"
        photos.mkdir()
        copy = f"cd /demo/{self._items}/photos && tar -c $(ls -d */*.jpg | head -n 30)"
        command = ["podman", "run", "--rm", "-v", f"{PROJECT}_demo:/demo:ro", self._image, "sh", "-c", copy]
        archive = subprocess.run(command, capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x", "-C", str(photos)], input=archive, check=True)
        self._compose.settings["PHOTOS"] = "./photos"
        seconds = self._compose.up(wait_seconds=300, size=30)
        size = self._compose.get("/info")["gallery"]["size"]
        claim(size == 30, f"PHOTOS=./photos serves {size} own photos in {seconds:.1f} s")
        photo = next(photos.glob("*/*.jpg"))
        served = self._compose.fetch(f"/photos/{photo.parent.name}/{photo.stem}")
        claim(served == photo.read_bytes(), "and hands out exactly the file of the folder")

    def _watch_follows_the_folder(self) -> None:
        if not self._knows_profiles:
            say("this Compose program knows no profiles: watch was not started")
            return
        photos = self._compose.clone / "photos"
        self._compose.up("--profile", "watch", "up", "-d", wait_seconds=120, size=30)
        self._wait_for_log("watch", "Watching")
        status = self._compose.exec("watch", "cat", "/proc/1/status").decode()
        claim("Uid:\t10001" in status, "watch runs as user 10001")
        claim(self._compose.fails_inside("watch", "touch", "/photos/x"), "it cannot write the photos")
        first = next(photos.glob("*/*.jpg"))
        copy = first.with_name("added.jpg")
        shutil.copy(next(path for path in photos.glob("*/*.jpg") if path != first), copy)
        claim(True, f"a photo put into the folder is searchable after {self._seconds_until(31):.1f} s")
        copy.unlink()
        claim(True, f"a photo taken out is gone after {self._seconds_until(30):.1f} s")
        self._restart("watch")
        shutil.copy(first, copy)
        claim(True, f"after a restart of watch, another is searchable after {self._seconds_until(31):.1f} s")
        self._compose.compose("--profile", "watch", "down")

    def _seconds_until(self, size: int) -> float:
        started = time.monotonic()
        self._compose.wait(120, size=size)
        return time.monotonic() - started

    def _wait_for_log(self, service: str, words: str) -> None:
        end = time.monotonic() + 60
        while words not in self._compose.log(service):
            assert time.monotonic() < end, f"{service} did not say {words!r}"
            time.sleep(0.2)

    def _forgotten_photos_are_refused(self) -> None:
        self._compose.down()
        del self._compose.settings["PHOTOS"]
        with suppress(AssertionError):  # some Compose programs end with the status of the step that refuses
            self._compose.compose("up", "-d")
        self._compose.run(["podman", "wait", self._compose.container("index")])
        log = self._compose.log("index")
        claim("PHOTOS is not set now" in log, "without PHOTOS the gallery of own photos is not replaced by the demo")

    def _restart(self, service: str) -> None:
        # podman restart refuses where what the container depends on has ended, as the index step has.
        for verb in ("stop", "start"):
            self._compose.run(["podman", verb, self._compose.container(service)])

    def _build(self, image: str) -> None:
        command = ["buildah", "bud", "--isolation", "chroot", "--network", "host", "--layers", "--format", "docker"]
        self._compose.run([*command, "-t", image, "-f", "docker/Dockerfile", "."])

    def _exec(self, *command: str) -> str:
        return self._compose.exec("service", *command).decode().strip()

    def _inside(self, image: str, *command: str) -> str:
        done = subprocess.run(["podman", "run", "--rm", "--read-only", image, *command], capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(command)} in {image}: {done.stderr}"
        return done.stdout.strip()

    def _size(self, image: str) -> int:
        return int(self._inspect(image, "{{.Size}}"))

    def _layers(self, image: str) -> list[str]:
        found: list[str] = json.loads(self._inspect(image, "{{json .RootFS.Layers}}"))
        return found

    def _inspect(self, image: str, template: str) -> str:
        return self._compose.run(["podman", "image", "inspect", "--format", template, image]).splitlines()[0]

    def logs(self) -> str:
        """The last lines of the containers."""
        return self._compose.last_lines("index", "service", "watch")

    def clean_up(self) -> None:
        """Removes containers, volumes and images of an earlier or of this run."""
        self._compose.remove()
        for image in (self._image, self._image + "-changed"):
            subprocess.run(["podman", "rmi", "--ignore", image], capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
