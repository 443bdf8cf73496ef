from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy_config import TOY, TOY_TEACHER

from training.config import DistillationConfig
from training.recipes import get_recipe
from training.run import train_stages
from training.stages import _long_enough, load_task
from training.xmodal_tasks import StudentsTask


@pytest.mark.parametrize(("photos", "steps_per_epoch", "epochs"), [(60, 1, 100), (640, 10, 10), (1812, 28, 8)])
def test_a_few_photos_are_passed_over_more_often(photos: int, steps_per_epoch: int, epochs: int) -> None:
    config = _long_enough(get_recipe("own-photos"), steps_per_epoch)
    assert config.epochs == epochs
    assert config.epochs / config.checkpoint_epochs <= 11


def test_recipes_without_a_least_number_of_steps_stay_as_they_are() -> None:
    config = replace(get_recipe("qmul-shoes"), checkpoint_epochs=3)
    assert _long_enough(config, 1) == config


def test_students_may_learn_from_photos_without_sketches(dataset: Path, tmp_path: Path) -> None:
    config = replace(
        TOY,
        epochs=1,
        intra_photo_weight=0.5,
        unlabelled=str(dataset),
        teacher=replace(TOY_TEACHER, queue_size=0, epochs=1),
        distillation=DistillationConfig(direct_weight=1.0, neighbour_weight=1.0, num_neighbours=8),
    )
    train_stages(config, data=dataset, out=tmp_path, device=torch.device("cpu"))
    task, _ = load_task(tmp_path, "students", num_categories=1)
    assert isinstance(task, StudentsTask)
    assert task.unlabelled is None  # only training needs them
