"""What a report reads of one run folder: the encoders, their strict evaluation, how they were trained and the log."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from model.bundle import Bundle, read_bundle
from training.config.run import TrainConfig
from training.data.dataset import Split
from training.evaluation.evaluate import Evaluation, evaluate, evaluate_bundle
from training.loop.checkpoint import find_checkpoint, read_progress, trained_categories
from training.stages import Stage, finished_stage, load_task, serving_stage, torch_embed
from training.tasks.two_tower import Task

VALIDATION_ACCURACY = "acc@1"
_CONVERGED = 0.95
_NOT_LOSSES = {"rate", "images_per_second", "mean_rank", "median_rank", "mAP", "estimated_minutes"}


@dataclass(frozen=True)
class Curve:
    """One number over the epochs of a stage.

    Attributes:
        epochs: (E,) completed epochs, rising.
        values: (E,).
    """

    epochs: NDArray[np.float64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class ReportedRun:
    """A run with everything a report says of it.

    Attributes:
        name: for tables and legends.
        path: the run folder.
        stage: the one whose encoders serve.
        config: of that stage.
        task: the trained networks of that stage, on the CPU, in evaluation mode.
        evaluation: on the reported split.
        source: which weights were evaluated, in words.
        info: what the bundle records, {} when there is none of this stage.
        curves: stage -> name of a loss or metric -> curve.
        probe: the teacher's shortcut probe in percent, {} without a teacher.
    """

    name: str
    path: Path
    stage: Stage
    config: TrainConfig
    task: Task
    evaluation: Evaluation
    source: str
    info: Mapping[str, Any]
    curves: Mapping[Stage, Mapping[str, Curve]]
    probe: Mapping[str, float]

    @property
    def num_parameters(self) -> int:
        """Of the encoder that a query costs, the sketch's."""
        return sum(parameter.numel() for parameter in self.task.encoder("sketch").parameters())

    @property
    def validation_accuracy(self) -> Curve | None:
        """acc@1 on validation photos at each epoch at which it was measured; None when no photos were held out."""
        curve = self.curves.get(self.stage, {}).get(VALIDATION_ACCURACY)
        if curve is None:
            return None
        # Between two checkpoints the loop logs the last measurement again.
        epochs = curve.epochs.round()
        measured = (epochs % self.config.checkpoint_epochs == 0) | (epochs == self.config.epochs)
        return Curve(curve.epochs[measured], curve.values[measured])

    @property
    def backbone(self) -> nn.Module:
        """The query encoder's timm network."""
        backbone = self.task.encoder("sketch").backbone
        assert isinstance(backbone, nn.Module)
        return backbone


def read_run(path: Path, split: Split, *, name: str, device: torch.device) -> ReportedRun:
    """Evaluates a finished run and reads its records.

    The exported bundle is evaluated when the run has one of its serving stage, as index builder and service would run
    it; otherwise the checkpoint itself in float32.

    Args:
        path: the run folder.
        split: what to evaluate on.
        name: for tables and legends.
        device: where to embed.

    Raises:
        ValueError: nothing was trained to its end in `path`, or an image cannot be used.
    """
    stage = serving_stage(path)
    checkpoint = finished_stage(path, stage)
    task, config = load_task(path, stage, num_categories=trained_categories(checkpoint))
    bundle = _own_bundle(path, stage, config)
    if bundle is None:
        evaluation = evaluate(torch_embed(task.to(device), device), split, config.preprocessing)
        source = "checkpoint, fp32 in torch"
    else:
        evaluation = evaluate_bundle(bundle, split, device="cuda" if device.type == "cuda" else "cpu")
        precisions = evaluation.summary["precision"]
        source = f"bundle, photo {precisions['photo']}, sketch {precisions['sketch']} in ONNX Runtime"
    return ReportedRun(
        name=name,
        path=path,
        stage=stage,
        config=config,
        task=task.to("cpu").eval(),
        evaluation=evaluation,
        source=source,
        info=bundle.info if bundle else {},
        curves=_read_all_curves(path),
        probe=_read_probe(path),
    )


def epochs_to_converge(curve: Curve) -> int:
    """The first epoch that reaches 95 % of the curve's best value."""
    return int(curve.epochs[np.argmax(curve.values >= _CONVERGED * curve.values.max())])


def loss_terms(curves: Mapping[str, Curve]) -> list[str]:
    """The names of a stage's losses among its curves, the total first; the total alone when it has only one term."""
    terms = [name for name in curves if name not in _NOT_LOSSES and not name.startswith(("acc@", "probe_", "total"))]
    return ["total", *(terms if len(terms) > 1 else [])]


def read_curves(tensorboard: Path, *, steps_per_epoch: float) -> dict[str, Curve]:
    """Every number of a TensorBoard log over epochs; of a step logged twice by a resumed run, the later one.

    Args:
        tensorboard: the log's folder.
        steps_per_epoch: the log counts steps.

    Returns:
        Name -> curve; {} when there is no log.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TensorBoard's own
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    if not tensorboard.is_dir():
        return {}
    log = EventAccumulator(str(tensorboard), size_guidance={"scalars": 0}).Reload()
    curves = {}
    for name in log.Tags()["scalars"]:
        values = {event.step: event.value for event in sorted(log.Scalars(name), key=lambda event: event.wall_time)}
        steps = sorted(values)
        curves[str(name)] = Curve(np.array(steps) / steps_per_epoch, np.array([values[step] for step in steps], float))
    return curves


def _read_all_curves(path: Path) -> dict[Stage, dict[str, Curve]]:
    curves: dict[Stage, dict[str, Curve]] = {}
    stages: tuple[Stage, ...] = ("baseline", "teacher", "students")
    for stage in stages:
        checkpoint = find_checkpoint(path / stage / "checkpoint")
        if checkpoint is not None:
            progress = read_progress(checkpoint)
            curves[stage] = read_curves(
                path / stage / "tensorboard", steps_per_epoch=progress.step / max(1, progress.epoch)
            )
    return {stage: found for stage, found in curves.items() if found}


def _read_probe(path: Path) -> dict[str, float]:
    checkpoint = find_checkpoint(path / "teacher" / "checkpoint")
    metrics = read_progress(checkpoint).metrics if checkpoint else {}
    return {name: value for name, value in metrics.items() if name.startswith("probe_")}


def _own_bundle(path: Path, stage: Stage, config: TrainConfig) -> Bundle | None:
    """The run's bundle, unless it was exported from another stage or from other settings."""
    if not (path / "bundle").is_dir():
        return None
    bundle = read_bundle(path / "bundle")
    same = bundle.info.get("stage") == stage and TrainConfig.from_dict(bundle.info["config"]) == config
    return bundle if same else None
