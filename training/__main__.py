"""The command line `python -m training`: parses and calls one function."""

import argparse
import shlex
import sys
from dataclasses import replace
from pathlib import Path

from training.config import TrainConfig
from training.recipes import RECIPES, get_recipe, recipe_lines


def main() -> int:
    """Runs one command; returns the exit status: 0, or 2 for a problem with what was given."""
    arguments = _parser().parse_args()
    try:
        result = arguments.call(arguments)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except ModuleNotFoundError as error:
        print(f"error: {error.name} is not installed; `make setup` installs what training needs.", file=sys.stderr)  # noqa: T201
        return 2
    from training.run import print_json

    print_json(result)
    return 0


def _parser() -> argparse.ArgumentParser:
    recipes = "recipes:\n" + "".join(f"  {line}\n" for line in recipe_lines())
    parser = argparse.ArgumentParser(
        prog="python -m training",
        description="Train, export and evaluate encoders; each command has its own --help.",
        epilog=recipes,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, call, text in (
        ("run", _run, "train the recipe, export a bundle to OUT/bundle and evaluate it on the test split"),
        ("baseline", _baseline, "train the two-tower baseline only; the checkpoint goes to OUT/checkpoint"),
    ):
        command = commands.add_parser(
            name, help=text, description=text, epilog=recipes, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        command.add_argument("--recipe", required=True, choices=list(RECIPES), help="what to train; listed below")
        command.add_argument("--data", type=Path, required=True, help="folder with manifest.json")
        command.add_argument("--out", type=Path, required=True, help="run folder; a run found there is resumed")
        command.add_argument("--init", help="pretrained weights: a local file, or 'pretrained' to fetch timm's own")
        command.add_argument("--seed", type=int, default=0, help="of weights, order and augmentation (0)")
        command.add_argument("--epochs", type=int, help="passes over the training photos, instead of the recipe's")
        command.add_argument("--validation", type=float, help="share of training photos to measure on")
        _add_device(command, "where to train")
        command.add_argument("--resume", action="store_true", help="require a run to resume in OUT")
        command.set_defaults(call=call)
        if name == "run":
            command.add_argument("--test-data", type=Path, help="where the test split is, if not in --data")
    command = commands.add_parser("export", help="export the checkpoint of a run folder to OUT/bundle")
    command.add_argument("--out", type=Path, required=True, help="the run folder")
    command.add_argument("--data", type=Path, required=True, help="folder with manifest.json, to judge precisions")
    command.add_argument("--name", default="exported", help="the bundle's name (exported)")
    command.set_defaults(call=_export)
    command = commands.add_parser("evaluate", help="strict evaluation of a bundle; prints one JSON object last")
    command.add_argument("--bundle", type=Path, required=True, help="folder of the encoder bundle")
    command.add_argument("--data", type=Path, required=True, help="folder with manifest.json")
    command.add_argument("--split", default="test", help="of the manifest (test)")
    command.add_argument("--precision", default="default", help="of both encoders: fp32, int8, or the bundle's choice")
    command.add_argument("--distractors", type=Path, help="folder of further photos to put into the gallery")
    _add_device(command, "where to embed")
    command.set_defaults(call=_evaluate)
    return parser


def _add_device(parser: argparse.ArgumentParser, what: str) -> None:
    text = f"{what}: auto takes the GPU when there is one, cuda fails without one (auto)"
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"], help=text)


def _config(arguments: argparse.Namespace) -> TrainConfig:
    config = replace(get_recipe(arguments.recipe), seed=arguments.seed)
    for name, value in (
        ("weights", arguments.init),
        ("epochs", arguments.epochs),
        ("validation_share", arguments.validation),
    ):
        if value is not None:
            config = replace(config, **{name: value})
    return config


def _run(arguments: argparse.Namespace) -> dict[str, object]:
    from training.run import choose_device, require_resumable, run

    if arguments.resume:
        require_resumable(arguments.out)
    return run(
        _config(arguments),
        data=arguments.data,
        out=arguments.out,
        device=choose_device(arguments.device),
        command=shlex.join(["python", "-m", "training", *sys.argv[1:]]),
        test_data=arguments.test_data,
    )


def _baseline(arguments: argparse.Namespace) -> dict[str, object]:
    from training.run import choose_device, require_resumable, train_baseline

    if arguments.resume:
        require_resumable(arguments.out)
    return train_baseline(
        _config(arguments), data=arguments.data, out=arguments.out, device=choose_device(arguments.device)
    )


def _export(arguments: argparse.Namespace) -> dict[str, object]:
    from training.run import export_run

    bundle = export_run(arguments.out, data=arguments.data, name=arguments.name, trained={})
    return {"bundle": str(bundle.path), "fingerprint": bundle.fingerprint, "info": dict(bundle.info)}


def _evaluate(arguments: argparse.Namespace) -> dict[str, object]:
    from model.bundle import read_bundle
    from training.dataset import read_split
    from training.evaluate import evaluate_bundle, photo_files

    distractors = photo_files(arguments.distractors) if arguments.distractors else ()
    return evaluate_bundle(
        read_bundle(arguments.bundle),
        read_split(arguments.data, arguments.split),
        device=arguments.device,
        precision=arguments.precision,
        distractors=distractors,
    ).summary


if __name__ == "__main__":
    sys.exit(main())
