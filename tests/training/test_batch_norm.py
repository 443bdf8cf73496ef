from dataclasses import replace
from pathlib import Path

import torch
from toy_config import TOY, TOY_TEACHER

from training.batch_norm import settle_batch_norm
from training.dataset import read_split
from training.pairs import PreparedPairs
from training.students_task import StudentsTask
from training.tasks import Task, TwoTowerTask
from training.xmodal_config import DistillationConfig

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


def test_a_frozen_teacher_and_networks_without_batch_normalisation_are_left_alone(dataset: Path) -> None:
    config = replace(
        TOY,
        shared_encoder=False,
        teacher=TOY_TEACHER,
        distillation=DistillationConfig(teacher_photos=True, unfused_targets=True),
    )
    task = StudentsTask(config, TOY_TEACHER, num_categories=1)
    before = {name: tensor.clone() for name, tensor in task.state_dict().items()}
    settle_batch_norm(task, prepared(dataset), config, CPU)
    assert all(torch.equal(before[name], tensor) for name, tensor in task.state_dict().items())
