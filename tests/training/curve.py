"""Trains a tiny model and writes the loss of every step: torchrun … curve.py DATASET OUT [COPY].

After half of the epochs the run folder is copied to COPY, as a run that was killed then would have left it.
"""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from toy_config import TOY, TOY_TEACHER

from training import distributed
from training.config.xmodalvit import DistillationConfig
from training.data.dataset import read_split
from training.data.pairs import PreparedPairs
from training.loop import train as loop
from training.loop.checkpoint import TrainingProgress
from training.stages import create_task

TEACHER = replace(TOY_TEACHER, unfused_weight=1.0)
CONFIG = replace(
    TOY,
    teacher=TEACHER,
    distillation=DistillationConfig(queue_size=6, direct_weight=1.0),
    batch_size=4,
    epochs=13,
)


def main(dataset: str, out: str, copy: str = "") -> None:
    torch.set_num_threads(1)
    folder = Path(out)
    save_checkpoint, check_finite = loop.save_checkpoint, loop._check_finite

    def note(losses: dict[str, float], step: int) -> None:
        check_finite(losses, step)
        if distributed.is_first():
            with (folder / "curve.jsonl").open("a") as stream:
                stream.write(json.dumps([step, losses["total"]]) + "\n")

    def save(*arguments: Any, progress: TrainingProgress, **named: Any) -> None:
        save_checkpoint(*arguments, progress=progress, **named)
        if copy and progress.epoch == CONFIG.epochs // 2:
            shutil.copytree(folder, copy)

    loop._check_finite, loop.save_checkpoint = note, save
    split = read_split(Path(dataset), "train")
    torch.manual_seed(0)
    task = create_task("students", CONFIG, num_categories=1)
    pairs = PreparedPairs(split.items, CONFIG.preprocessing, categories=split.categories, num_threads=1)
    loop.train(task, pairs, CONFIG, out=folder, device=torch.device("cpu"), evaluate=lambda task: {})


if __name__ == "__main__":
    main(*sys.argv[1:])
