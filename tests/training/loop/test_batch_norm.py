from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy_config import TOY

from training.data.dataset import read_split
from training.data.pairs import PreparedPairs
from training.loop.batch_norm import settle_batch_norm
from training.run import train_stages
from training.stages import load_task
from training.tasks.two_tower import Task, TwoTowerTask

CPU = torch.device("cpu")
RESNET = replace(TOY, backbone="test_resnet")


def first_norm(task: Task, encoder: str) -> torch.nn.BatchNorm2d:
    modules = task.get_submodule(f"encoders.{encoder}").modules()
    return next(module for module in modules if isinstance(module, torch.nn.BatchNorm2d))


def prepared(dataset: Path) -> PreparedPairs:
    split = read_split(dataset, "train")
    return PreparedPairs(split.items, TOY.preprocessing, categories=split.categories)


def test_statistics_become_those_of_photos_and_sketches_together(dataset: Path) -> None:
    pairs, task = prepared(dataset), TwoTowerTask(RESNET, num_categories=1)
    norm = first_norm(task, "shared")
    seen: list[torch.Tensor] = []
    hook = norm.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    settle_batch_norm(task, pairs, RESNET, CPU)
    hook.remove()
    assert norm.running_mean is not None
    assert norm.momentum == 0.1
    assert task.training
    assert torch.allclose(norm.running_mean, torch.stack([x.mean((0, 2, 3)) for x in seen]).mean(0), atol=1e-3)
    assert len(seen[0]) == 2 * len(next(pairs.batches(8, seed=0, epoch=0)).photo)


def test_separate_encoders_see_their_own_modality(dataset: Path) -> None:
    task = TwoTowerTask(replace(RESNET, shared_encoder=False), num_categories=1)
    task.get_submodule("encoders.sketch").load_state_dict(task.get_submodule("encoders.photo").state_dict())
    settle_batch_norm(task, prepared(dataset), RESNET, CPU)
    means = [first_norm(task, modality).running_mean for modality in ("photo", "sketch")]
    assert all(mean is not None and mean.abs().max() > 0 for mean in means)
    assert not torch.allclose(*means)  # type: ignore[arg-type]


@pytest.mark.parametrize("backbone", ["test_vit", "test_resnet"])
def test_a_frozen_encoder_and_one_without_batch_normalisation_are_left_alone(backbone: str, dataset: Path) -> None:
    task = TwoTowerTask(replace(TOY, backbone=backbone), num_categories=1)
    task.requires_grad_(backbone == "test_vit")
    before = {name: tensor.clone() for name, tensor in task.state_dict().items()}
    settle_batch_norm(task, prepared(dataset), TOY, CPU)
    assert all(torch.equal(before[name], tensor) for name, tensor in task.state_dict().items())


def test_what_a_run_saves_is_settled(dataset: Path, tmp_path: Path) -> None:
    train_stages(replace(RESNET, epochs=1), data=dataset, out=tmp_path, device=CPU)
    task, config = load_task(tmp_path, "baseline", num_categories=1)
    saved = first_norm(task, "shared").running_mean
    assert saved is not None
    before = saved.clone()
    settle_batch_norm(task, prepared(dataset), config, CPU)
    assert torch.allclose(saved, before, atol=1e-5)
