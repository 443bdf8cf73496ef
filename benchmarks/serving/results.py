"""What was measured, kept as JSON: one subject, any number of rounds."""

import dataclasses
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.serving.contenders import Subject
from benchmarks.serving.environments import ROOT
from benchmarks.serving.rounds import LoadPlan
from index_builder.gallery.folder_gallery import open_gallery
from model.bundle import Bundle


def describe_run(bundle: Bundle, subject: Subject, plan: LoadPlan, *, num_sketches: int) -> dict[str, Any]:
    """Everything that must be equal for two rounds to stand in one table."""
    with open_gallery(subject.gallery, bundle=bundle) as gallery:
        size = gallery.size
    return {
        "bundle": bundle.name,
        "precision": subject.precision,
        "device": subject.device,
        "gallery": size,
        "sketches": num_sketches,
        "cores": len(os.sched_getaffinity(0)),
        "commit": _commit(),
        "plan": dataclasses.asdict(plan),
    }


def add_rounds(path: Path, about: dict[str, Any], rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Adds rounds to a file of results and returns all of it.

    Raises:
        ValueError: the file is about something else.
    """
    earlier: list[dict[str, Any]] = []
    if path.exists():
        held = json.loads(path.read_text())
        differing = [name for name in about if held["about"].get(name) != about[name]]
        if differing:
            raise ValueError(
                f"{path} holds rounds with another {', '.join(differing)}; give another --out or remove the file."
            )
        earlier = held["rounds"]
    results = {"about": about, "rounds": [*earlier, *rounds]}
    path.write_text(json.dumps(results, indent=1))
    return results


def _commit() -> str:
    """The commit that runs, marked when files differ from it."""
    try:
        command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
