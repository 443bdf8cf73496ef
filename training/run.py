"""One command from pairs to a bundle: train, export, evaluate, each step resumable."""

import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from model.bundle import Bundle, write_manifest
from training import distributed
from training.config.run import TrainConfig
from training.data.dataset import read_split
from training.evaluation.evaluate import evaluate_bundle
from training.evaluation.expectation import measure_expectation
from training.export.bundle import export_bundle
from training.loop.checkpoint import find_checkpoint
from training.pseudo_sketches.dataset import is_photo_dataset, write_photo_dataset
from training.report.page import write_report
from training.stages import (
    SMALL_IMAGES,
    TRAIN,
    Stage,
    load_task,
    read_training_data,
    serving_stage,
    split_validation,
    train_small_images,
    train_stage,
)

TEST = "test"


def train_stages(config: TrainConfig, *, data: Path, out: Path, device: torch.device) -> dict[str, Any]:
    """Trains every stage that a configuration has: the baseline, or the teacher and then its students.

    Args:
        config: from a recipe.
        data: dataset with manifest.json.
        out: run folder; an interrupted run in it is resumed.
        device: where to train.

    Returns:
        Metrics of the last stage on the validation split, {} without one.
    """
    train_small_images(data, config, out=out, device=device)
    pairs = read_training_data(data, config)
    metrics: dict[str, Any] = {}
    stages: tuple[Stage, ...] = ("teacher", "students") if config.teacher else ("baseline",)
    for stage in stages:
        metrics = train_stage(stage, config, pairs, out=out, device=device)
    return metrics


def export_run(out: Path, *, data: Path, name: str, trained: dict[str, Any]) -> Bundle:
    """Exports the encoders of a run folder, its students or else its baseline, as `out`/bundle.

    The precision of each encoder is judged on the validation split, or on the training split when nothing was held
    out; the test split has no say in it.
    """
    whole = read_split(data, TRAIN)
    stage = serving_stage(out)
    task, config = load_task(out, stage, num_categories=len(whole.categories))
    fitting, validation = split_validation(whole, config)
    judge = validation or fitting
    return export_bundle(
        {"photo": task.encoder("photo"), "sketch": task.encoder("sketch")},
        out / "bundle",
        name=name,
        embedding_dim=config.embedding_dim,
        preprocessing=config.preprocessing,
        judge=judge,
        info={
            "recipe": config.recipe,
            "stage": stage,
            "config": config.to_dict(),
            "trained_on": fitting.summary(),
            "precision_judged_on": "validation" if validation else "train",
        }
        | trained,
    )


def run(
    config: TrainConfig,
    *,
    data: Path,
    out: Path,
    device: torch.device,
    command: str,
    test_data: Path | None = None,
    exclude: Path | None = None,
    report: bool = False,
) -> dict[str, Any]:
    """Pairs -> checkpoint -> bundle -> strict evaluation on the test split, recorded in the bundle -> report.

    Args:
        config: from a recipe.
        data: dataset with manifest.json; for a recipe of photos alone, a folder of photos.
        out: run folder.
        device: where to train.
        command: what the user typed, recorded in the bundle.
        test_data: the dataset of the test split, where that is another folder than `data`.
        exclude: a dataset whose test photos, and their near-duplicates, are left out of a folder of photos.
        report: whether to write a page about the run to `out`/report.

    Returns:
        The evaluation's summary.

    Raises:
        ValueError: the data, the weights or an earlier run in `out` cannot be used.
    """
    excluded = [item.photo for item in read_split(exclude, TEST).items] if exclude else []
    data = as_dataset(data, out, config, exclude=excluded)
    test = read_split(test_data or data, TEST)  # a missing test split is better found before training than after
    started = time.perf_counter()
    train_stages(config, data=data, out=out, device=device)
    if not distributed.is_first():
        return {}
    minutes = round((time.perf_counter() - started) / 60, 1)
    machine = f"{platform.machine()}, {torch.get_num_threads()} threads, {device.type}, torch {torch.__version__}"
    trained = {"command": command, "minutes": minutes, "machine": machine}
    bundle = export_run(out, data=data, name=f"{config.recipe}-seed{config.seed}", trained=trained)
    summary = evaluate_bundle(bundle, test, device="cpu").summary
    measured = {"accuracy": summary}
    if is_photo_dataset(data):
        measured["expectation"] = measure_expectation(bundle, data)
        print("\nWhat a customer may expect", *measured["expectation"]["sentences"], sep="\n", file=sys.stderr)  # noqa: T201
    record(bundle, measured)
    if report:
        write_report([out], data=test_data or data, split=TEST, out=out / "report", device=torch.device("cpu"))
    return summary


def as_dataset(data: Path, out: Path, config: TrainConfig, *, exclude: Sequence[Path] = ()) -> Path:
    """The dataset to train on: `data` itself, or, for a recipe of photos alone, one with pseudo-sketches of them.

    Args:
        data: a dataset, or a folder of photos.
        out: run folder.
        config: of the run.
        exclude: photos of a test set, left out of the photos with their near-duplicates.

    Returns:
        A folder with manifest.json; made in `out`/pseudo-sketches when `data` is a folder of photos.
    """
    if config.pseudo_sketches == 0 or data.is_file() or (data / "manifest.json").is_file():
        if exclude:
            raise ValueError(f"--exclude is for a folder of photos, and {data} is trained on as it is; leave it out.")
        return data
    if not data.is_dir():
        raise ValueError(f"There is no folder {data}; give one with photos, or with a manifest.json.")
    made = write_photo_dataset(
        data,
        out / "pseudo-sketches",
        sketches=config.pseudo_sketches,
        seed=config.seed,
        style=config.sketch_style,
        exclude=exclude,
    )
    if exclude:
        print(f"left out, as test photos show nearly the same: {len(made.near_duplicates)}", file=sys.stderr)  # noqa: T201
    for path, reason in made.unreadable:
        print(f"left out: {path}: {reason}", file=sys.stderr)  # noqa: T201 - part of the command's answer
    return made.path


def record(bundle: Bundle, measured: dict[str, Any]) -> None:
    """Writes what was measured, such as its accuracy, into a bundle's manifest; its fingerprint does not change."""
    write_manifest(replace(bundle, info={**bundle.info, **measured}))


def require_resumable(out: Path) -> None:
    """Makes sure that there is something to resume.

    Raises:
        ValueError: `out` holds no checkpoint.
    """
    stages = ("baseline", "teacher", "students", f"{SMALL_IMAGES}/baseline")
    if not any(find_checkpoint(out / stage / "checkpoint") for stage in stages):
        raise ValueError(f"--resume was given, but {out} holds no checkpoint; leave it out to start a new run.")


def choose_device(name: str) -> torch.device:
    """Turns "auto", "cpu" or "cuda" into a device; "auto" takes a GPU when there is one.

    Raises:
        ValueError: cuda was asked for and there is none.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("Device cuda was asked for, but torch finds no GPU; use --device cpu or mend the driver.")
    return torch.device(name)
