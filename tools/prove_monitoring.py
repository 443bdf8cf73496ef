"""Proves Prometheus' part of the profile `monitoring` without its image: the same files in this machine's Prometheus.

    .venv/bin/python tools/prove_monitoring.py [--seconds 25]

Needs prometheus and promtool (Debian: apt-get install prometheus). Starts the service over a small catalogue, asks it
good and bad things, lets Prometheus scrape it, and puts every question of dashboard and alerts to Prometheus. Only two
things differ from Compose: where the service is found, and how often it is asked. Grafana itself is not started.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from compose_project import ComposeProject, claim

ROOT = Path(__file__).resolve().parents[1]
FILES = ROOT / "docker" / "monitoring"
SERVICE_PORT, PORT = 18082, 18083
SILENT = ("absent(", 'status="500"', 'status="503"')  # where all is well, there is nothing of this kind to count


def main() -> int:
    """Runs all checks; returns the exit status."""
    parser = argparse.ArgumentParser(
        description="Proves what Prometheus does with the files of the profile monitoring."
    )
    parser.add_argument("--seconds", type=float, default=25, help="how long Prometheus scrapes before it is asked")
    seconds = parser.parse_args().seconds
    missing = [name for name in ("prometheus", "promtool") if shutil.which(name) is None]
    if missing:
        print(f"{', '.join(missing)} not found; install it first (apt-get install prometheus).", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        try:
            check_files()
            with running_service(Path(folder)) as service, running_prometheus(Path(folder)):
                ask_everything(service, Path(folder), seconds)
                check_answers(service)
        except AssertionError as error:
            print(f"FAILED  {error}", file=sys.stderr)
            return 1
    print("everything claimed holds")
    return 0


def check_files() -> None:
    """What promtool says about configuration and alerts."""
    folder = FILES / "prometheus"
    for words in (
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "alerts.yml"),
        ("test", "rules", "alerts.test.yml"),
    ):
        done = subprocess.run(["promtool", *words], cwd=folder, capture_output=True, text=True)
        claim(done.returncode == 0, f"promtool {' '.join(words)} finds nothing wrong {done.stderr}".rstrip())


@contextmanager
def running_service(folder: Path) -> Iterator[ComposeProject]:
    """The service over a catalogue of 24 products; ComposeProject serves to ask it, nothing runs in a container."""
    python, catalogue, gallery = sys.executable, folder / "catalogue", folder / "gallery"
    _run(python, "-m", "catalogue", "--out", str(catalogue), "--items", "24", "--split", "demo", "--sketches", "1")
    _run(python, "-m", "index_builder", "--gallery", str(catalogue / "photos"), "--out", str(gallery))
    command = [python, "-m", "service", "--gallery", str(gallery), "--port", str(SERVICE_PORT)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        service = ComposeProject(ROOT, name="unused", port=SERVICE_PORT)
        service.wait(60)
        yield service
    finally:
        server.terminate()
        server.wait(30)


@contextmanager
def running_prometheus(folder: Path) -> Iterator[None]:
    """Prometheus with our files, asking the one service every second."""
    config = yaml.safe_load((FILES / "prometheus" / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (job,) = config["scrape_configs"]
    del job["dns_sd_configs"]
    job["static_configs"] = [{"targets": [f"127.0.0.1:{SERVICE_PORT}"]}]
    home = folder / "prometheus"
    home.mkdir()
    (home / "prometheus.yml").write_text(yaml.safe_dump(config))
    shutil.copy(FILES / "prometheus" / "alerts.yml", home)
    command = ["prometheus", f"--config.file={home / 'prometheus.yml'}", f"--storage.tsdb.path={home / 'data'}"]
    with (home / "log").open("wb") as log:
        listen = f"--web.listen-address=127.0.0.1:{PORT}"
        server = subprocess.Popen([*command, listen], stdout=log, stderr=log)
        try:
            yield
        finally:
            server.terminate()
            server.wait(30)


def ask_everything(service: ComposeProject, folder: Path, seconds: float) -> None:
    """Searches, refused sketches and unknown paths, until Prometheus has seen enough of them for a rate."""
    sketches = [path.read_bytes() for path in sorted((folder / "catalogue" / "sketches").glob("*/*.png"))]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for sketch in sketches[:5]:
            service.search(sketch)
        for path in ("/search", "/nowhere"):
            try:
                service.fetch(path, b"no sketch" if path == "/search" else None)
            except OSError:
                continue
            raise AssertionError(f"{path} did not refuse")
        time.sleep(0.2)


def check_answers(service: ComposeProject) -> None:
    """Every metric that is asked for is exposed, and every question has an answer."""
    exposed = set(re.findall(r"(?m)^([a-z_]+)(?:\{| )", service.fetch("/metrics").decode())) | {"up"}
    (target,) = _prometheus("/api/v1/targets")["activeTargets"]
    claim(target["health"] == "up", f"Prometheus scrapes the service ({target['lastScrapeDuration'] * 1000:.0f} ms)")
    dashboard = json.loads((FILES / "grafana" / "dashboards" / "sketch-search.json").read_text())
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    rules = yaml.safe_load((FILES / "prometheus" / "alerts.yml").read_text())
    alerts = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    names = {name for query in shown + alerts for name in re.findall(r"\b(?:sketch_search|process)_\w+|\bup\b", query)}
    claim(
        names <= exposed, f"/metrics has all {len(names)} metrics that are asked for {names - exposed or ''}".rstrip()
    )
    for query in shown:
        answer = _ask(query.replace("$__rate_interval", "20s"))
        claim(bool(answer), f"the dashboard's question has an answer: {query[:80]}")
    for alert in (" ".join(text.split()) for text in alerts):
        sides = [side for side in re.split(r" [<>]=? | == ", alert) if not re.fullmatch(r"[\d.]+", side.strip())]
        answered = [bool(_ask(side)) for side in sides if not any(word in side for word in SILENT)]
        claim(all(answered), f"the alert's question has an answer: {alert[:80]}")
    states = {
        rule["name"]: rule["state"] for group in _prometheus("/api/v1/rules")["groups"] for rule in group["rules"]
    }
    loud = [name for name, state in states.items() if state != "inactive"]
    claim(len(states) == len(alerts) and not loud, f"{len(states)} alerts are loaded and silent {loud or ''}".rstrip())


def _ask(query: str) -> list[Any]:
    found: list[Any] = _prometheus(f"/api/v1/query?query={urllib.parse.quote(query.strip())}")["result"]
    return found


def _prometheus(path: str) -> Any:  # noqa: ANN401  JSON
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=10) as answer:
        return json.load(answer)["data"]


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)} ended with status {done.returncode}:\n{done.stderr[-1500:]}"


if __name__ == "__main__":
    sys.exit(main())
