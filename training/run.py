"""One command from pairs to a bundle: train, export, evaluate, each step resumable."""

import json
import platform
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from model.bundle import Bundle, Modality, write_manifest
from training.bundle_export import export_bundle
from training.checkpoint import find_checkpoint, load_weights, read_config
from training.config import TrainConfig
from training.dataset import Split, read_split
from training.evaluate import Embed, evaluate, evaluate_bundle
from training.loop import train
from training.metrics import summarise
from training.pairs import PreparedPairs
from training.tasks import TwoTowerTask

TRAIN, TEST = "train", "test"


def train_baseline(config: TrainConfig, *, data: Path, out: Path, device: torch.device) -> dict[str, Any]:
    """Trains the two-tower baseline on the training split; see `training.loop.train`.

    Args:
        config: from a recipe.
        data: dataset with manifest.json.
        out: run folder; an interrupted run in it is resumed.
        device: where to train.

    Returns:
        Metrics on the validation split, {} without one.
    """
    whole = read_split(data, TRAIN)
    fitting, validation = split_validation(whole, config)
    torch.manual_seed(config.seed)
    task = TwoTowerTask(config, num_categories=len(whole.categories))
    pairs = PreparedPairs(fitting.items, config.preprocessing, categories=whole.categories)

    def measure(task: TwoTowerTask) -> dict[str, Any]:
        if validation is None:
            return {}
        return summarise(evaluate(torch_embed(task, device), validation, config.preprocessing).query_ranks)

    return train(task, pairs, config, out=out, device=device, evaluate=measure)


def export_run(out: Path, *, data: Path, name: str, trained: dict[str, Any]) -> Bundle:
    """Exports the checkpoint of a run folder as `out`/bundle.

    The precision of each encoder is judged on the validation split, or on the training split when nothing was held
    out; the test split has no say in it.
    """
    checkpoint = find_checkpoint(out / "checkpoint")
    if checkpoint is None:
        raise ValueError(f"There is no checkpoint in {out}; train first, or give the run's --out folder.")
    config = read_config(checkpoint)
    whole = read_split(data, TRAIN)
    task = TwoTowerTask(replace(config, weights="random"), num_categories=len(whole.categories))
    load_weights(checkpoint, task)
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
            "config": config.to_dict(),
            "trained_on": fitting.summary(),
            "precision_judged_on": "validation" if validation else "train",
        }
        | trained,
    )


def run(
    config: TrainConfig, *, data: Path, out: Path, device: torch.device, command: str, test_data: Path | None = None
) -> dict[str, Any]:
    """Pairs -> checkpoint -> bundle -> strict evaluation on the test split, recorded in the bundle.

    Args:
        config: from a recipe.
        data: dataset with manifest.json.
        out: run folder.
        device: where to train.
        command: what the user typed, recorded in the bundle.
        test_data: the dataset of the test split, where that is another folder than `data`.

    Returns:
        The evaluation's summary.

    Raises:
        ValueError: the data, the weights or an earlier run in `out` cannot be used.
    """
    test = read_split(test_data or data, TEST)  # a missing test split is better found before training than after
    started = time.perf_counter()
    train_baseline(config, data=data, out=out, device=device)
    minutes = round((time.perf_counter() - started) / 60, 1)
    machine = f"{platform.machine()}, {torch.get_num_threads()} threads, {device.type}, torch {torch.__version__}"
    trained = {"command": command, "minutes": minutes, "machine": machine}
    bundle = export_run(out, data=data, name=f"{config.recipe}-seed{config.seed}", trained=trained)
    summary = evaluate_bundle(bundle, test, device="cpu").summary
    record_accuracy(bundle, summary)
    return summary


def record_accuracy(bundle: Bundle, summary: dict[str, Any]) -> None:
    """Writes a measured accuracy into a bundle's manifest; its fingerprint does not change."""
    write_manifest(replace(bundle, info={**bundle.info, "accuracy": summary}))


def split_validation(split: Split, config: TrainConfig) -> tuple[Split, Split | None]:
    """Cuts the validation photos out of a training split: the same ones for every seed, chosen at random.

    Returns:
        The photos to fit and the photos to measure on; None for the latter when the configuration keeps none.
    """
    count = round(len(split.items) * config.validation_share)
    if count == 0:
        return split, None
    held_out = set(np.random.default_rng(2022).permutation(len(split.items))[:count].tolist())
    fitting = tuple(item for i, item in enumerate(split.items) if i not in held_out)
    validation = tuple(item for i, item in enumerate(split.items) if i in held_out)
    return replace(split, items=fitting), replace(split, name="validation", items=validation)


def torch_embed(task: TwoTowerTask, device: torch.device) -> Embed:
    """The task's encoders as an `Embed` for the evaluator, in full precision."""

    def embed(modality: Modality, images: NDArray[np.float32]) -> NDArray[np.float32]:
        network = task.encoder(modality).eval()
        with torch.inference_mode():
            return np.asarray(network(torch.from_numpy(images).to(device)).cpu(), np.float32)

    return embed


def require_resumable(out: Path) -> None:
    """Makes sure that there is something to resume.

    Raises:
        ValueError: `out` holds no checkpoint.
    """
    if find_checkpoint(out / "checkpoint") is None:
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


def print_json(values: dict[str, Any]) -> None:
    """Prints one JSON object on one line, the last thing a command prints."""
    print(json.dumps(values, ensure_ascii=False), flush=True)  # noqa: T201 - the command's result
