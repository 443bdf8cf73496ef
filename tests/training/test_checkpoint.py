"""A checkpoint holds what was saved, or says that it does not."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from training.checkpoint import Progress, load_weights, read_config, read_progress, resume, save_checkpoint
from training.config import TrainConfig

CONFIG = TrainConfig(recipe="toy")
PROGRESS = Progress(epoch=3, step=70, metrics={"acc@1": 12.5})
FILES = ["checkpoint.json", "config.json", "optimiser.pt", "weights.safetensors"]


def parts() -> tuple[nn.Module, Any, Any]:
    torch.manual_seed(0)
    task = nn.Linear(4, 3)
    optimiser = torch.optim.AdamW(task.parameters())
    task(torch.ones(1, 4)).sum().backward()
    optimiser.step()
    return task, optimiser, torch.optim.lr_scheduler.StepLR(optimiser, 1)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "checkpoint", *parts(), config=CONFIG, progress=PROGRESS)
    return tmp_path / "checkpoint"


def everything(checkpoint: Path) -> tuple[Any, ...]:
    task, optimiser, schedule = parts()
    nn.init.zeros_(task.weight)
    progress = resume(checkpoint, task, optimiser, schedule, config=CONFIG)
    moments = [state["exp_avg"].tolist() for state in optimiser.state_dict()["state"].values()]
    return progress, read_config(checkpoint), task.weight.tolist(), moments


@pytest.mark.parametrize("name", FILES)
def test_a_changed_byte_anywhere_is_refused_or_changes_nothing(checkpoint: Path, name: str) -> None:
    intact, path, dice, num_refused = everything(checkpoint), checkpoint / name, random.Random(name), 0
    whole = path.read_bytes()
    for place in dice.sample(range(len(whole)), 20):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ dice.randrange(1, 256)]) + whole[place + 1 :])
        try:
            assert everything(checkpoint) == intact
        except ValueError as error:
            num_refused += 1
            assert "copy it again, or remove its folder and train anew" in str(error)  # noqa: PT017
    assert num_refused > 10


def test_a_checkpoint_of_an_earlier_release_is_read(checkpoint: Path) -> None:
    intact, manifest = everything(checkpoint), checkpoint / "checkpoint.json"
    manifest.write_text(json.dumps(vars(PROGRESS)))
    assert everything(checkpoint) == intact
    assert read_progress(checkpoint) == PROGRESS


def test_files_of_two_checkpoints_are_not_mixed(checkpoint: Path, tmp_path: Path) -> None:
    task, optimiser, schedule = parts()
    nn.init.ones_(task.weight)
    save_checkpoint(tmp_path / "other", task, optimiser, schedule, config=CONFIG, progress=PROGRESS)
    (tmp_path / "other/weights.safetensors").replace(checkpoint / "weights.safetensors")
    with pytest.raises(ValueError, match=r"weights\.safetensors of checkpoint .* is damaged"):
        load_weights(checkpoint, task)
