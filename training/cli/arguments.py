"""The arguments of `python -m training`, one function for each group of commands."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from model.command_line import CommandParser
from training.cli import commands
from training.config.recipes import METHODS, RECIPES, get_recipe, recipe_lines
from training.config.sketch_style import EDGE_FAMILIES, INGREDIENTS, STYLES

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[CommandParser]

Call = Callable[[argparse.Namespace], dict[str, object]]
DATA_HELP = "folder with manifest.json"
EXCLUDE_HELP = "dataset whose test photos, and near-duplicates of them, are left out of a folder of photos"
EPOCHS_HELP = "passes over the training photos, instead of the recipe's; small_images.epochs is another setting"
SET_HELP = "any other setting of training/config/run.py, such as teacher.queue_size=0; may be given several times"
LAYOUTS = ["shoe-v2", "chair-v2", "sketchy", "csv", "feedback"]


def create_parser(program: str = "python -m training") -> argparse.ArgumentParser:
    """The parser of all commands. `arguments.call(arguments)` runs the one that was chosen."""
    parser = CommandParser(
        prog=program,
        description="Train, export and evaluate encoders; each command has its own --help.",
        epilog=_recipes(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    all_commands = parser.add_subparsers(required=True, metavar="command")
    _add_training(all_commands)
    _add_export(all_commands)
    _add_datasets(all_commands)
    _add_evaluation(all_commands)
    return parser


def _add_training(all_commands: "Commands") -> None:
    call: Call
    for name, call, text in (
        (
            "run",
            commands.run_recipe,
            "train a recipe, export a bundle to OUT/bundle, evaluate it on the test split",
        ),
        ("baseline", commands.stage, "train the two-tower baseline only; the checkpoint goes to OUT/baseline"),
        ("teacher", commands.stage, "train XModalViT's teacher only; the checkpoint goes to OUT/teacher"),
        ("students", commands.stage, "train the students of OUT/teacher; the checkpoint goes to OUT/students"),
    ):
        command = all_commands.add_parser(
            name,
            help=text,
            description=text,
            epilog=_recipes(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        _add_run(command)
        _add_changes(command)
        _add_device(command, "where to train")
        command.set_defaults(call=call, stage=name)
        if name == "run":
            command.add_argument("--test-data", type=Path, help="where the test split is, if not in --data")
            command.add_argument("--exclude", type=Path, help=EXCLUDE_HELP)
            command.add_argument("--no-report", action="store_true", help="write no OUT/report at the end")
            _add_style(command)


def _add_run(command: argparse.ArgumentParser) -> None:
    command.add_argument("--recipe", required=True, choices=list(RECIPES), help="what to train; listed below")
    text = "folder with manifest.json, or with photos for own-photos"
    command.add_argument("--data", type=Path, required=True, help=text)
    command.add_argument("--out", type=Path, required=True, help="run folder; a run found there is resumed")
    command.add_argument("--resume", action="store_true", help="require a run to resume in OUT")


def _add_changes(command: argparse.ArgumentParser) -> None:
    """Adds the options that change a recipe."""
    command.add_argument("--init", help="pretrained weights: a local file, or 'pretrained' to fetch timm's own")
    command.add_argument("--teacher-init", help="the same for the teacher, where its backbone is another one")
    command.add_argument("--category-group", type=int, help="photos of one category put into a batch together")
    command.add_argument("--method", choices=list(METHODS), help="instead of the recipe's")
    command.add_argument("--start", type=Path, help="checkpoint of a run whose encoders this one begins with")
    command.add_argument("--seed", type=int, default=0, help="of weights, order and augmentation (0)")
    command.add_argument("--epochs", type=int, help=EPOCHS_HELP)
    command.add_argument("--validation", type=float, help="share of training photos to measure on")
    command.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="settings", help=SET_HELP)


def _add_export(all_commands: "Commands") -> None:
    command = all_commands.add_parser("export", help="export the checkpoint of a run folder to OUT/bundle")
    command.add_argument("--out", type=Path, required=True, help="the run folder")
    command.add_argument("--data", type=Path, required=True, help=f"{DATA_HELP}, to judge precisions")
    command.add_argument("--name", default="exported", help="the bundle's name (exported)")
    command.set_defaults(call=commands.export)


def _add_datasets(all_commands: "Commands") -> None:
    command = all_commands.add_parser(
        "pseudo-sketches", help="make a dataset out of photos alone, for recipe own-photos"
    )
    command.add_argument("--photos", type=Path, required=True, help="folder of photos")
    command.add_argument("--out", type=Path, required=True, help="folder of the dataset to make")
    drawings = get_recipe("own-photos").pseudo_sketches
    command.add_argument("--sketches", type=int, default=drawings, help=f"drawings of each photo ({drawings})")
    command.add_argument("--seed", type=int, default=0, help="of the drawings (0)")
    command.add_argument("--exclude", type=Path, help=EXCLUDE_HELP)
    _add_style(command)
    command.set_defaults(call=commands.pseudo_sketches)
    text = "write manifest.json for a public dataset's folder or a CSV of pairs"
    command = all_commands.add_parser("manifest", help=text)
    command.add_argument("--layout", required=True, choices=LAYOUTS, help="how the source is laid out")
    text = "the dataset's folder, the CSV, or the folder of feedback"
    command.add_argument("--source", type=Path, required=True, help=text)
    command.add_argument("--out", type=Path, required=True, help="folder for manifest.json; images stay where they are")
    command.add_argument("--photos", type=Path, help="folder of the photos that feedback is about")
    command.add_argument("--transform", help="which rendering of Sketchy, such as tx_000100000000")
    command.set_defaults(call=commands.manifest)
    command = all_commands.add_parser("preview", help="contact sheet: photos with their sketches")
    command.add_argument("--data", type=Path, required=True, help=DATA_HELP)
    command.add_argument("--out", type=Path, required=True, help="the PNG to write")
    command.set_defaults(call=commands.preview)


def _add_evaluation(all_commands: "Commands") -> None:
    command = all_commands.add_parser("evaluate", help="strict evaluation of a bundle; prints one JSON object last")
    command.add_argument("--bundle", type=Path, required=True, help="folder of the encoder bundle")
    command.add_argument("--data", type=Path, required=True, help=DATA_HELP)
    command.add_argument("--split", default="test", help="of the manifest (test)")
    text = "of both encoders: fp32, int8, bf16, or the bundle's choice"
    command.add_argument("--precision", default="default", help=text)
    command.add_argument("--distractors", type=Path, help="folder of further photos to put into the gallery")
    text = "another bundle: what --bundle gains over it, with 95 %% intervals"
    command.add_argument("--against", type=Path, help=text)
    _add_device(command, "where to embed")
    command.set_defaults(call=commands.evaluate)
    text = "one HTML page with results, samples, failures and attention maps"
    command = all_commands.add_parser("report", help=text)
    text = "run folder; may be given several times: all are compared, samples and maps are of the first"
    command.add_argument("--run", type=Path, required=True, action="append", dest="runs", help=text)
    command.add_argument("--baseline", type=Path, help="run folder to compare with")
    command.add_argument("--data", type=Path, required=True, help=DATA_HELP)
    command.add_argument("--split", default="test", help="what to evaluate on (test)")
    command.add_argument("--out", type=Path, required=True, help="folder of the report; its page is index.html")
    _add_device(command, "where to embed")
    command.set_defaults(call=commands.report)


def _add_device(parser: argparse.ArgumentParser, purpose: str) -> None:
    text = f"{purpose}: auto takes the GPU when there is one, cuda fails without one (auto)"
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"], help=text)


def _add_style(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--style", choices=list(STYLES), help="of pseudo-sketches (the recipe's)")
    text = f"ingredients of pseudo-sketches to leave out: {', '.join(INGREDIENTS)}"
    parser.add_argument("--without", nargs="+", default=[], choices=INGREDIENTS, metavar="INGREDIENT", help=text)
    text = "what pseudo-sketches are traced from: Canny edges, lines of a difference of Gaussians, or both by turns"
    parser.add_argument("--edges", choices=list(EDGE_FAMILIES), help=f"{text} (the style's)")


def _recipes() -> str:
    return "recipes:\n" + "".join(f"  {line}\n" for line in recipe_lines())
