"""The one training loop: step, log, evaluate, save. It works with any task that turns a batch into named losses."""

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import torch
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.tensorboard import SummaryWriter

from model.nets.cpu import keep_memory, use_plain_attention
from training import distributed
from training.config.run import TrainConfig
from training.data.augment import augment_pairs
from training.data.pairs import Batch, PreparedPairs
from training.loop.batch_norm import settle_batch_norm
from training.loop.checkpoint import Progress, find_checkpoint, resume, save_checkpoint
from training.loop.duration import MIN_STEPS, seconds_per_step, sentence
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
    device = distributed.start(device)
    task.to(device).to(memory_format=torch.channels_last).train()  # convolutions run faster so, on a CPU too
    if device.type == "cpu":
        use_plain_attention(task)
        keep_memory()
    steps_per_epoch = pairs.num_batches(config.batch_size)
    learning = [parameter for parameter in task.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(learning, lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = one_cycle(optimiser, config, total_steps=config.epochs * steps_per_epoch)
    averaged = _average_of(task, config)
    progress = Progress(epoch=0, step=0, metrics={})
    checkpoint = find_checkpoint(out / "checkpoint")
    if checkpoint is not None:
        progress = resume(checkpoint, task, optimiser, schedule, config=config, averaged=averaged)
    parallel = distributed.wrap(task)
    first = distributed.is_first()
    with SummaryWriter(str(out / "tensorboard")) if first else nullcontext() as board, _progress_bar(first) as bar:
        _tell_duration(task, pairs, config, progress=progress, device=device, board=board, bar=bar, label=label)
        shown = bar.add_task(label, total=config.epochs * steps_per_epoch, completed=progress.step, loss="–")
        for epoch in range(progress.epoch, config.epochs):
            started = time.perf_counter()
            torch.manual_seed(config.seed * 1_000_003 + epoch)  # a resumed run draws what an uninterrupted one would
            step, losses = progress.step, {}
            for batch in pairs.batches(
                config.batch_size,
                seed=config.seed,
                epoch=epoch,
                num_sketches=task.num_sketches,
                category_group=config.category_group,
                sketch_drop=config.augmentation.sketch_drop,
            ):
                losses = _step(parallel, batch, config, device)
                optimiser.step()
                optimiser.zero_grad(set_to_none=True)
                schedule.step()
                if averaged:
                    averaged.update_parameters(task)
                step += 1
                _check_finite(losses, step)
                bar.update(shown, advance=1, loss=f"{losses['total']:.3f}")
            metrics = progress.metrics
            due = (epoch + 1) % config.checkpoint_epochs == 0 or epoch + 1 == config.epochs
            if due and first:
                served = cast("Task", averaged.module) if averaged else task
                settle_batch_norm(served, pairs, config, device)
                metrics = evaluate(served)
                task.train()
            progress = Progress(epoch=epoch + 1, step=step, metrics=metrics)
            speed = 2 * len(pairs.items) / (time.perf_counter() - started)
            if board is not None:
                values = losses | metrics | {"images_per_second": speed, "rate": schedule.get_last_lr()[0]}
                _log(board, values, progress, bar, shown=due)
            if due and first:
                save_checkpoint(
                    out / "checkpoint", task, optimiser, schedule, config=config, progress=progress, averaged=averaged
                )
            distributed.wait_for_all()
    return progress.metrics


def _average_of(task: Task, config: TrainConfig) -> AveragedModel | None:
    """The moving average of the weights, None when the configuration wants none."""
    if not config.ema_decay:
        return None
    return AveragedModel(task, multi_avg_fn=get_ema_multi_avg_fn(config.ema_decay))  # type: ignore[no-untyped-call]


def _tell_duration(
    task: Task,
    pairs: PreparedPairs,
    config: TrainConfig,
    *,
    progress: Progress,
    device: torch.device,
    board: SummaryWriter | None,
    bar: Bar,
    label: str,
) -> None:
    """Prints and logs how long training will take; not where processes share the work, as one alone cannot step."""
    steps = config.epochs * pairs.num_batches(config.batch_size) - progress.step
    if board is None or distributed.world_size() > 1 or steps < MIN_STEPS:
        return
    batch = next(pairs.batches(config.batch_size, seed=config.seed, epoch=0, num_sketches=task.num_sketches))
    per_step = seconds_per_step(lambda trial, views: _step(trial, views, config, device), task, batch, device)
    board.add_scalar("estimated_minutes", steps * per_step / 60, progress.step)
    bar.console.print(sentence(label, steps=steps, step_seconds=per_step))


def one_cycle(
    optimiser: torch.optim.Optimizer, config: TrainConfig, *, total_steps: int
) -> torch.optim.lr_scheduler.OneCycleLR:
    """The learning rate's rise and fall. A warm-up of one step or less is none: torch divides by its length minus 1.

    A single step is the first of two, because the last of a cycle learns nothing.
    """
    warmup = config.warmup_share if config.warmup_share * total_steps > 1 else 0.0
    return torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.learning_rate, total_steps=max(2, total_steps), pct_start=warmup
    )


def _step(task: nn.Module, batch: Batch, config: TrainConfig, device: torch.device) -> dict[str, float]:
    """Accumulates the gradients of one batch and returns its losses."""
    batch = batch.to(device)
    views = augment_pairs(
        batch,
        config.augmentation,
        config.preprocessing,
        generator=torch.default_generator,
        photo_again=config.intra_photo_weight > 0,
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


def _log(board: SummaryWriter, values: dict[str, Any], progress: Progress, bar: Bar, *, shown: bool) -> None:
    numbers = {name: value for name, value in values.items() if isinstance(value, int | float)}
    for name, value in numbers.items():
        board.add_scalar(name, value, progress.step)
    if not shown:  # nothing new was measured
        return
    bar.console.print(f"epoch {progress.epoch}  " + "  ".join(f"{name} {value:.4g}" for name, value in numbers.items()))


def _progress_bar(shown: bool) -> Bar:
    return Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]}"),
        TimeRemainingColumn(),
        refresh_per_second=2,
        disable=not shown,
    )
