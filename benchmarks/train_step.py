"""What a training step costs: ours against the naive formulation, interleaved in one run.

Teacher, naive: the photo is encoded anew for each of its two sketches (4 encodes; ours 3). Students, naive: each
modality's student is trained by itself, and both it and the frozen teacher run anew for each of the three loss terms
(2 x (6 + 3) encodes for both students; ours 2 + 2). Prints medians, ratios and peak memory as one JSON object; peak
memory is that of a process of its own for each contender.

    python -m benchmarks.train_step --backbone deit_tiny_patch16_224 --batch-size 32 --device cpu
"""

import argparse
import json
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from model.nets.cpu import keep_memory, use_plain_attention
from model.preprocess import Preprocessing
from training.config.run import TrainConfig
from training.config.xmodalvit import TeacherConfig
from training.data.pairs import Views
from training.run import choose_device
from training.tasks.losses import queue_contrast, relational_angle, relational_distance
from training.tasks.students import StudentsTask
from training.tasks.teacher import TeacherTask

Step = Callable[[], Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="deit_tiny_patch16_224", help="of teacher and students")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    contenders = steps(arguments)
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for repeat in range(arguments.repeats + 1):
        for name, step in contenders.items():
            seconds = timed(step, arguments)
            if repeat:  # the first round warms up
                times[name].append(seconds)
    pairs_per_second = {name: arguments.batch_size / statistics.median(values) for name, values in times.items()}
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        memory = {name: pool.apply(peak_memory_mib, (name, arguments)) for name in contenders}
    print(
        json.dumps(
            {
                "device": torch.cuda.get_device_name()
                if on_gpu(arguments)
                else f"{torch.get_num_threads()} CPU threads",
                "torch": torch.__version__,
                "pairs_per_second": {name: round(value, 2) for name, value in pairs_per_second.items()},
                "speed_up": {
                    stage: round(pairs_per_second[stage] / pairs_per_second[f"{stage} naive"], 2)
                    for stage in ("teacher", "students")
                },
                "peak_memory_mib": memory,
            },
            indent=2,
        )
    )


def steps(arguments: argparse.Namespace) -> dict[str, Step]:
    """The contenders: name -> a function that computes the loss of one batch."""
    torch.manual_seed(0)
    device = choose_device(arguments.device)
    settings = TeacherConfig(backbone=arguments.backbone, weights="random")
    side = arguments.image_size
    config = TrainConfig(
        recipe="benchmark",
        backbone=arguments.backbone,
        weights="random",
        shared_encoder=False,
        preprocessing=Preprocessing(image_size_px=side),
        teacher=settings,
    )
    teacher = TeacherTask(config, settings, num_categories=1).to(device)
    students = StudentsTask(config_for(teacher, config), settings, num_categories=1).to(device)
    if device.type == "cpu":  # as the training loop does
        use_plain_attention(teacher)
        use_plain_attention(students)
        keep_memory()
    count = arguments.batch_size
    views = Views(
        photo=torch.randn(count, 3, side, side, device=device),
        sketch=torch.randn(count, 2, 3, side, side, device=device),
        item=torch.arange(count, device=device),
        category=torch.zeros(count, dtype=torch.int64, device=device),
    )
    return {
        "teacher": lambda: total(teacher(views)),
        "teacher naive": lambda: naive_teacher(teacher, views),
        "students": lambda: total(students(views)),
        "students naive": lambda: naive_students(students, views),
    }


def config_for(teacher: TeacherTask, config: TrainConfig) -> TrainConfig:
    values = config.to_dict() | {"embedding_dim": teacher.teacher.dim}
    return TrainConfig.from_dict(values)


def total(losses: dict[str, Tensor]) -> Tensor:
    return torch.stack(list(losses.values())).sum()


def naive_teacher(task: TeacherTask, views: Views) -> Tensor:
    """The photo is encoded once for each of its sketches."""
    teacher = task.teacher
    targets = [
        teacher.fuse(teacher.encode("photo", views.photo), teacher.encode("sketch", views.sketch[:, number]))
        for number in (0, 1)
    ]
    photo, sketch = targets[0][0], targets[1][1]
    return task._contrast(photo, sketch, views.item)


def naive_students(task: StudentsTask, views: Views) -> Tensor:
    """Everything is computed anew for each loss term, for each student by itself."""
    losses = []
    images = {"photo": views.photo, "sketch": views.sketch[:, 0]}
    for stream, (modality, own) in enumerate(images.items()):
        for term in ("contrast", "distance", "angle"):
            with torch.no_grad():
                target = task._targets(*task._teacher_tokens(views))[stream]
            student = task.encoders[modality](own)
            if term == "contrast":
                queue = task.queues[modality]
                masked = queue.mask(views.item)  # type: ignore[operator]
                keys = queue.keys.clone()  # type: ignore[operator]
                losses.append(queue_contrast(student, target, keys, masked, temperature=0.07))
            else:
                losses.append((relational_distance if term == "distance" else relational_angle)(student, target))
    return torch.stack(losses).sum()


def timed(step: Step, arguments: argparse.Namespace) -> float:
    """Seconds of one forward and backward pass."""
    synchronise(arguments)
    started = time.perf_counter()
    with torch.autocast("cuda" if on_gpu(arguments) else "cpu", torch.bfloat16):
        loss = step()
    loss.backward()  # type: ignore[no-untyped-call]
    synchronise(arguments)
    return time.perf_counter() - started


def on_gpu(arguments: argparse.Namespace) -> bool:
    return choose_device(arguments.device).type == "cuda"


def synchronise(arguments: argparse.Namespace) -> None:
    if on_gpu(arguments):
        torch.cuda.synchronize()


def peak_memory_mib(name: str, arguments: argparse.Namespace) -> int:
    """Peak memory of two steps of one contender: of the GPU, or of this fresh process."""
    step = steps(arguments)[name]
    for _ in range(2):
        timed(step, arguments)
    if on_gpu(arguments):
        return int(torch.cuda.max_memory_allocated() / 2**20)
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10)


if __name__ == "__main__":
    main()
