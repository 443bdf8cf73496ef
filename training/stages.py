"""The stages of a run: the two-tower baseline; or the teacher, then its students. Each has a folder of its own."""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from model.bundle import MODALITIES, Modality
from training.config.run import TrainConfig
from training.config.xmodalvit import DistillationConfig, TeacherConfig
from training.data.augment import plain_views
from training.data.dataset import Split, read_split
from training.data.pairs import PreparedPairs
from training.evaluation.evaluate import Embed, evaluate
from training.evaluation.metrics import summarise
from training.loop.checkpoint import copy_weights, find_checkpoint, load_weights, read_config, read_progress
from training.loop.train import train
from training.tasks.students import StudentsTask
from training.tasks.teacher import TeacherEncoder, TeacherTask
from training.tasks.two_tower import Task, TwoTowerTask

Stage = Literal["baseline", "teacher", "students"]
TRAIN = "train"
SMALL_IMAGES = "small-images"
_PROBED_PAIRS = 48


@dataclass(frozen=True)
class TrainingData:
    """The pairs of one dataset as a stage needs them.

    Attributes:
        fitting: photos to fit.
        validation: photos to measure on, None when the configuration keeps none.
        categories: of the whole training split.
        pairs: the fitting photos, prepared.
    """

    fitting: Split
    validation: Split | None
    categories: tuple[str, ...]
    pairs: PreparedPairs


def read_training_data(data: Path, config: TrainConfig) -> TrainingData:
    """Reads and prepares the training split of a dataset."""
    whole = read_split(data, TRAIN)
    fitting, validation = split_validation(whole, config)
    pairs = PreparedPairs(fitting.items, config.preprocessing, categories=whole.categories)
    return TrainingData(fitting, validation, whole.categories, pairs)


def train_small_images(data: Path, config: TrainConfig, *, out: Path, device: torch.device) -> None:
    """Trains what a configuration wants of small images, in `out`/small-images.

    Nothing is done where it wants none, or where the run proper has begun.
    """
    stage: Stage = "teacher" if config.teacher else "baseline"
    if config.small_images is None or not config.begins_small or _has_begun(out / stage):
        return
    small = replace(
        config,
        preprocessing=replace(config.preprocessing, image_size_px=config.small_images.image_size_px),
        epochs=config.small_images.epochs,
        learning_rate=config.small_images.learning_rate,
        small_images=None,
        teacher=None,
        distillation=DistillationConfig(),
    )
    pairs = read_training_data(data, small)
    print(_small_first(small, config, pairs.pairs.num_batches(config.batch_size)), file=sys.stderr)  # noqa: T201
    train_stage("baseline", small, pairs, out=out / SMALL_IMAGES, device=device, label="small images")


def _small_first(small: TrainConfig, config: TrainConfig, steps_per_epoch: int) -> str:
    """What the user is told before small images are trained on: what follows, and how much longer it takes."""
    first, then = _long_enough(small, steps_per_epoch), _long_enough(config, steps_per_epoch)
    side, larger = (each.preprocessing.image_size_px for each in (first, then))
    if config.teacher:
        return (
            f"{first.epochs} epochs at {side} px come first, then teacher and students at {larger} px; each is timed."
        )
    return (
        f"{first.epochs} epochs at {side} px come first, then {then.epochs} at {larger} px, which take about "
        f"{then.epochs * larger**2 / (first.epochs * side**2):.1f} times as long; each is timed when it begins."
    )


def train_stage(
    stage: Stage, config: TrainConfig, data: TrainingData, *, out: Path, device: torch.device, label: str = ""
) -> dict[str, Any]:
    """Trains one stage in `out`/<stage>, resuming it when it was interrupted; see `training.loop.train.train`.

    Args:
        stage: "students" needs the finished "teacher" in the same run folder.
        config: from a recipe.
        data: the pairs.
        out: run folder.
        device: where to train.
        label: what the progress bar calls it; "" takes the stage's name.

    Returns:
        Metrics on the validation split and the task's own probe.

    Raises:
        ValueError: the teacher is missing, or an earlier run in `out` had another configuration.
    """
    torch.manual_seed(config.seed)
    task = create_task(stage, config, num_categories=len(data.categories))
    if stage == "students":
        assert isinstance(task, StudentsTask)
        copy_weights(finished_stage(out, "teacher"), task.teacher, source="teacher.")
    small = out / SMALL_IMAGES / "baseline/checkpoint"
    if not _has_begun(out / stage):
        _start_from(str(small) if config.begins_small else config.start, task)
    if stage == "teacher":
        teacher = _teacher_settings(config)
        config = replace(config, epochs=teacher.epochs, learning_rate=teacher.learning_rate or config.learning_rate)
    config = _long_enough(config, data.pairs.num_batches(config.batch_size))
    return train(
        task,
        data.pairs,
        config,
        out=out / stage,
        device=device,
        evaluate=_measure(data, config, device),
        label=label or stage,
    )


def create_task(stage: Stage, config: TrainConfig, *, num_categories: int) -> Task:
    """The untrained task of a stage."""
    if stage == "baseline":
        return TwoTowerTask(config, num_categories=num_categories)
    task = TeacherTask if stage == "teacher" else StudentsTask
    return task(config, _teacher_settings(config), num_categories=num_categories)


def load_task(out: Path, stage: Stage, *, num_categories: int) -> tuple[Task, TrainConfig]:
    """The trained task of a stage in a run folder, and its configuration."""
    checkpoint = finished_stage(out, stage)
    config = read_config(checkpoint)
    teacher = config.teacher and replace(config.teacher, weights="random")
    untrained = replace(config, weights="random", teacher=teacher)
    task = create_task(stage, untrained, num_categories=num_categories)
    load_weights(checkpoint, task)
    return task, config


def finished_stage(out: Path, stage: Stage) -> Path:
    """The checkpoint of a stage that was trained to its end.

    Raises:
        ValueError: there is none, or it stopped half way.
    """
    checkpoint = find_checkpoint(out / stage / "checkpoint")
    if checkpoint is None:
        raise ValueError(f"There is no {stage} in {out}; train it first, or give the run's --out folder.")
    done, wanted = read_progress(checkpoint).epoch, read_config(checkpoint).epochs
    if done < wanted:
        raise ValueError(
            f"The {stage} in {out} stopped after {done} of {wanted} epochs; run the same command again first."
        )
    return checkpoint


def serving_stage(out: Path) -> Stage:
    """Which stage of a run folder has the encoders to serve.

    Raises:
        ValueError: neither students nor baseline were trained.
    """
    for stage in ("students", "baseline"):
        if find_checkpoint(out / stage / "checkpoint") is not None:
            return stage
    raise ValueError(f"There is no checkpoint in {out}; train first, or give the run's --out folder.")


def split_validation(split: Split, config: TrainConfig) -> tuple[Split, Split | None]:
    """Cuts the validation photos out of a training split: the same ones for every seed, chosen at random.

    Returns:
        The photos to fit and the photos to measure on; None for the latter when the configuration keeps none.

    Raises:
        ValueError: there are fewer photos than the configuration wants to fit.
    """
    count = round(len(split.items) * config.validation_share)
    order = np.random.default_rng(2022).permutation(len(split.items)).tolist()
    first = config.validation_fold * count
    held_out, fitted = order[first : first + count], order[:first] + order[first + count :]
    if config.fitting_photos > len(fitted):
        raise ValueError(
            f"fitting_photos is {config.fitting_photos}, but there are {len(fitted)} photos to fit; give at most that, "
            "or 0 for all."
        )
    fitting = _subset(split, fitted[: config.fitting_photos or None])
    return fitting, replace(_subset(split, held_out), name="validation") if held_out else None


def _subset(split: Split, rows: list[int]) -> Split:
    return replace(split, items=tuple(split.items[i] for i in sorted(rows)))


def torch_embed(task: Task, device: torch.device) -> Embed:
    """The task's encoders as an `Embed` for the evaluator, in full precision."""

    def embed(modality: Modality, images: NDArray[np.float32]) -> NDArray[np.float32]:
        network = task.encoder(modality).eval()
        with torch.inference_mode():
            return np.asarray(network(torch.from_numpy(images).to(device)).cpu(), np.float32)

    return embed


def _measure(data: TrainingData, config: TrainConfig, device: torch.device) -> Callable[[Task], dict[str, Any]]:
    probed = data.pairs if data.validation is None else None

    def measure(task: Task) -> dict[str, Any]:
        nonlocal probed
        task.eval()
        metrics: dict[str, Any] = {}
        if data.validation is not None:
            embed = torch_embed(task, device)
            measured = evaluate(embed, data.validation, config.preprocessing)
            metrics = summarise(measured.query_ranks, measured.targets)
            probed = probed or PreparedPairs(data.validation.items, config.preprocessing, categories=data.categories)
        assert probed is not None
        batch = next(probed.batches(_PROBED_PAIRS, seed=0, epoch=0, num_sketches=task.num_sketches)).to(device)
        return metrics | task.probe(plain_views(batch, config.preprocessing))

    return measure


def _long_enough(config: TrainConfig, steps_per_epoch: int) -> TrainConfig:
    """More epochs where a few photos would give fewer than `min_steps` steps, but hardly more checkpoints."""
    epochs = max(config.epochs, math.ceil(config.min_steps / steps_per_epoch))
    every = max(config.checkpoint_epochs, round(config.checkpoint_epochs * epochs / config.epochs))
    return replace(config, epochs=epochs, checkpoint_epochs=every)


def _teacher_settings(config: TrainConfig) -> TeacherConfig:
    if config.teacher is None:
        raise ValueError(
            f"The recipe {config.recipe} trains a two-tower and has no teacher; choose --method xmodalvit."
        )
    return config.teacher


def _has_begun(stage: Path) -> bool:
    return find_checkpoint(stage / "checkpoint") is not None


def _start_from(start: str | None, task: Task) -> None:
    """Loads the encoders of an earlier run: as students, or as the transformers of a teacher."""
    if start is None:
        return
    checkpoint = find_checkpoint(Path(start))
    if checkpoint is None:
        raise ValueError(
            f"There is no checkpoint at {start} to start from; give a folder such as runs/a/baseline/checkpoint."
        )
    shared = read_config(checkpoint).shared_encoder
    for modality in MODALITIES:
        source = f"encoders.{'shared' if shared else modality}."
        if isinstance(task, TeacherTask):
            copy_weights(checkpoint, task.teacher.backbone(modality), source=source + "backbone.")
        elif not isinstance(task.encoder(modality), TeacherEncoder):
            copy_weights(checkpoint, task.encoder(modality), source=source)
