"""How long a training will take, measured on a few steps of a copy of the task before the first real one."""

import copy
import math
import time
from collections.abc import Callable

import torch

from training.data.pairs import Batch
from training.tasks.two_tower import Task

MIN_STEPS = 30  # a shorter training is over before an estimate helps
_TIMED = 2


def seconds_per_step(step: Callable[[Task, Batch], object], task: Task, batch: Batch, device: torch.device) -> float:
    """Times training steps without leaving a trace: weights, statistics and random state stay as they are.

    Args:
        step: computes the gradients of one batch, as training does.
        task: is copied.
        batch: as large as those of the training.
        device: where the task is.

    Returns:
        The faster of two steps after one that is not counted.
    """
    trial = copy.deepcopy(task)
    optimiser = torch.optim.AdamW([weight for weight in trial.parameters() if weight.requires_grad], lr=1e-9)
    times = []
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        for _ in range(1 + _TIMED):
            started = time.perf_counter()
            step(trial, batch)
            optimiser.step()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            times.append(time.perf_counter() - started)
    return min(times[1:])


def duration(seconds: float) -> str:
    """A time for people: "40 seconds", "25 minutes", "3 h 10 min"."""
    if seconds < 90:
        return "1 second" if seconds < 1.5 else f"{round(seconds)} seconds"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} minutes" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


def sentence(label: str, *, steps: int, step_seconds: float) -> str:
    """What is told before training starts."""
    return (
        f"{label}: about {duration(steps * step_seconds)} from now for {steps:,} steps of {step_seconds:.2g} s, if the "
        "machine stays as busy as it is; Ctrl+C stops it, and the same command goes on from the last checkpoint"
    )
