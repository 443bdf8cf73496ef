"""The command line `python -m training`: parses and calls one function."""

import argparse
import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from model.command_line import CommandParser
from training.config.overrides import with_settings
from training.config.recipes import METHODS, RECIPES, get_recipe, recipe_lines, with_teacher_weights
from training.config.run import TrainConfig
from training.config.sketch_style import EDGE_FAMILIES, INGREDIENTS, STYLES, SketchStyle, get_style

_PROGRAM = "python -m training"
EXCLUDE_HELP = "dataset whose test photos, and near-duplicates of them, are left out of a folder of photos"
EPOCHS_HELP = "passes over the training photos, instead of the recipe's; small_images.epochs is another setting"
SET_HELP = "any other setting of training/config/run.py, such as teacher.queue_size=0; may be given several times"


def main(argv: list[str] | None = None, *, program: str = _PROGRAM) -> int:
    """Runs one command; returns the exit status: 0, or 2 for a problem with what was given."""
    given = sys.argv[1:] if argv is None else argv
    arguments = _parser(program).parse_args(given)
    arguments.typed = shlex.join([*program.split(), *given])
    try:
        result = arguments.call(arguments)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except ModuleNotFoundError as error:
        remedy = "`make setup-dev`, or the extra train of the package, installs what training needs"
        print(f"error: {error.name} is not installed; {remedy}.", file=sys.stderr)  # noqa: T201
        return 2
    print(json.dumps(result, ensure_ascii=False), flush=True)  # noqa: T201 - the command's result, its last line
    return 0


def _parser(program: str = _PROGRAM) -> argparse.ArgumentParser:
    recipes = "recipes:\n" + "".join(f"  {line}\n" for line in recipe_lines())
    parser = CommandParser(
        prog=program,
        description="Train, export and evaluate encoders; each command has its own --help.",
        epilog=recipes,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, call, text in (
        ("run", _run, "train the recipe, export a bundle to OUT/bundle and evaluate it on the test split"),
        ("baseline", _stage, "train the two-tower baseline only; the checkpoint goes to OUT/baseline"),
        ("teacher", _stage, "train XModalViT's teacher only; the checkpoint goes to OUT/teacher"),
        ("students", _stage, "train the students of OUT/teacher; the checkpoint goes to OUT/students"),
    ):
        command = commands.add_parser(
            name, help=text, description=text, epilog=recipes, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        command.add_argument("--recipe", required=True, choices=list(RECIPES), help="what to train; listed below")
        command.add_argument(
            "--data", type=Path, required=True, help="folder with manifest.json, or with photos for own-photos"
        )
        command.add_argument("--out", type=Path, required=True, help="run folder; a run found there is resumed")
        command.add_argument("--init", help="pretrained weights: a local file, or 'pretrained' to fetch timm's own")
        command.add_argument("--teacher-init", help="the same for the teacher, where its backbone is another one")
        command.add_argument("--category-group", type=int, help="photos of one category put into a batch together")
        command.add_argument("--method", choices=list(METHODS), help="instead of the recipe's")
        command.add_argument("--start", type=Path, help="checkpoint of a run whose encoders this one begins with")
        command.add_argument("--seed", type=int, default=0, help="of weights, order and augmentation (0)")
        command.add_argument("--epochs", type=int, help=EPOCHS_HELP)
        command.add_argument("--validation", type=float, help="share of training photos to measure on")
        command.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="settings", help=SET_HELP)
        _add_device(command, "where to train")
        command.add_argument("--resume", action="store_true", help="require a run to resume in OUT")
        command.set_defaults(call=call, stage=name)
        if name == "run":
            command.add_argument("--test-data", type=Path, help="where the test split is, if not in --data")
            command.add_argument("--exclude", type=Path, help=EXCLUDE_HELP)
            command.add_argument("--no-report", action="store_true", help="write no OUT/report at the end")
            _add_style(command)
    command = commands.add_parser("export", help="export the checkpoint of a run folder to OUT/bundle")
    command.add_argument("--out", type=Path, required=True, help="the run folder")
    command.add_argument("--data", type=Path, required=True, help="folder with manifest.json, to judge precisions")
    command.add_argument("--name", default="exported", help="the bundle's name (exported)")
    command.set_defaults(call=_export)
    command = commands.add_parser("pseudo-sketches", help="make a dataset out of photos alone, for recipe own-photos")
    command.add_argument("--photos", type=Path, required=True, help="folder of photos")
    command.add_argument("--out", type=Path, required=True, help="folder of the dataset to make")
    drawings = get_recipe("own-photos").pseudo_sketches
    command.add_argument("--sketches", type=int, default=drawings, help=f"drawings of each photo ({drawings})")
    command.add_argument("--seed", type=int, default=0, help="of the drawings (0)")
    command.add_argument("--exclude", type=Path, help=EXCLUDE_HELP)
    _add_style(command)
    command.set_defaults(call=_pseudo_sketches)
    command = commands.add_parser(
        "manifest", help="write manifest.json for a public dataset's folder or a CSV of pairs"
    )
    command.add_argument("--layout", required=True, choices=["shoe-v2", "chair-v2", "sketchy", "csv", "feedback"])
    command.add_argument(
        "--source", type=Path, required=True, help="the dataset's folder, the CSV, or the folder of feedback"
    )
    command.add_argument("--out", type=Path, required=True, help="folder for manifest.json; images stay where they are")
    command.add_argument("--photos", type=Path, help="folder of the photos that feedback is about")
    command.add_argument("--transform", help="which rendering of Sketchy, such as tx_000100000000")
    command.set_defaults(call=_manifest)
    command = commands.add_parser("preview", help="contact sheet: photos with their sketches")
    command.add_argument("--data", type=Path, required=True, help="folder with manifest.json")
    command.add_argument("--out", type=Path, required=True, help="the PNG to write")
    command.set_defaults(call=_preview)
    command = commands.add_parser("evaluate", help="strict evaluation of a bundle; prints one JSON object last")
    command.add_argument("--bundle", type=Path, required=True, help="folder of the encoder bundle")
    command.add_argument("--data", type=Path, required=True, help="folder with manifest.json")
    command.add_argument("--split", default="test", help="of the manifest (test)")
    command.add_argument(
        "--precision", default="default", help="of both encoders: fp32, int8, bf16, or the bundle's choice"
    )
    command.add_argument("--distractors", type=Path, help="folder of further photos to put into the gallery")
    command.add_argument(
        "--against", type=Path, help="another bundle: what --bundle gains over it, with 95 %% intervals"
    )
    _add_device(command, "where to embed")
    command.set_defaults(call=_evaluate)
    _add_report(commands.add_parser("report", help="one HTML page with results, samples, failures and attention maps"))
    return parser


def _add_report(command: argparse.ArgumentParser) -> None:
    text = "run folder; may be given several times: all are compared, samples and maps are of the first"
    command.add_argument("--run", type=Path, required=True, action="append", dest="runs", help=text)
    command.add_argument("--baseline", type=Path, help="run folder to compare with")
    command.add_argument("--data", type=Path, required=True, help="folder with manifest.json")
    command.add_argument("--split", default="test", help="what to evaluate on (test)")
    command.add_argument("--out", type=Path, required=True, help="folder of the report; its page is index.html")
    _add_device(command, "where to embed")
    command.set_defaults(call=_report)


def _add_device(parser: argparse.ArgumentParser, what: str) -> None:
    text = f"{what}: auto takes the GPU when there is one, cuda fails without one (auto)"
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"], help=text)


def _add_style(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--style", choices=list(STYLES), help="of pseudo-sketches (the recipe's)")
    text = f"ingredients of pseudo-sketches to leave out: {', '.join(INGREDIENTS)}"
    parser.add_argument("--without", nargs="+", default=[], choices=INGREDIENTS, metavar="INGREDIENT", help=text)
    text = "what pseudo-sketches are traced from: Canny edges, lines of a difference of Gaussians, or both by turns"
    parser.add_argument("--edges", choices=list(EDGE_FAMILIES), help=f"{text} (the style's)")


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


def _config(arguments: argparse.Namespace) -> TrainConfig:
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
    return with_teacher_weights(config, arguments.teacher_init)


def _run(arguments: argparse.Namespace) -> dict[str, object]:
    from training.run import choose_device, require_resumable, run

    if arguments.resume:
        require_resumable(arguments.out)
    return run(
        _config(arguments),
        data=arguments.data,
        out=arguments.out,
        device=choose_device(arguments.device),
        command=arguments.typed,
        test_data=arguments.test_data,
        exclude=arguments.exclude,
        report=not arguments.no_report,
    )


def _stage(arguments: argparse.Namespace) -> dict[str, object]:
    from training.run import choose_device, require_resumable
    from training.stages import read_training_data, train_small_images, train_stage

    if arguments.resume:
        require_resumable(arguments.out)
    config, device = _config(arguments), choose_device(arguments.device)
    if arguments.stage != "students":
        train_small_images(arguments.data, config, out=arguments.out, device=device)
    data = read_training_data(arguments.data, config)
    return train_stage(arguments.stage, config, data, out=arguments.out, device=device)


def _export(arguments: argparse.Namespace) -> dict[str, object]:
    from training.run import export_run

    bundle = export_run(arguments.out, data=arguments.data, name=arguments.name, trained={})
    return {"bundle": str(bundle.path), "fingerprint": bundle.fingerprint, "info": dict(bundle.info)}


def _pseudo_sketches(arguments: argparse.Namespace) -> dict[str, object]:
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


def _manifest(arguments: argparse.Namespace) -> dict[str, object]:
    from training.data.layouts.manifest import write_manifest

    return write_manifest(
        arguments.layout, arguments.source, arguments.out, transform=arguments.transform, photos=arguments.photos
    )


def _preview(arguments: argparse.Namespace) -> dict[str, object]:
    from training.data.dataset import read_split
    from training.data.preview import contact_sheet

    contact_sheet(read_split(arguments.data, "train")).save(arguments.out)
    return {"written": str(arguments.out)}


def _evaluate(arguments: argparse.Namespace) -> dict[str, object]:
    from model.bundle import read_bundle
    from training.data.dataset import read_split
    from training.evaluation.evaluate import compare_bundles, evaluate_bundle, photo_files

    bundles = [read_bundle(path) for path in (arguments.bundle, arguments.against) if path]
    split = read_split(arguments.data, arguments.split)
    distractors = photo_files(arguments.distractors) if arguments.distractors else ()
    first, *others = (
        evaluate_bundle(bundle, split, device=arguments.device, precision=arguments.precision, distractors=distractors)
        for bundle in bundles
    )
    return compare_bundles(first, others[0]).summary if others else first.summary


def _report(arguments: argparse.Namespace) -> dict[str, object]:
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


if __name__ == "__main__":
    sys.exit(main())
