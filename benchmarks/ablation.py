"""Variants of the method side by side: same data, backbone, budget and augmentation, several seeds each.

With --validation, numbers are of photos cut out of the training split, and variants may be chosen by them; --folds
repeats everything with other photos cut out, so that with a share of 0.2 and folds 0 to 4 every training photo is
measured by encoders that have not learnt it. Without, they are of the test split: report those, choose nothing by them.
Finished runs in --out are read, not repeated. Prints a Markdown table: the mean over seeds and folds, the lowest and
highest, the gain in acc@1 over the first variant on the same queries with its 95 % interval (bootstrap over photos with
all their sketches, seeds averaged), and the teacher's shortcut probe.

What pseudo-sketches are made of is measured with recipe own-photos on a folder of photos, and --test-data with real
sketches of other photos; --split train of a dataset whose pairs were not trained on is a fair choice.

    python -m benchmarks.ablation --recipe qmul-shoes --data DATA --init WEIGHTS --out runs/ablation \
        --validation 0.2 --folds 0 1 2 3 4 --variants two-tower xmodalvit-paper --seeds 0
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import torch

from training.config.recipes import (
    METHODS,
    RECIPES,
    get_recipe,
    two_tower,
    xmodalvit,
    xmodalvit_paper,
    xmodalvit_unfused,
)
from training.config.run import TrainConfig
from training.config.sketch_style import INGREDIENTS
from training.data.dataset import Split, read_split
from training.evaluation.evaluate import evaluate
from training.evaluation.metrics import IntArray, bootstrap_gain, summarise
from training.loop.checkpoint import read_progress
from training.run import as_dataset, choose_device, train_stages
from training.stages import finished_stage, load_task, serving_stage, split_validation, torch_embed

Variant = Callable[[TrainConfig], TrainConfig]
METRICS = ("acc@1", "acc@5", "acc@10", "mean_rank")


def teacher(config: TrainConfig, **changes: object) -> TrainConfig:
    """The configuration with another teacher."""
    assert config.teacher is not None
    return replace(config, teacher=replace(config.teacher, **changes))  # type: ignore[arg-type]


def distillation(config: TrainConfig, **changes: object) -> TrainConfig:
    """The configuration with another distillation."""
    return replace(config, distillation=replace(config.distillation, **changes))  # type: ignore[arg-type]


def style(config: TrainConfig, **changes: object) -> TrainConfig:
    """The configuration with other pseudo-sketches."""
    return replace(config, sketch_style=replace(config.sketch_style, **changes))  # type: ignore[arg-type]


def without(ingredient: str) -> Variant:
    """Pseudo-sketches without one of their ingredients."""
    return lambda config: replace(config, sketch_style=config.sketch_style.without([ingredient]))


def xmodalvit_direct(config: TrainConfig) -> TrainConfig:
    return distillation(replace(xmodalvit_paper(config), shared_encoder=True), direct_weight=1.0)


VARIANTS: dict[str, Variant] = {
    **METHODS,
    "two-tower, separate encoders": lambda config: replace(two_tower(config), shared_encoder=False),
    "two-tower, sketch–sketch": lambda config: replace(two_tower(config), intra_weight=0.5),
    "two-tower, parts of sketches left out": lambda config: replace(
        two_tower(config), augmentation=replace(config.augmentation, sketch_drop=0.2)
    ),
    "two-tower, three times the epochs": lambda config: replace(two_tower(config), epochs=3 * config.epochs),
    "two-tower, no label smoothing": lambda config: replace(two_tower(config), label_smoothing=0.0),
    "xmodalvit-paper, no queue": lambda config: teacher(xmodalvit_paper(config), queue_size=0),
    "paper + shared student + direct": xmodalvit_direct,
    "… + unfused term": lambda config: teacher(xmodalvit_direct(config), unfused_weight=1.0, queue_size=0),
    "xmodalvit, nothing fused": lambda config: teacher(xmodalvit(config), num_blocks=0),
    "xmodalvit, two transformers": lambda config: teacher(xmodalvit(config), shared_encoder=False),
    "xmodalvit, blocks start at random": lambda config: teacher(xmodalvit(config), start_unfused=False),
    "xmodalvit, two transformers, blocks start at random": lambda config: teacher(
        xmodalvit(config), shared_encoder=False, start_unfused=False
    ),
    "xmodalvit, scores × 4": lambda config: distillation(xmodalvit(config), score_weight=4.0),
    "xmodalvit-unfused, photos by the teacher": lambda config: distillation(
        replace(xmodalvit_unfused(config), shared_encoder=False), teacher_photos=True
    ),
    "xmodalvit, XMRD too": lambda config: distillation(xmodalvit(config), distance_weight=1.0, angle_weight=1.0),
    "all ingredients": lambda config: config,
    **{f"without {name}": without(name) for name in INGREDIENTS},
    "edges by differences of Gaussians": lambda config: style(config, edges="dog"),
    "edges of both kinds": lambda config: style(config, edges="both"),
    "direct + unfused targets": lambda config: distillation(
        teacher(xmodalvit_direct(config), unfused_weight=1.0, queue_size=0), unfused_targets=True
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", required=True, choices=list(RECIPES))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--init", required=True)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--test-data", type=Path, help="where to evaluate, if not on --data")
    parser.add_argument("--split", default="test", help="of the dataset evaluated on, where nothing is held out")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--validation", type=float, default=0.0)
    parser.add_argument(
        "--folds", nargs="+", type=int, default=[0], help="which validation photos, one after the other"
    )
    parser.add_argument("--image-size", type=int)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    rows = {
        name: [
            measure(VARIANTS[name](base_config(arguments, seed, fold)), name, arguments)
            for fold in arguments.folds
            for seed in arguments.seeds
        ]
        for name in arguments.variants
    }
    print(table(rows))


def base_config(arguments: argparse.Namespace, seed: int, fold: int) -> TrainConfig:
    """The recipe with what the command line changes."""
    config = replace(get_recipe(arguments.recipe), seed=seed, weights=arguments.init, checkpoint_epochs=10)
    if arguments.start:
        config = replace(config, start=str(arguments.start))
    if arguments.image_size:
        config = replace(config, preprocessing=replace(config.preprocessing, image_size_px=arguments.image_size))
    return replace(
        config,
        epochs=arguments.epochs or config.epochs,
        validation_share=arguments.validation,
        validation_fold=fold,
    )


def measure(config: TrainConfig, name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Trains and evaluates one variant with one seed, each unless that is done already."""
    fold = f"fold{config.validation_fold}" if config.validation_share else ""
    out = arguments.out / name.replace(" ", "_") / fold / f"seed{config.seed}"
    result = out / "result.json"
    if not result.is_file():
        device = choose_device(arguments.device)
        data = as_dataset(arguments.data, out, config)
        train_stages(config, data=data, out=out, device=device)
        result.write_text(json.dumps(evaluate_run(out, config, data, arguments, device)), encoding="utf-8")
    values: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    shown = {key: value for key, value in values.items() if key != "hits"}
    print(json.dumps({"variant": name, "seed": config.seed, "fold": config.validation_fold} | shown), flush=True)
    return values


def evaluate_run(
    out: Path, config: TrainConfig, data: Path, arguments: argparse.Namespace, device: torch.device
) -> dict[str, Any]:
    train = read_split(data, "train")
    held_out = None if arguments.test_data else split_validation(train, config)[1]
    split = held_out or read_split(arguments.test_data or data, arguments.split)
    stage = serving_stage(out)
    task, _ = load_task(out, stage, num_categories=len(train.categories))
    evaluation = evaluate(torch_embed(task.to(device), device), split, config.preprocessing)
    probe = read_progress(finished_stage(out, "teacher")).metrics if stage == "students" else {}
    teacher_alone = {f"teacher_{name}": probe[name] for name in METRICS if name in probe}
    shares = {name: value for name, value in probe.items() if name.startswith("probe")}
    hits = photo_hits(split, evaluation.query_ranks)
    return (
        {"split": split.name}
        | summarise(evaluation.query_ranks, evaluation.targets)
        | teacher_alone
        | shares
        | {"hits": hits}
    )


def photo_hits(split: Split, query_ranks: IntArray) -> dict[str, list[bool]]:
    """For each photo, which of its sketches find it first."""
    rows = iter((query_ranks == 1).tolist())
    return {item.id: [next(rows) for _ in item.sketches] for item in split.items}


def table(rows: dict[str, list[dict[str, Any]]]) -> str:
    """Markdown."""
    lines = ["| variant | runs | " + " | ".join(METRICS) + " | gain | probe |", "|-" * (len(METRICS) + 4) + "|"]
    first = next(iter(rows.values()))
    for name, results in rows.items():
        cells = [spread([result[metric] for result in results]) for metric in METRICS]
        probes = [result for result in results if "probe_matched" in result]
        probe = " / ".join(
            f"{mean(result[f'probe_{kind}'] for result in probes):.0f}"
            for kind in ("matched", "sketches_shuffled", "photos_shuffled")
            if probes
        )
        lines.append(f"| {name} | {len(results)} | {' | '.join(cells)} | {gain(results, first)} | {probe} |")
    return "\n".join(lines)


def gain(results: list[dict[str, Any]], baseline: list[dict[str, Any]]) -> str:
    """Points of acc@1 over the baseline's and their 95 % interval."""
    if results is baseline:
        return ""
    after, before = all_hits(results), all_hits(baseline)
    if {photo: len(hits) for photo, hits in after.items()} != {photo: len(hits) for photo, hits in before.items()}:
        raise ValueError(
            "The runs of two variants did not measure the same photos; give both the same folds and seeds."
        )
    more = np.array([sum(after[photo]) - sum(hits) for photo, hits in before.items()])
    queries = np.array([len(hits) for hits in before.values()])
    interval = bootstrap_gain(more, queries)
    return f"{interval.mean:+.1f} ({interval.low:+.1f} to {interval.high:+.1f})" if interval else "of a single photo"


def all_hits(results: list[dict[str, Any]]) -> dict[str, list[bool]]:
    """The hits of each photo in all the runs that measured it."""
    photos: dict[str, list[bool]] = {}
    for result in results:
        for photo, hits in result["hits"].items():
            photos.setdefault(photo, []).extend(hits)
    return photos


def spread(values: list[float]) -> str:
    return f"{mean(values):.1f} ({min(values):.1f}–{max(values):.1f})"


if __name__ == "__main__":
    main()
