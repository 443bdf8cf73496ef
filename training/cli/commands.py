"""The commands of `python -m training`: each turns parsed arguments into one call. Heavy imports wait until then."""

import argparse
from dataclasses import replace
from typing import Any

from training.config.overrides import with_settings
from training.config.precheck import refuse_missing
from training.config.recipes import METHODS, get_recipe, with_teacher_weights
from training.config.run import TrainConfig
from training.config.sketch_style import SketchStyle, get_style


def _refuse_style_of_nothing(arguments: argparse.Namespace, config: TrainConfig) -> None:
    given = arguments.style or arguments.without or arguments.edges
    has_sketches = arguments.data.is_file() or (arguments.data / "manifest.json").is_file()
    if given and (has_sketches or config.pseudo_sketches == 0):
        raise ValueError(
            f"A style of pseudo-sketches was given, but nothing is drawn: {arguments.data} has sketches, or the recipe "
            f"{config.recipe} takes pairs; leave the style out, or give a folder of photos and recipe own-photos."
        )


def _style(arguments: argparse.Namespace, default: SketchStyle) -> SketchStyle:
    style = get_style(arguments.style) if arguments.style else default
    style = style.without(arguments.without)
    return replace(style, edges=arguments.edges) if arguments.edges else style


def read_config(arguments: argparse.Namespace) -> TrainConfig:
    """The recipe with everything that the command line changes.

    Raises:
        ValueError: two arguments contradict each other, or a setting does not exist.
    """
    config = replace(get_recipe(arguments.recipe), seed=arguments.seed)
    if arguments.stage == "run":
        config = replace(config, sketch_style=_style(arguments, config.sketch_style))
        _refuse_style_of_nothing(arguments, config)
    changes: dict[str, Any] = {
        "weights": arguments.init,
        "epochs": arguments.epochs,
        "category_group": arguments.category_group,
        "validation_share": arguments.validation,
        "start": arguments.start and str(arguments.start),
    }
    config = replace(config, **{name: value for name, value in changes.items() if value is not None})
    if arguments.init and config.teacher is not None and config.teacher.backbone == config.backbone:
        config = replace(config, teacher=replace(config.teacher, weights=arguments.init))
    if config.recipe.endswith("+pairs") and config.start is None:
        raise ValueError(
            f"The recipe {config.recipe} begins with another run's encoders; give --start, such as "
            "runs/photos/baseline/checkpoint."
        )
    method = METHODS.get("two-tower" if arguments.stage == "baseline" else arguments.method or "")
    config = with_settings(method(config) if method else config, arguments.settings)
    if any(text.startswith(("preprocessing.mean", "preprocessing.std")) for text in arguments.settings):
        config = replace(config, weight_statistics=False)
    return with_teacher_weights(config, arguments.teacher_init)


def run_recipe(arguments: argparse.Namespace) -> dict[str, object]:
    """Trains a recipe to its bundle and evaluates it; returns the evaluation's summary."""
    config = read_config(arguments)
    refuse_missing(config, arguments.data)
    from training.run import choose_device, require_resumable, run

    if arguments.resume:
        require_resumable(arguments.out)
    return run(
        config,
        data=arguments.data,
        out=arguments.out,
        device=choose_device(arguments.device),
        command=arguments.typed,
        test_data=arguments.test_data,
        exclude=arguments.exclude,
        report=not arguments.no_report,
    )


def stage(arguments: argparse.Namespace) -> dict[str, object]:
    """Trains one stage of a recipe; returns its last metrics."""
    config = read_config(arguments)
    refuse_missing(config, arguments.data)
    from training.pixel_statistics import with_pixel_statistics
    from training.run import choose_device, require_resumable
    from training.stages import read_training_data, train_small_images, train_stage

    if arguments.resume:
        require_resumable(arguments.out)
    config, device = with_pixel_statistics(config), choose_device(arguments.device)
    if arguments.stage != "students":
        train_small_images(arguments.data, config, out=arguments.out, device=device)
    data = read_training_data(arguments.data, config)
    return train_stage(arguments.stage, config, data, out=arguments.out, device=device)


def export(arguments: argparse.Namespace) -> dict[str, object]:
    """Exports the checkpoint of a run folder; returns where the bundle is."""
    from training.run import export_run

    bundle = export_run(arguments.out, data=arguments.data, name=arguments.name, trained={})
    return {"bundle": str(bundle.path), "fingerprint": bundle.fingerprint, "info": dict(bundle.info)}


def pseudo_sketches(arguments: argparse.Namespace) -> dict[str, object]:
    """Makes a dataset out of a folder of photos; returns counts."""
    from training.data.dataset import read_split
    from training.pseudo_sketches.dataset import write_photo_dataset

    exclude = [item.photo for item in read_split(arguments.exclude, "test").items] if arguments.exclude else []
    return write_photo_dataset(
        arguments.photos,
        arguments.out,
        sketches=arguments.sketches,
        seed=arguments.seed,
        style=_style(arguments, get_recipe("own-photos").sketch_style),
        exclude=exclude,
    ).summary()


def manifest(arguments: argparse.Namespace) -> dict[str, object]:
    """Writes the manifest of a dataset; returns counts and warnings."""
    from training.data.layouts.manifest import write_manifest

    return write_manifest(
        arguments.layout, arguments.source, arguments.out, transform=arguments.transform, photos=arguments.photos
    )


def preview(arguments: argparse.Namespace) -> dict[str, object]:
    """Saves a contact sheet of the training split; returns its path."""
    from training.data.dataset import read_split
    from training.data.preview import contact_sheet

    contact_sheet(read_split(arguments.data, "train")).save(arguments.out)
    return {"written": str(arguments.out)}


def evaluate(arguments: argparse.Namespace) -> dict[str, object]:
    """Evaluates a bundle, alone or against another; returns the summary."""
    from model.bundle import read_bundle
    from training.data.dataset import read_split
    from training.data.photos import photo_files
    from training.evaluation.evaluate import compare_bundles, evaluate_bundle

    bundles = [read_bundle(path) for path in (arguments.bundle, arguments.against) if path]
    split = read_split(arguments.data, arguments.split)
    distractors = photo_files(arguments.distractors) if arguments.distractors else ()
    first, *others = (
        evaluate_bundle(bundle, split, device=arguments.device, precision=arguments.precision, distractors=distractors)
        for bundle in bundles
    )
    return compare_bundles(first, others[0]).summary if others else first.summary


def report(arguments: argparse.Namespace) -> dict[str, object]:
    """Writes a report on runs; returns the page's path and each run's metrics."""
    from training.report.page import write_report
    from training.run import choose_device

    return write_report(
        arguments.runs,
        data=arguments.data,
        out=arguments.out,
        split=arguments.split,
        baseline=arguments.baseline,
        device=choose_device(arguments.device),
    )
