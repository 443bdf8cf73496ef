"""What is lost and what is saved from teacher to student: accuracy and time of a query, on one split.

Four ways to answer a sketch: the student alone; the student, its first --top photos re-ranked by the teacher; the
teacher fusing the sketch with every photo of the gallery; the teacher without fusion. A pair's score under fusion is
t_p · t_s of that pair. Photos are encoded beforehand in all four, as an index would hold them. One seed; the times are
medians over the queries, in PyTorch on this machine's CPU, float32, the four in turns.

    python -m benchmarks.rerank --run runs/shoes-xmodalvit --data DATA [--split test] [--top 50]

With --stage teacher, the last two of a run that has no students yet.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from numpy.typing import NDArray

from model.bundle import Modality
from model.nets.teacher import Teacher, Tokens, unit_norm
from model.preprocess import to_tensor
from training.config.run import TrainConfig
from training.data.dataset import Split, read_image, read_split
from training.evaluation.metrics import ranks, summarise
from training.stages import load_task, split_validation
from training.tasks.students import StudentsTask
from training.tasks.teacher import TeacherTask

Scores = NDArray[np.float32]
Answer = Callable[[torch.Tensor], torch.Tensor]  # one prepared sketch -> a score for every photo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="run folder with finished students")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="test", help="or 'validation': what the run kept out of training")
    parser.add_argument("--top", type=int, default=50)
    parser.add_argument("--stage", choices=["students", "teacher"], default="students")
    arguments = parser.parse_args()
    train = read_split(arguments.data, "train")
    task, config = load_task(arguments.run, arguments.stage, num_categories=len(train.categories))
    assert isinstance(task, StudentsTask | TeacherTask)
    kept = split_validation(train, config)[1] if arguments.split == "validation" else None
    split = kept or read_split(arguments.data, arguments.split)
    with torch.inference_mode():
        answers = ways(task.eval(), split, config, arguments.top)
        scores, times = ask(answers, split, config)
    for name, values in scores.items():
        targets = np.repeat(np.arange(len(split.items)), [len(item.sketches) for item in split.items])
        milliseconds = round(1000 * median(times[name]), 2)
        result = {"way": name, "ms_per_query": milliseconds} | summarise(ranks(values, targets), targets)
        print(json.dumps(result), flush=True)


def ways(task: StudentsTask | TeacherTask, split: Split, config: TrainConfig, top: int) -> dict[str, Answer]:
    """The photos encoded, and how each way scores them for a sketch."""
    images = torch.stack([prepare("photo", item.photo, config) for item in split.items])
    photos = torch.cat([task.encoder("photo")(chunk) for chunk in torch.split(images, 32)])
    pieces = [task.teacher.encode("photo", chunk) for chunk in torch.split(images, 32)]
    tokens = Tokens(torch.cat([p.cls for p in pieces]), torch.cat([p.patches for p in pieces]))
    everything = torch.arange(len(photos))
    photo_cls = unit_norm(tokens.cls)

    def student(sketch: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = photos @ task.encoder("sketch")(sketch)[0]
        return scores

    def reranked(sketch: torch.Tensor) -> torch.Tensor:
        scores = student(sketch)
        first = scores.topk(min(top, len(scores))).indices
        # Cosines lie within -1 and 1: two more puts every re-ranked photo before every other.
        return scores.index_copy(0, first, 2 + fused(task.teacher, tokens, sketch, first))

    by_student = {"student": student, f"student, first {top} re-ranked by the teacher": reranked}
    return (by_student if isinstance(task, StudentsTask) else {}) | {
        "teacher fused with every photo": lambda sketch: fused(task.teacher, tokens, sketch, everything),
        "teacher without fusion": lambda sketch: photo_cls @ unit_norm(task.teacher.encode("sketch", sketch).cls)[0],
    }


def fused(teacher: Teacher, photos: Tokens, sketch: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """t_p · t_s of one sketch with some of the photos: (len(rows),)."""
    return teacher.score_pairs(photos[rows], teacher.encode("sketch", sketch))[:, 0]


def ask(
    answers: dict[str, Answer], split: Split, config: TrainConfig
) -> tuple[dict[str, Scores], dict[str, list[float]]]:
    """Every way on every sketch: scores (queries, photos), and the seconds each took."""
    scores: dict[str, list[Scores]] = {name: [] for name in answers}
    times: dict[str, list[float]] = {name: [] for name in answers}
    for path in (sketch for item in split.items for sketch in item.sketches):
        image = prepare("sketch", path, config)[None]
        for name, answer in answers.items():
            started = time.perf_counter()
            values = answer(image)
            times[name].append(time.perf_counter() - started)
            scores[name].append(values.numpy())
    return {name: np.stack(rows) for name, rows in scores.items()}, times


def prepare(modality: Modality, path: Path, config: TrainConfig) -> torch.Tensor:
    """One image as the encoders take it: (3, S, S)."""
    image = read_image(modality, path, config.preprocessing)
    return torch.from_numpy(to_tensor(image, config.preprocessing))


if __name__ == "__main__":
    main()
