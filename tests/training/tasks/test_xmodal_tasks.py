from dataclasses import replace
from typing import Any

import pytest
import torch
from toy_config import TOY, TOY_TEACHER

from model.nets.teacher import unit_norm
from training.config.xmodalvit import DistillationConfig
from training.data.pairs import Views
from training.tasks.losses import score_divergence
from training.tasks.students import StudentsTask
from training.tasks.teacher import TeacherTask

CONFIG = replace(
    TOY,
    shared_encoder=False,
    teacher=TOY_TEACHER,
    distillation=DistillationConfig(queue_size=6),
    label_smoothing=0.0,
)


SCORER = replace(TOY_TEACHER, pair_weight=1.0)
DIRECT_ONLY = DistillationConfig(contrast_weight=0.0, distance_weight=0.0, angle_weight=0.0, direct_weight=1.0)


def views(seed: int = 0, count: int = 4, num_sketches: int = 2) -> Views:
    generator = torch.Generator().manual_seed(seed)
    photo = torch.randn(count, 3, 32, 32, generator=generator)
    sketch = torch.randn(count, num_sketches, 3, 32, 32, generator=generator)
    return Views(photo, sketch, item=torch.arange(count) + 10 * seed, category=torch.zeros(count, dtype=torch.int64))


def teacher_task(**changes: Any) -> TeacherTask:
    torch.manual_seed(0)
    return TeacherTask(CONFIG, replace(TOY_TEACHER, **changes), num_categories=1)


def students_task(**changes: Any) -> StudentsTask:
    torch.manual_seed(0)
    return StudentsTask(
        replace(CONFIG, distillation=replace(CONFIG.distillation, **changes)), TOY_TEACHER, num_categories=1
    )


def count_encoded(network: torch.nn.Module) -> list[int]:
    sizes: list[int] = []
    network.register_forward_hook(lambda _module, inputs, _output: sizes.append(len(inputs[0])))
    return sizes


def test_a_teacher_step_encodes_every_photo_and_every_sketch_once() -> None:
    task = teacher_task(queue_size=0, unfused_weight=1.0)
    photos, sketches = (count_encoded(task.teacher.backbones[m].patch_embed) for m in ("photo", "sketch"))
    assert set(task(views())) == {"fused", "unfused"}
    assert sum(photos) == 4
    assert sum(sketches) == 8


def test_the_teacher_contrasts_one_sketch_of_a_photo_with_another() -> None:
    task = teacher_task(queue_size=0).eval()
    batch = views()
    swapped = replace(batch, sketch=batch.sketch.flip(1))
    repeated = replace(batch, sketch=batch.sketch[:, :1].repeat(1, 2, 1, 1, 1))
    losses = {task(one)["fused"].item() for one in (batch, swapped, repeated)}
    assert len(losses) == 3


def test_both_teacher_queues_fill_with_unit_vectors_and_remember_their_photos() -> None:
    task = teacher_task()
    task(views(1))
    task(views(2))
    for queue in task.queues.values():
        assert sorted(queue.items.tolist()) == [12, 13, 20, 21, 22, 23]
        torch.testing.assert_close(queue.keys.norm(dim=1), torch.ones(6))


def test_nothing_is_queued_outside_training() -> None:
    task = teacher_task().eval()
    task(views())
    assert (task.queues["photo"].items == -1).all()


def test_every_part_of_the_teacher_is_trained() -> None:
    task = teacher_task()
    task(views(1))
    torch.stack(list(task(views(2)).values())).sum().backward()
    without = [name for name, parameter in task.named_parameters() if parameter.grad is None]
    assert not without
    blocks = [parameter.grad.abs().sum() for parameter in task.teacher.blocks.parameters()]
    # The bias of the keys cancels in the softmax; everything else moves.
    assert sum(float(total) > 0 for total in blocks) == len(blocks)


def test_the_probe_tells_a_teacher_that_ignores_sketches_from_one_that_ignores_photos() -> None:
    blind_to_sketches, blind_to_photos = teacher_task().eval(), teacher_task().eval()
    with torch.no_grad():
        for parameter in blind_to_sketches.teacher.blocks[0].halves["sketch"].modality_transformation.parameters():
            parameter.zero_()  # t_s no longer depends on its own sketch
        for parameter in blind_to_photos.teacher.blocks[0].halves["sketch"].attention.out_proj.parameters():
            parameter.zero_()  # t_s no longer depends on the photo
    shortcut, honest = blind_to_sketches.probe(views(count=16)), blind_to_photos.probe(views(count=16))
    assert shortcut["probe_sketches_shuffled"] == shortcut["probe_matched"]
    assert honest["probe_photos_shuffled"] == honest["probe_matched"]


def test_each_student_learns_from_its_own_modality_and_its_own_target() -> None:
    task = students_task(distance_weight=0.0, angle_weight=0.0)
    task(views(1))
    losses = task(views(2))
    losses["contrast_photo"].backward(retain_graph=True)
    assert all(parameter.grad is None for parameter in task.encoders["sketch"].parameters())
    assert any(parameter.grad is not None for parameter in task.encoders["photo"].parameters())
    base = views(3)
    task.eval()
    other_photo = replace(base, photo=views(4).photo)
    with torch.no_grad():
        target_moves = [
            float((one - two).abs().max())
            for one, two in zip(
                task._targets(*task._teacher_tokens(base)),
                task._targets(*task._teacher_tokens(other_photo)),
                strict=True,
            )
        ]
    assert min(target_moves) > 0  # both targets see the photo: the fusion is on


def test_the_frozen_teacher_runs_once_in_a_students_step_and_never_trains() -> None:
    task = students_task(direct_weight=1.0).train()
    before = {name: tensor.clone() for name, tensor in task.teacher.state_dict().items()}
    photos = count_encoded(task.teacher.backbones["photo"].patch_embed)
    students = count_encoded(task.encoders["photo"].backbone.patch_embed)
    losses = task(views())
    assert set(losses) == {"contrast_photo", "contrast_sketch", "distance", "angle", "direct"}
    torch.stack(list(losses.values())).sum().backward()
    assert sum(photos) == sum(students) == 4
    assert not task.teacher.training
    assert all(parameter.grad is None for parameter in task.teacher.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in task.teacher.state_dict().items())


def test_unfused_targets_are_those_of_one_modality_alone() -> None:
    task = students_task(unfused_targets=True).eval()
    one, other = views(1), replace(views(1), photo=views(2).photo)
    assert torch.equal(task._targets(*task._teacher_tokens(one))[1], task._targets(*task._teacher_tokens(other))[1])
    assert not torch.equal(task._targets(*task._teacher_tokens(one))[0], task._targets(*task._teacher_tokens(other))[0])


def test_where_the_teacher_embeds_the_photos_a_sketch_student_alone_learns() -> None:
    task = students_task(teacher_photos=True, unfused_targets=True, direct_weight=1.0)
    assert set(task.encoders) == {"sketch"}
    photos = count_encoded(task.teacher.backbones["photo"].patch_embed)
    batch = views()
    losses = task(batch)
    assert set(losses) == {"contrast_sketch", "distance", "angle", "direct"}
    torch.stack(list(losses.values())).sum().backward()
    assert sum(photos) == 4
    assert all(parameter.grad is None for parameter in task.teacher.parameters())
    assert all(parameter.grad is not None for parameter in task.encoders["sketch"].backbone.blocks.parameters())
    with torch.no_grad():
        own = unit_norm(task.teacher.encode("photo", batch.photo).cls)
        assert torch.equal(task.encoder("photo")(batch.photo), own)


def test_students_of_another_dimension_than_the_teacher_are_refused() -> None:
    with pytest.raises(ValueError, match="embedding_dim is 32 but the teacher test_vit gives targets of 64"):
        StudentsTask(replace(CONFIG, embedding_dim=32), TOY_TEACHER, num_categories=1)


@pytest.mark.parametrize(
    ("settings", "changes", "message"),
    [
        (TOY_TEACHER, {"num_heads": 0}, "num_heads 0"),
        (TOY_TEACHER, {"learning_rate": -1e-4}, "learning_rate is -0.0001"),
        (DistillationConfig(), {"queue_size": 0}, "no negatives"),
        (
            DistillationConfig(),
            {"contrast_weight": 0, "distance_weight": 0, "angle_weight": 0},
            "nothing would be learnt",
        ),
        (DistillationConfig(), {"teacher_photos": True}, "set unfused_targets to true"),
        (
            replace(CONFIG, distillation=DistillationConfig(teacher_photos=True, unfused_targets=True)),
            {"shared_encoder": True},
            "teacher_photos and shared_encoder are both on",
        ),
        (CONFIG, {"distillation": replace(DIRECT_ONLY, score_weight=1.0)}, "set teacher.pair_weight above 0"),
    ],
)
def test_contradictions_are_refused(settings: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(settings, **changes)


def test_categories_lead_teacher_and_students_as_they_do_the_two_tower() -> None:
    config = replace(CONFIG, category_weight=0.5, ramp_steps=2)
    batch = views()
    for task_class in (TeacherTask, StudentsTask):
        task = task_class(config, TOY_TEACHER, num_categories=3)
        steps = [task(batch) for _ in range(4)]
        for name in steps[0].keys() - {"category"}:
            values = [losses[name].item() for losses in steps]
            assert values[:2] == [0, 0]
            assert 0 < values[2] < values[3]
        assert all(losses["category"].item() > 0 for losses in steps)
        assert task.category_head.weight.shape == (3, 64)


def test_all_pairs_are_scored_as_each_pair_fused_by_itself() -> None:
    teacher = teacher_task(num_blocks=2).teacher.eval()
    one, other = views(seed=1, count=3), views(seed=2, count=4)
    photos, sketches = teacher.encode("photo", one.photo), teacher.encode("sketch", other.sketch[:, 0])
    scores = teacher.score_pairs(photos, sketches)
    assert scores.shape == (3, 4)
    for m in range(3):
        photo_target, sketch_target = teacher.fuse(photos[torch.full((4,), m)], sketches)
        torch.testing.assert_close(scores[m], (photo_target * sketch_target).sum(dim=1), atol=1e-5, rtol=1e-4)


def test_the_pair_term_trains_every_part_of_the_fusion() -> None:
    task = teacher_task(queue_size=0, pair_weight=1.0)
    task(views())["pairs"].backward()
    blocks = dict(task.teacher.blocks.named_parameters())
    assert all(parameter.grad is not None for parameter in blocks.values())


def test_students_are_taught_the_scores_of_all_pairs() -> None:
    torch.manual_seed(0)
    task = StudentsTask(
        replace(CONFIG, teacher=SCORER, distillation=replace(DIRECT_ONLY, direct_weight=0.0, score_weight=2.0)),
        SCORER,
        num_categories=1,
    )
    losses = task(views())
    assert set(losses) == {"scores"}
    with torch.no_grad():
        batch = views()
        tokens = task.teacher.encode("photo", batch.photo), task.teacher.encode("sketch", batch.sketch[:, 0])
        students = [task.encoder(m)(i) for m, i in (("photo", batch.photo), ("sketch", batch.sketch[:, 0]))]
    expected = score_divergence(students[0] @ students[1].T, task.teacher.score_pairs(*tokens), temperature=0.07)
    assert losses["scores"].item() == pytest.approx(2 * expected.item(), rel=1e-4)
    losses["scores"].backward()
    assert all(parameter.grad is None for parameter in task.teacher.parameters())
