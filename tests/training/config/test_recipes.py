import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import timm
import torch

from training.cli.arguments import create_parser
from training.cli.commands import read_config
from training.config.recipes import METHODS, RECIPES, get_recipe
from training.config.run import TrainConfig
from training.tasks.teacher import create_teacher

PAPER = ("paper-shoe-v2", "paper-chair-v2", "paper-sketchy")


def parsed(*arguments: str) -> argparse.Namespace:
    return create_parser().parse_args([*arguments, "--data", "d", "--out", "o"])


@pytest.mark.parametrize(
    ("name", "student", "teacher_queue", "student_queue"),
    [
        ("paper-shoe-v2", "vit_tiny_patch16_224", 128, 256),
        ("paper-chair-v2", "vit_tiny_patch16_224", 128, 256),
        ("paper-sketchy", "vit_small_patch16_224", 64, 64),
    ],
)
def test_the_paper_recipes_have_the_published_sizes(
    name: str, student: str, teacher_queue: int, student_queue: int
) -> None:
    config = get_recipe(name)
    teacher = config.teacher
    assert teacher is not None
    assert (config.backbone, config.embedding_dim, config.shared_encoder) == (student, 768, False)
    assert (config.batch_size, config.temperature, config.preprocessing.image_size_px) == (16, 0.07, 224)
    assert (teacher.backbone, teacher.num_blocks, teacher.num_heads) == ("vit_base_patch16_224", 3, 3)
    assert (teacher.queue_size, config.distillation.queue_size) == (teacher_queue, student_queue)
    assert teacher.unfused_weight == 0.0
    weights = config.distillation
    assert (weights.contrast_weight, weights.distance_weight, weights.angle_weight) == (1.0, 1.0, 1.0)
    assert (weights.direct_weight, weights.unfused_targets, config.label_smoothing) == (0.0, False, 0.0)
    assert config.autocast_bf16


@pytest.mark.parametrize("name", PAPER)
def test_pixels_are_normalised_as_the_paper_recipes_weights_expect(name: str) -> None:
    config = get_recipe(name)
    assert config.teacher is not None
    for backbone in (config.backbone, config.teacher.backbone):
        expected = timm.get_pretrained_cfg(backbone)
        assert (config.preprocessing.mean, config.preprocessing.std) == (expected.mean, expected.std)


def test_the_teacher_of_the_paper_recipes_has_the_dimension_of_its_students() -> None:
    config = get_recipe("paper-sketchy")
    assert config.teacher is not None
    with torch.device("meta"):
        teacher = create_teacher(config, replace(config.teacher, weights="random"))
    assert teacher.dim == config.embedding_dim


@pytest.mark.parametrize("name", list(RECIPES))
def test_every_recipe_survives_being_written_and_read(name: str) -> None:
    assert TrainConfig.from_dict(get_recipe(name).to_dict()) == get_recipe(name)


def test_ingredients_of_pseudo_sketches_are_chosen_on_the_command_line() -> None:
    chosen = read_config(parsed("run", "--recipe", "own-photos", "--without", "warp", "wobble", "--edges", "both"))
    assert chosen.sketch_style == replace(get_recipe("own-photos").sketch_style, warp=False, wobble=False, edges="both")


def test_a_style_of_drawings_is_refused_where_nothing_is_drawn(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing is drawn"):
        read_config(parsed("run", "--recipe", "own-pairs", "--edges", "dog"))
    (tmp_path / "manifest.json").touch()
    given = parsed("run", "--recipe", "own-photos", "--style", "person")
    given.data = tmp_path
    with pytest.raises(ValueError, match="nothing is drawn"):
        read_config(given)


def test_only_the_paper_recipe_of_sketchy_groups_by_category_by_itself() -> None:
    assert {name for name in RECIPES if get_recipe(name).category_group > 1} == {"paper-sketchy"}
    assert read_config(parsed("run", "--recipe", "sketchy-subset", "--category-group", "4")).category_group == 4
    with pytest.raises(ValueError, match="category_group is 0; expected at least 1"):
        replace(get_recipe("sketchy-subset"), category_group=0)


@pytest.mark.parametrize("name", PAPER)
def test_methods_on_a_paper_recipe_keep_its_sizes(name: str) -> None:
    config = get_recipe(name)
    assert METHODS["xmodalvit-paper"](config) == config
    baseline = METHODS["two-tower"](config)
    assert baseline.teacher is None
    assert (baseline.backbone, baseline.embedding_dim) == (config.backbone, config.embedding_dim)


def test_the_teacher_of_xmodalvit_starts_where_a_two_tower_does_and_the_published_one_does_not() -> None:
    ours, published = (METHODS[name](get_recipe("qmul-shoes")).teacher for name in ("xmodalvit", "xmodalvit-paper"))
    assert ours is not None
    assert published is not None
    assert (ours.shared_encoder, ours.start_unfused, ours.pair_weight) == (True, True, 1.0)
    assert (published.shared_encoder, published.start_unfused, published.pair_weight) == (False, False, 0.0)


def test_xmodalvit_unfused_has_the_teacher_of_xmodalvit_and_other_lessons() -> None:
    scores, unfused = (METHODS[name](get_recipe("catalogue")) for name in ("xmodalvit", "xmodalvit-unfused"))
    assert replace(unfused, distillation=scores.distillation) == scores
    assert unfused.distillation.unfused_targets
    assert (unfused.distillation.contrast_weight, unfused.distillation.score_weight) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("arguments", "student", "teacher"),
    [
        (["--init", "tiny.bin"], "tiny.bin", "pretrained"),
        (["--teacher-init", "base.bin"], "pretrained", "base.bin"),
        (["--init", "tiny.bin", "--teacher-init", "base.bin"], "tiny.bin", "base.bin"),
    ],
)
def test_weights_of_one_backbone_are_not_given_to_another(arguments: Any, student: str, teacher: str) -> None:
    config = read_config(parsed("run", "--recipe", "paper-shoe-v2", *arguments))
    assert config.teacher is not None
    assert (config.weights, config.teacher.weights) == (student, teacher)


def test_weights_are_shared_by_teacher_and_students_of_one_backbone() -> None:
    config = read_config(parsed("run", "--recipe", "qmul-shoes", "--method", "xmodalvit-paper", "--init", "tiny.bin"))
    assert config.teacher is not None
    assert (config.weights, config.teacher.weights) == ("tiny.bin", "tiny.bin")


def with_another_teacher(*more: str) -> TrainConfig:
    given = ["--recipe", "catalogue", "--method", "xmodalvit", "--set", "teacher.backbone=vit_tiny_patch16_224"]
    return read_config(parsed("run", *given, *more))


def test_a_teacher_that_the_method_adds_begins_with_its_own_weights() -> None:
    config = with_another_teacher("--teacher-init", "base.bin")
    assert config.teacher is not None
    assert (config.weights, config.teacher.weights) == ("random", "base.bin")


def test_a_teacher_of_another_backbone_never_starts_at_random_by_itself() -> None:
    with pytest.raises(ValueError, match=r"student's weights \(random\); give the teacher's with --teacher-init"):
        with_another_teacher()


def test_weights_for_a_teacher_where_there_is_none_are_refused() -> None:
    with pytest.raises(ValueError, match="trains no teacher here; add --method xmodalvit"):
        read_config(parsed("run", "--recipe", "qmul-shoes", "--teacher-init", "base.bin"))


def test_an_unknown_recipe_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="choose one of qmul-shoes, sketchy-subset"):
        get_recipe("shoes")
