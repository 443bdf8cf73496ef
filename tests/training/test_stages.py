import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy_config import TOY, TOY_TEACHER

from training.config.recipes import get_recipe
from training.config.run import SmallImages, TrainConfig
from training.config.xmodalvit import DistillationConfig, TeacherConfig
from training.export.onnx import export_onnx
from training.loop.checkpoint import read_config, read_progress
from training.run import require_resumable, train_stages
from training.stages import Stage, _long_enough, _small_first, load_task, train_small_images
from training.tasks.students import StudentsTask

CPU = torch.device("cpu")
FIRST_LAYER = "encoders.shared.backbone.blocks.0.mlp.fc1.weight"


@pytest.mark.parametrize(("photos", "steps_per_epoch", "epochs"), [(60, 1, 100), (640, 10, 10), (1812, 28, 8)])
def test_a_few_photos_are_passed_over_more_often(photos: int, steps_per_epoch: int, epochs: int) -> None:
    config = _long_enough(get_recipe("own-photos"), steps_per_epoch)
    assert config.epochs == epochs
    assert config.epochs / config.checkpoint_epochs <= 11


def test_recipes_without_a_least_number_of_steps_stay_as_they_are() -> None:
    config = replace(get_recipe("qmul-shoes"), checkpoint_epochs=3)
    assert _long_enough(config, 1) == config


@pytest.mark.parametrize("teacher", [None, replace(TOY_TEACHER, epochs=1)], ids=["two-tower", "xmodalvit"])
def test_small_images_come_first_and_the_run_goes_on_from_them(
    teacher: TeacherConfig | None, dataset: Path, tmp_path: Path
) -> None:
    small = SmallImages(image_size_px=16, epochs=3, learning_rate=1e-3)
    config = replace(TOY, epochs=1, learning_rate=1e-9, small_images=small, teacher=teacher)
    train_stages(config, data=dataset, out=tmp_path / "run", device=CPU)
    before, _ = load_task(tmp_path / "run/small-images", "baseline", num_categories=1)
    checkpoint = tmp_path / "run/small-images/baseline/checkpoint"
    assert read_progress(checkpoint).epoch == 3
    assert read_config(checkpoint).preprocessing.image_size_px == 16
    stage: Stage = "teacher" if teacher else "baseline"
    after, saved = load_task(tmp_path / "run", stage, num_categories=1)
    assert TrainConfig.from_dict(saved.to_dict()) == saved
    assert saved.preprocessing.image_size_px == 32
    kept = after.state_dict()["teacher.backbones.photo.blocks.0.mlp.fc1.weight" if teacher else FIRST_LAYER]
    assert torch.allclose(kept, before.state_dict()[FIRST_LAYER], atol=1e-6)
    require_resumable(tmp_path / "run")


def test_a_shared_teacher_begins_with_the_encoder_of_another_run(dataset: Path, tmp_path: Path) -> None:
    train_stages(replace(TOY, epochs=1), data=dataset, out=tmp_path / "first", device=CPU)
    start = str(tmp_path / "first/baseline/checkpoint")
    teacher = replace(TOY_TEACHER, epochs=1, shared_encoder=True)
    config = replace(TOY, epochs=1, learning_rate=1e-9, start=start, teacher=teacher)
    train_stages(config, data=dataset, out=tmp_path / "next", device=CPU)
    before = load_task(tmp_path / "first", "baseline", num_categories=1)[0].state_dict()[FIRST_LAYER]
    for stage in ("teacher", "students"):
        network, _ = load_task(tmp_path / "next", stage, num_categories=1)
        kept = network.state_dict()["teacher.backbones.shared.blocks.0.mlp.fc1.weight"]
        assert torch.allclose(kept, before, atol=1e-6)


def test_a_teacher_may_have_a_learning_rate_of_its_own(dataset: Path, tmp_path: Path) -> None:
    teacher = replace(TOY_TEACHER, epochs=1, learning_rate=3e-5)
    train_stages(replace(TOY, epochs=1, learning_rate=1e-3, teacher=teacher), data=dataset, out=tmp_path, device=CPU)
    rates = {stage: load_task(tmp_path, stage, num_categories=1)[1].learning_rate for stage in ("teacher", "students")}
    assert rates == {"teacher": 3e-5, "students": 1e-3}


def test_the_teacher_serves_as_photo_encoder_where_it_is_asked_to(dataset: Path, tmp_path: Path) -> None:
    train_stages(replace(TOY, epochs=1), data=dataset, out=tmp_path / "first", device=CPU)
    config = replace(
        TOY,
        epochs=1,
        learning_rate=1e-9,
        start=str(tmp_path / "first/baseline/checkpoint"),
        shared_encoder=False,
        teacher=replace(TOY_TEACHER, epochs=1, shared_encoder=True),
        distillation=DistillationConfig(teacher_photos=True, unfused_targets=True),
    )
    train_stages(config, data=dataset, out=tmp_path / "run", device=CPU)
    task, _ = load_task(tmp_path / "run", "students", num_categories=1)
    assert isinstance(task, StudentsTask)
    before = load_task(tmp_path / "first", "baseline", num_categories=1)[0].state_dict()
    kept = task.encoder("sketch").state_dict()["backbone.blocks.0.mlp.fc1.weight"]
    assert torch.allclose(kept, before[FIRST_LAYER], atol=1e-6)
    photo_encoder = task.encoder("photo")
    assert photo_encoder.backbone is task.teacher.backbone("photo")  # what the report's attention maps are of
    assert export_onnx(photo_encoder, tmp_path / "photo.onnx", image_size_px=32) < 1e-4


def test_images_that_are_small_already_are_trained_on_at_once(dataset: Path, tmp_path: Path) -> None:
    config = replace(TOY, epochs=1, small_images=SmallImages(image_size_px=32))
    train_stages(config, data=dataset, out=tmp_path, device=CPU)
    assert {path.name for path in tmp_path.iterdir()} == {"baseline"}


def test_a_run_that_starts_from_another_needs_no_small_images(dataset: Path, tmp_path: Path) -> None:
    train_stages(replace(TOY, epochs=1), data=dataset, out=tmp_path / "first", device=CPU)
    start = str(tmp_path / "first/baseline/checkpoint")
    config = replace(TOY, epochs=1, start=start, small_images=SmallImages(image_size_px=16, epochs=2))
    train_stages(config, data=dataset, out=tmp_path / "next", device=CPU)
    assert {path.name for path in (tmp_path / "next").iterdir()} == {"baseline"}


def test_small_images_are_no_longer_needed_once_the_run_proper_has_begun(dataset: Path, tmp_path: Path) -> None:
    config = replace(TOY, epochs=1, small_images=SmallImages(image_size_px=16, epochs=1))
    train_stages(config, data=dataset, out=tmp_path, device=CPU)
    shutil.rmtree(tmp_path / "small-images")
    train_stages(config, data=dataset, out=tmp_path, device=CPU)
    assert not (tmp_path / "small-images").exists()


def test_sizes_and_epochs_of_small_images_are_checked() -> None:
    with pytest.raises(ValueError, match="epochs 0 and learning_rate"):
        SmallImages(epochs=0)


def test_a_run_killed_after_its_small_images_goes_on_and_is_the_same_as_two_runs(dataset: Path, tmp_path: Path) -> None:
    config = replace(TOY, epochs=1, small_images=SmallImages(image_size_px=16, epochs=2))
    train_small_images(dataset, config, out=tmp_path / "killed", device=CPU)
    require_resumable(tmp_path / "killed")
    for run in ("killed", "whole"):
        train_stages(config, data=dataset, out=tmp_path / run, device=CPU)
    small = replace(config.preprocessing, image_size_px=16)
    first = replace(config, small_images=None, preprocessing=small, epochs=2, learning_rate=3e-4)
    train_stages(first, data=dataset, out=tmp_path / "first", device=CPU)
    second = replace(config, start=str(tmp_path / "first/baseline/checkpoint"))
    train_stages(second, data=dataset, out=tmp_path / "second", device=CPU)
    runs = ("killed", "whole", "second")
    weights = [load_task(tmp_path / run, "baseline", num_categories=1)[0].state_dict() for run in runs]
    assert all(torch.equal(one[name], weights[0][name]) for one in weights for name in one)


def test_what_follows_small_images_is_told_with_the_epochs_that_few_photos_get() -> None:
    recipe = get_recipe("own-photos")
    small = replace(recipe, preprocessing=replace(recipe.preprocessing, image_size_px=112), epochs=24)
    assert _small_first(small, recipe, 15).startswith(
        "24 epochs at 112 px come first, then 8 at 224 px, which take about 1.3 "
    )
    assert "100 epochs at 112 px come first, then 100 at 224 px, which take about 4.0 " in _small_first(
        small, recipe, 1
    )
