"""One self-contained page on one run or several: results, training, samples, failures, attention and a map.

This file chooses what is shown and fills the template; the pictures come from the files report_*.py.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from training.config.run import TrainConfig
from training.data.dataset import Split, read_split
from training.report.attention import attention_section
from training.report.figures import Plot, accuracy_plot, loss_plot, map_plot, size_plot
from training.report.literature import CAVEAT, Benchmark, find_benchmark
from training.report.runs import ReportedRun, epochs_to_converge, read_run
from training.report.strips import Strip, evenly_by_rank, failure_strips, sample_strips, sheet, worst_first

SAMPLES, FAILURES, ATTENTION_PAIRS = 8, 12, 4
PAGE = "index.html"
_TEMPLATE = "report.html.jinja"


def write_report(
    runs: Sequence[Path],
    *,
    data: Path,
    out: Path,
    split: str = "test",
    baseline: Path | None = None,
    device: torch.device,
) -> dict[str, Any]:
    """Writes `out`/index.html, which asks for nothing outside itself, and its pictures as PNG files beside it.

    Args:
        runs: run folders, at least one; samples, failures, attention and map are of the first.
        data: dataset with manifest.json.
        out: folder of the report; files of the same names in it are replaced.
        split: what every run is evaluated on.
        baseline: a run folder to compare with.
        device: where to embed.

    Returns:
        The page's path and each run's metrics, as plain JSON values.

    Raises:
        ValueError: a run was not trained to its end, or the data cannot be used.
    """
    chosen = read_split(data, split)
    paths = [*runs, *([baseline] if baseline else [])]
    everyone = [
        read_run(path, chosen, name=name, device=device) for path, name in zip(paths, _names(paths), strict=True)
    ]
    main, compared = everyone[0], everyone[-1] if baseline else None
    out.mkdir(parents=True, exist_ok=True)
    plots, strips = _plots(everyone), _strips(main, chosen)
    attention = attention_section(main, compared, chosen, evenly_by_rank(main.evaluation.query_ranks, ATTENTION_PAIRS))
    page = (
        _environment()
        .get_template(_TEMPLATE)
        .render(
            run=main,
            everyone=everyone,
            compared=compared,
            split=chosen.summary(),
            facts=_facts(main, chosen),
            attention=attention,
            **_published(chosen),
            **plots,
            **strips,
        )
    )
    _write_pictures(out, plots, strips | {"attention": attention.strips})
    (out / PAGE).write_text(page, encoding="utf-8")
    return {
        "written": str(out / PAGE),
        "runs": {run.name: {"path": str(run.path), **run.evaluation.summary} for run in everyone},
    }


def _names(paths: Sequence[Path]) -> list[str]:
    """As many of each path's last parts as tell the runs apart: "mine", or "two-tower/seed0" and "xmodalvit/seed0".

    Raises:
        ValueError: a run is given twice.
    """
    parts = [path.absolute().parts for path in paths]
    if len(set(parts)) < len(parts):
        raise ValueError(f"A run is given twice among {', '.join(map(str, paths))}; give each once.")
    least = 2 if any(own[-1].startswith("seed") for own in parts) else 1  # "seed0" alone says nothing
    depth = next(n for n in range(least, 1000) if len({own[-n:] for own in parts}) == len(parts))
    return ["/".join(own[-depth:]) for own in parts]


def _published(split: Split) -> dict[str, Any]:
    """The benchmark of the dataset's name, if the split has its gallery; else a sentence why no rows are shown."""
    benchmark: Benchmark | None = find_benchmark(split.dataset)
    if benchmark is None:
        return {"benchmark": None, "caveat": "No published results are known for a dataset of this name."}
    if len(split.items) != benchmark.photos:
        caveat = (
            f"Published results on {benchmark.name} are on a gallery of {benchmark.photos:,} photos. This split has "
            f"{len(split.items):,}, so they would not compare and are left out."
        )
        return {"benchmark": None, "caveat": caveat}
    return {"benchmark": benchmark, "caveat": CAVEAT}


def _plots(everyone: Sequence[ReportedRun]) -> dict[str, Plot | None]:
    first = everyone[0]
    measured = any(run.validation_accuracy is not None for run in everyone)
    return {
        "loss": loss_plot(first.curves) if first.curves else None,
        "accuracy_curve": accuracy_plot(everyone) if measured else None,
        "size": size_plot(everyone) if len(everyone) > 1 else None,
        "map": map_plot(first.evaluation),
    }


def _strips(run: ReportedRun, split: Split) -> dict[str, list[Strip]]:
    evaluation = run.evaluation
    samples, failures = evenly_by_rank(evaluation.query_ranks, SAMPLES), worst_first(evaluation.query_ranks, FAILURES)
    return {
        "samples": sample_strips(evaluation, split, samples),
        "failures": failure_strips(evaluation, split, failures),
    }


def _facts(run: ReportedRun, split: Split) -> dict[str, str]:
    """What was trained and what it was measured on, as rows of two columns."""
    config, info = run.config, run.info
    trained: Mapping[str, Any] = info.get("trained_on", {})
    converged = run.validation_accuracy and epochs_to_converge(run.validation_accuracy)
    unknown = "not recorded"
    facts = {
        "Recipe": f"{config.recipe}, {'two-tower' if config.teacher is None else 'XModalViT students'}",
        "Encoder": f"{config.backbone}, {run.num_parameters / 1e6:.2f} million parameters, {_serves(config)}"
        + f", {config.embedding_dim}-d embedding, {config.preprocessing.image_size_px} px",
        "Weights at the start": config.start or config.weights,
        "Trained on": _counts(trained) if trained else unknown,
        "Evaluated on": _counts(split.summary()),
        "Evaluated": run.source,
        "Schedule": f"{_small_images(config)}{config.epochs} epochs, batch {config.batch_size}, seed {config.seed}",
        "Minutes": str(info.get("minutes", unknown)),
        "Machine": str(info.get("machine", unknown)),
        "Command": str(info.get("command", unknown)),
    }
    if config.teacher is not None:
        teacher = config.teacher
        facts["Teacher"] = (
            f"{'one' if teacher.shared_encoder else 'two'} {teacher.backbone}; XMA blocks: {teacher.num_blocks}, "
            f"queue: {teacher.queue_size}, epochs: {teacher.epochs}"
        )
    if converged:
        facts["Converged"] = f"epoch {converged}: the first with 95 % of the best validation acc@1"
    return facts


def _serves(config: TrainConfig) -> str:
    """Which modalities the described encoder, that of sketches, serves."""
    if config.shared_encoder:
        return "one for both modalities"
    if config.teacher and config.distillation.teacher_photos:
        return f"for sketches; the teacher’s {config.teacher.backbone} embeds the photos"
    return "one for each modality"


def _small_images(config: TrainConfig) -> str:
    small = config.small_images
    return f"{small.epochs} epochs at {small.image_size_px} px, then " if small and config.begins_small else ""


def _counts(summary: Mapping[str, Any]) -> str:
    return (
        f"{summary['dataset']}, {summary['split']}: {summary['photos']:,} photos, {summary['sketches']:,} sketches, "
        f"sha256 {summary['sha256'][:16]}"
    )


def _write_pictures(out: Path, plots: Mapping[str, Plot | None], sheets: Mapping[str, list[Strip]]) -> None:
    for plot in plots.values():
        if plot is not None:
            (out / f"{plot.name}.png").write_bytes(plot.light)
            (out / f"{plot.name}-dark.png").write_bytes(plot.dark)
    for name, strips in sheets.items():
        if strips:
            sheet(strips).save(out / f"{name}.png")


def _environment() -> Environment:
    """Templates in which every value is escaped; the filters turn pictures into data addresses."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"png": lambda content: _uri(content, "png"), "jpeg": _jpeg}
    return environment


def _jpeg(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=82)
    return _uri(buffer.getvalue(), "jpeg")


def _uri(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
