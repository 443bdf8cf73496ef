"""Runs every command of README.md and docs/DEPLOY.md in order, in a fresh clone; says what it left out and why.

    .venv/bin/python tools/run_pages.py [--compose podman-compose] [--only README.md]

Commands run as they stand on the page. What a newcomer would bring lies in the clone: photos, pairs, a drawing, weights
(random ones). `docker` is a stand-in that calls podman, buildah and the given Compose program. The bare machine is a
container of the Python base image. Variables make things smaller, not different: a demo of 60 products, another port.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from page_commands import Command, commands
from page_rules import Rule, rule_for

ROOT = Path(__file__).resolve().parents[1]
PORT = 18090
PROJECT = "sketch-search-pages"
BASE = "docker.io/library/python:3.11-slim-bookworm"
BARE = "sketch-search-bare"
BARE_SECTIONS = ("A bare machine", "Keys and feedback under systemd")
SECONDS = 1500
READY_SECONDS = 120
SHIM = """#!/bin/sh
first=$1; shift
case $first in
  compose) exec {compose} -p {project} "$@";;
  build) exec buildah bud --isolation chroot --network host --layers --format docker "$@";;
  *) exec podman "$first" "$@";;
esac
"""
FIXTURES = """
import json, shutil
from pathlib import Path
catalogue = next(Path("demo").glob("catalogue-*"))
photos = sorted(catalogue.glob("photos/*/*.jpg"))[:30]
for photo in photos:
    target = Path("photos", photo.parent.name, photo.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(photo, target)
drawing = photos[0]
shutil.copy(catalogue / "sketches" / drawing.parent.name / f"{drawing.stem}-1.png", "drawing.png")
shutil.copytree(catalogue, "pairs", dirs_exist_ok=True)
manifest = json.loads(Path("pairs/manifest.json").read_text())
for number, item in enumerate(manifest["items"]):
    item["split"] = "train" if number < 40 else "test"
Path("pairs/manifest.json").write_text(json.dumps(manifest))
"""
WEIGHTS = """
import timm
from safetensors.torch import save_file
from training.config.recipes import get_recipe
for path in ("weights.safetensors", "pairs/weights.safetensors"):
    save_file(timm.create_model(get_recipe("own-pairs").backbone).state_dict(), path)
"""


class Pages:
    """A clone, what runs in it, and how often each kind of end came about."""

    def __init__(self, clone: Path, compose: str) -> None:
        self._clone = clone
        self._server: subprocess.Popen[bytes] | None = None
        self.counts = {"ran": 0, "left out": 0, "failed": 0}
        tools = clone.parent / "bin"
        tools.mkdir()
        (tools / "docker").write_text(SHIM.format(compose=compose, project=PROJECT))
        (tools / "docker").chmod(0o755)
        self._environment = {
            **os.environ,
            "PATH": f"{tools}:{os.environ['PATH']}",
            "PORT": str(PORT),
            "SKETCH_SEARCH_PORT": str(PORT),
            "DEMO_ITEMS": "60",
        }

    def run(self, command: Command) -> None:
        """Runs one command, or says why not."""
        rule = rule_for(command.text)
        if rule.left_out:
            self._note("left out", command, rule.left_out)
            return
        try:
            note = self._start(command, rule) if rule.serves else self._finish(command, rule)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            self._note("failed", command, str(error))
        else:
            self._note("ran", command, note)

    def prepare(self, *, weights: bool) -> None:
        """Lays down what a newcomer would bring; needs the catalogue of `make demo`."""
        self._shell(f".venv/bin/python -c {shlex.quote(WEIGHTS if weights else FIXTURES)}")

    def stop(self) -> None:
        """Ends the server that runs in the clone, if any, as Ctrl+C does: with the containers that it started."""
        if self._server is None:
            return
        server, self._server = self._server, None
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGINT)
            try:
                server.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
        for name in self._containers():
            subprocess.run(["podman", "stop", "--time", "20", name], capture_output=True)

    def clean_up(self) -> None:
        """Removes containers and volumes."""
        self.stop()
        for name in [*self._containers(), BARE]:
            subprocess.run(["podman", "rm", "--force", "--ignore", "--time", "2", name], capture_output=True)
        for volume in ("demo", "feedback", "galleries", "keys", "runs"):
            subprocess.run(["podman", "volume", "rm", "--force", f"{PROJECT}_{volume}"], capture_output=True)

    def _containers(self) -> list[str]:
        filtered = ["podman", "ps", "-aq", "--filter", f"name={PROJECT}_"]
        return subprocess.run(filtered, capture_output=True, text=True).stdout.split()

    def forget_images(self) -> None:
        """Removes what an earlier version built, so that the first start builds as it does for a newcomer."""
        for tag in ("cpu", "before"):
            subprocess.run(["podman", "rmi", "--force", f"localhost/sketch-search:{tag}"], capture_output=True)

    def _finish(self, command: Command, rule: Rule) -> str:
        text = rule.replacement or self._here(command.text)
        if command.section in BARE_SECTIONS:
            self._bare_machine()
            text = f"podman exec {BARE} sh -ec {shlex.quote(text)}"
        started = time.monotonic()
        self._shell(text + rule.shortened)
        shortened = f", with{rule.shortened}" if rule.shortened else ""
        seconds = f"{time.monotonic() - started:.1f} s{shortened}"
        return seconds + self._compose_state(command.text) if " up" in command.text else seconds

    def _compose_state(self, text: str) -> str:
        """What `docker compose up` led to; Compose programs differ in what they tell by their exit status."""
        status = ["podman", "wait", f"{PROJECT}_index_1"]
        if "--no-deps" not in text:
            index = subprocess.run(status, capture_output=True, text=True).stdout.strip()
            if index != "0":
                raise RuntimeError(f"the index step ended with status {index}")
        if "-d" not in text.split():
            return "; the index step succeeded"
        end = time.monotonic() + READY_SECONDS
        while (size := _gallery_size(PORT)) is None:
            if time.monotonic() > end:
                raise RuntimeError("the service did not become ready")
            time.sleep(0.2)
        return f"; the service is ready with {size} photos"

    def _start(self, command: Command, rule: Rule) -> str:
        self.stop()
        text = self._here(command.text)
        port = int(found[1]) if (found := re.search(r"PORT=(\d+)", text)) else PORT
        if _gallery_size(port) is not None:
            raise RuntimeError(f"something else serves on port {port}; stop it first")
        started = time.monotonic()
        log = (self._clone.parent / "server.log").open("wb")
        self._server = subprocess.Popen(
            ["sh", "-c", f"exec env {text}"],
            cwd=self._clone,
            env=self._environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        while (size := _gallery_size(port)) is None:
            if time.monotonic() > started + SECONDS or self._server.poll() not in (None, 0):
                raise RuntimeError((self._clone.parent / "server.log").read_text(errors="replace")[-1500:])
            time.sleep(0.2)
        seconds = time.monotonic() - started
        if not rule.stays:
            self.stop()
        return f"ready after {seconds:.1f} s with {size} photos"

    def _bare_machine(self) -> None:
        if subprocess.run(["podman", "container", "exists", BARE]).returncode == 0:
            return
        mounts = ["-v", f"{self._clone}:/source:ro", "-v", f"{self._clone}/photos:/srv/photos:ro", "-w", "/source"]
        self._shell(shlex.join(["podman", "run", "-d", "--name", BARE, *mounts, BASE, "sleep", "infinity"]))
        self._shell(f"podman exec {BARE} mkdir -p /etc/systemd/system")

    def _shell(self, text: str) -> None:
        done = subprocess.run(
            ["bash", "-ec", text],
            cwd=self._clone,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
        )
        if done.returncode != 0:
            raise RuntimeError(f"status {done.returncode}: {done.stdout.decode(errors='replace')[-1500:]}")

    def _here(self, text: str) -> str:
        return text.replace(":8000/", f":{PORT}/")

    def _note(self, end: str, command: Command, note: str) -> None:
        self.counts[end] += 1
        print(f"{end:9} {command.page}: {command.text}\n          {note}", flush=True)


def _gallery_size(port: int) -> int | None:
    """How many photos the service at the port searches; None while it is not ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
            return int(json.load(answer)["gallery"]["size"])
    except OSError:
        return None


def main() -> int:
    """Runs the pages; returns 1 when a command failed."""
    parser = argparse.ArgumentParser(description="Runs every command of the pages.")
    parser.add_argument("--compose", default="podman-compose", help="the program that reads docker-compose.yml")
    parser.add_argument("--only", choices=["README.md", "docs/DEPLOY.md"], help="one page instead of both")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever stops this finds no container left behind
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "sketch-search"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        pages = Pages(clone, shutil.which(given.compose) or given.compose)
        pages.clean_up()
        try:
            pages.forget_images()
            _run_all(pages, [given.only] if given.only else ["README.md", "docs/DEPLOY.md"])
        finally:
            pages.clean_up()
    print(", ".join(f"{count} {end}" for end, count in pages.counts.items()))
    return 1 if pages.counts["failed"] else 0


def _run_all(pages: Pages, names: list[str]) -> None:
    for text, weights in (("make demo", False), ("make setup-dev", True)):
        pages.run(Command("(first)", "", text))
        pages.prepare(weights=weights)
    for name in names:
        for command in commands(ROOT / name):
            pages.run(command)
        pages.clean_up()


if __name__ == "__main__":
    sys.exit(main())
