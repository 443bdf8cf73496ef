"""Throws schemathesis at a running service: thousands of requests made from its OpenAPI description, right and wrong.

Counts server errors and answers that the description does not document: another status, content type, header or body.
schemathesis is a program of its own and not among the project's dependencies
(`uv tool install schemathesis --with pillow --with httpx2`). Prints one JSON object; ends with status 1 when something
was found.

    python -m benchmarks.reliability.openapi_cases [--examples 4500] [--schemathesis schemathesis]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.reliability.running_service import make_gallery, running

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=4500, help="of each of the routes that take parameters")
    parser.add_argument("--schemathesis", default="schemathesis")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        gallery = make_gallery(Path(name), num_photos=30)
        with running(gallery, "--log-level", "error", log=Path(name) / "log") as service:
            report = Path(name) / "report.ndjson"
            status = subprocess.run(command(arguments, service.url, report), env=environment(), check=False).returncode
            result = {"schemathesis_status": status, **summary(report)}
        result["log_of_the_service"] = (Path(name) / "log").read_text()[-2000:]
    print(json.dumps(result, indent=2))
    sys.exit(status != 0 or bool(result["failures"]))


def command(arguments: argparse.Namespace, url: str, report: Path) -> list[str]:
    options = {
        "--checks": ",".join(CHECKS),
        "--max-examples": str(arguments.examples),
        "--seed": str(arguments.seed),
        "--phases": "examples,coverage,fuzzing",
        "--report": "ndjson",
        "--report-ndjson-path": str(report),
        "--suppress-health-check": "all",
        "--request-timeout": "30",
    }
    flat = [word for pair in options.items() for word in pair]
    return [arguments.schemathesis, "run", url + "/openapi.json", "--no-shrink", "--continue-on-failure", *flat]


def environment() -> dict[str, str]:
    return os.environ | {"SCHEMATHESIS_HOOKS": "benchmarks.reliability.openapi_hooks", "PYTHONPATH": str(Path.cwd())}


def summary(report: Path) -> dict[str, Any]:
    """Cases, statuses and failed checks, from schemathesis' own list of events."""
    statuses: dict[str, Counter[str]] = {}
    failures = []
    for line in report.read_text().splitlines():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        for interaction in recorder.get("interactions", {}).values():
            status = str((interaction["response"] or {}).get("status_code", "no answer"))
            statuses.setdefault(recorder["label"], Counter())[status] += 1
        for checks in recorder.get("checks", {}).values():
            failures += [check for check in checks if check["status"] not in ("success", "skip")]
    cases = sum(counts.total() for counts in statuses.values())
    return {"cases": cases, "by_status": statuses, "failures": failures[:10]}


if __name__ == "__main__":
    main()
