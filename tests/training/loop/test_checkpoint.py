"""A checkpoint holds what was saved, or says that it does not."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from model.nets.encoder_network import EncoderNetwork
from training.config.run import TrainConfig
from training.loop.checkpoint import (
    TrainingProgress,
    copy_weights,
    load_weights,
    read_config,
    resume,
    save_checkpoint,
)

CONFIG = TrainConfig(recipe="toy")
PROGRESS = TrainingProgress(epoch=3, step=70, metrics={"acc@1": 12.5})
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


def test_files_of_two_checkpoints_are_not_mixed(checkpoint: Path, tmp_path: Path) -> None:
    task, optimiser, schedule = parts()
    nn.init.ones_(task.weight)
    save_checkpoint(tmp_path / "other", task, optimiser, schedule, config=CONFIG, progress=PROGRESS)
    (tmp_path / "other/weights.safetensors").replace(checkpoint / "weights.safetensors")
    with pytest.raises(ValueError, match=r"weights\.safetensors of checkpoint .* is damaged"):
        load_weights(checkpoint, task)


def transformer(image_size_px: int, backbone: str = "test_vit") -> EncoderNetwork:
    return EncoderNetwork(backbone, embedding_dim=8, image_size_px=image_size_px, weights="random")


def test_a_transformer_goes_on_with_larger_images(tmp_path: Path) -> None:
    small, large = transformer(32), transformer(64)
    embed: Any = small.backbone
    down, across = torch.meshgrid(torch.arange(2.0), torch.arange(2.0), indexing="ij")
    with torch.no_grad():
        embed.pos_embed[0, 1:, 0] = down.flatten()
        embed.pos_embed[0, 1:, 1] = across.flatten()
    optimiser = torch.optim.AdamW(small.parameters())
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, 1)
    save_checkpoint(tmp_path / "checkpoint", small, optimiser, schedule, config=CONFIG, progress=PROGRESS)
    copy_weights(tmp_path / "checkpoint", large, source="")
    weights, begun = small.state_dict(), large.state_dict()
    positions, resampled = weights.pop("backbone.pos_embed"), begun.pop("backbone.pos_embed")
    assert {name: tensor.tolist() for name, tensor in weights.items()} == {n: t.tolist() for n, t in begun.items()}
    assert resampled.shape == (1, 17, positions.shape[2])
    assert torch.equal(resampled[:, 0], positions[:, 0])
    rows, columns = resampled[0, 1:, 0].reshape(4, 4), resampled[0, 1:, 1].reshape(4, 4)
    assert bool((rows.diff(dim=0) > 0).all())  # what was further down still is
    assert torch.allclose(rows.diff(dim=1), torch.zeros(4, 3), atol=1e-6)
    assert torch.allclose(columns, rows.T, atol=1e-6)


def test_so_does_one_whose_positions_leave_the_class_token_out(tmp_path: Path) -> None:
    small, large = (transformer(side, "deit3_small_patch16_224") for side in (48, 64))
    optimiser = torch.optim.AdamW(small.parameters())
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, 1)
    save_checkpoint(tmp_path / "checkpoint", small, optimiser, schedule, config=CONFIG, progress=PROGRESS)
    copy_weights(tmp_path / "checkpoint", large, source="")
    positions, resampled = (net.state_dict()["backbone.pos_embed"] for net in (small, large))
    assert (positions.shape[1], resampled.shape[1]) == (9, 16)
    assert torch.allclose(resampled.mean(dim=1), positions.mean(dim=1), atol=0.02)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    saved = transformer(32)
    optimiser = torch.optim.AdamW(saved.parameters())
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, 1)
    save_checkpoint(tmp_path / "checkpoint", saved, optimiser, schedule, config=CONFIG, progress=PROGRESS)
    with pytest.raises(ValueError, match="is of another network than this run's"):
        copy_weights(tmp_path / "checkpoint", transformer(32, "test_resnet"), source="")
