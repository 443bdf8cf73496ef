"""The one training loop: step, log, evaluate, save. It works with any task that turns a batch into named losses."""

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from model.nets.cpu import keep_memory, use_plain_attention
from training import distributed
from training.config.run import TrainConfig
from training.data.augment import augment_pairs
from training.data.pairs import Batch, PreparedPairs
from training.loop.batch_norm import settle_batch_norm
from training.loop.checkpoint import TrainingProgress, find_checkpoint, resume, save_checkpoint
from training.loop.duration import MIN_STEPS, seconds_per_step, sentence
from training.loop.log import TrainingLog
from training.tasks.two_tower import Task

Evaluate = Callable[[Task], dict[str, Any]]


def train(
    task: Task,
    pairs: PreparedPairs,
    config: TrainConfig,
    *,
    out: Path,
    device: torch.device,
    evaluate: Evaluate,
    label: str = "training",
) -> dict[str, Any]:
    """Trains for the configured number of epochs, resuming from the checkpoint in `out` when there is one.

    Args:
        task: the networks and their losses.
        pairs: the training pairs.
        config: the whole configuration.
        out: where checkpoint and TensorBoard log go.
        device: where to train.
        evaluate: measures the task on validation data at each checkpoint; {} when there is none.
        label: of the progress bar.

    Returns:
        The last measured metrics.

    Raises:
        ValueError: a loss is not finite, or the checkpoint belongs to another configuration.
    """
    device, first = _place(task, device), distributed.is_first()
    total_steps = config.epochs * pairs.num_batches(config.batch_size)
    optimiser, schedule = _optimiser(task, config, total_steps)
    checkpoint = find_checkpoint(out / "checkpoint")
    progress = TrainingProgress(epoch=0, step=0, metrics={})
    if checkpoint is not None:
        progress = resume(checkpoint, task, optimiser, schedule, config=config)
    parallel = distributed.wrap(task)
    log = TrainingLog(out / "tensorboard", label, total_steps=total_steps, done_steps=progress.step, shown=first)
    with log:
        _tell_duration(task, pairs, config, device, log, label=label, step=progress.step, total_steps=total_steps)
        for epoch in range(progress.epoch, config.epochs):
            started, step, losses = time.perf_counter(), progress.step, {}
            for batch in _epoch(task, pairs, config, epoch):
                losses = _step(parallel, batch, config, device)
                optimiser.step()
                optimiser.zero_grad(set_to_none=True)
                schedule.step()
                step += 1
                _check_finite(losses, step)
                log.after_step(losses)
            due = (epoch + 1) % config.checkpoint_epochs == 0 or epoch + 1 == config.epochs
            metrics = _measure(task, pairs, config, device, evaluate) if due and first else progress.metrics
            progress = TrainingProgress(epoch=epoch + 1, step=step, metrics=metrics)
            speed = 2 * len(pairs.items) / (time.perf_counter() - started)
            values = losses | metrics | {"images_per_second": speed, "rate": schedule.get_last_lr()[0]}
            log.after_epoch(values, progress, shown=due)
            if due and first:
                save_checkpoint(out / "checkpoint", task, optimiser, schedule, config=config, progress=progress)
            distributed.wait_for_all()
    return progress.metrics


def _place(task: Task, device: torch.device) -> torch.device:
    """Joins the other processes and moves the task to its device, in the layout in which convolutions run faster."""
    device = distributed.start(device)
    task.to(device).to(memory_format=torch.channels_last).train()
    if device.type == "cpu":
        use_plain_attention(task)
        keep_memory()
    return device


def _optimiser(
    task: Task, config: TrainConfig, total_steps: int
) -> tuple[torch.optim.AdamW, torch.optim.lr_scheduler.OneCycleLR]:
    learning = [parameter for parameter in task.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(learning, lr=config.learning_rate, weight_decay=config.weight_decay)
    return optimiser, one_cycle(optimiser, config, total_steps=total_steps)


def one_cycle(
    optimiser: torch.optim.Optimizer, config: TrainConfig, *, total_steps: int
) -> torch.optim.lr_scheduler.OneCycleLR:
    """The learning rate's rise and fall. A warm-up of one step or less is left out: torch divides by its length - 1.

    A single step is the first of two, because the last of a cycle learns nothing.
    """
    warmup = config.warmup_share if config.warmup_share * total_steps > 1 else 0.0
    return torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.learning_rate, total_steps=max(2, total_steps), pct_start=warmup
    )


def _epoch(task: Task, pairs: PreparedPairs, config: TrainConfig, epoch: int) -> Iterator[Batch]:
    """The batches of one epoch; a resumed run draws what an uninterrupted one would."""
    torch.manual_seed(config.seed * 1_000_003 + epoch)
    return pairs.batches(
        config.batch_size,
        seed=config.seed,
        epoch=epoch,
        num_sketches=task.num_sketches,
        category_group=config.category_group,
        sketch_drop=config.augmentation.sketch_drop,
    )


def _step(task: nn.Module, batch: Batch, config: TrainConfig, device: torch.device) -> dict[str, float]:
    """Accumulates the gradients of one batch and returns its losses."""
    views = augment_pairs(
        batch.to(device), config.augmentation, config.preprocessing, generator=torch.default_generator
    )
    with torch.autocast(device.type, torch.bfloat16, enabled=config.autocast_bf16):
        losses = task(distributed.own_share(views))
    total = torch.stack(list(losses.values())).sum()
    torch.autograd.backward(total)
    return {name: float(loss.detach()) for name, loss in losses.items()} | {"total": float(total.detach())}


def _check_finite(losses: dict[str, float], step: int) -> None:
    broken = [name for name, value in losses.items() if not math.isfinite(value)]
    if broken:
        raise ValueError(
            f"The loss {broken[0]} is {losses[broken[0]]} at step {step}; lower the learning rate or switch autocast "
            "off, then resume from the last checkpoint."
        )


def _measure(
    task: Task, pairs: PreparedPairs, config: TrainConfig, device: torch.device, evaluate: Evaluate
) -> dict[str, Any]:
    settle_batch_norm(task, pairs, config, device)
    metrics = evaluate(task)
    task.train()
    return metrics


def _tell_duration(
    task: Task,
    pairs: PreparedPairs,
    config: TrainConfig,
    device: torch.device,
    log: TrainingLog,
    *,
    label: str,
    step: int,
    total_steps: int,
) -> None:
    """Prints and logs how long training will take; not where processes share the work, as one alone cannot step."""
    steps = total_steps - step
    if distributed.world_size() > 1 or steps < MIN_STEPS:
        return
    batch = next(pairs.batches(config.batch_size, seed=config.seed, epoch=0, num_sketches=task.num_sketches))
    per_step = seconds_per_step(lambda trial, views: _step(trial, views, config, device), task, batch, device)
    log.record({"estimated_minutes": steps * per_step / 60}, step)
    log.say(sentence(label, steps=steps, step_seconds=per_step))
