"""The console command: one name for what `python -m index_builder`, `service`, `training` and `catalogue` do."""

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass

from model.command_line import did_you_mean

PROGRAM = "sketch-search"


@dataclass(frozen=True)
class Command:
    """One command: what it does, in a sentence, and the function of `sketch_search.commands` that runs it."""

    group: str
    sentence: str
    module: str


COMMANDS = {
    "index": Command("Search your own photos", "build a gallery from a folder of photos, or refresh it", "forwarded"),
    "serve": Command("Search your own photos", "serve a gallery: a page to draw on, and HTTP", "forwarded"),
    "search": Command("Search your own photos", "search a gallery with an image of a drawing", "search"),
    "train": Command("Train an encoder", "train an encoder on your photos or pairs, and export it", "forwarded"),
    "evaluate": Command("Train an encoder", "measure how often an encoder finds the right photo", "forwarded"),
    "export": Command("Use embeddings elsewhere", "write a gallery's embeddings for other programs", "forwarded"),
    "embed": Command("Use embeddings elsewhere", "embed a folder of photos or sketches into a file", "embed"),
    "demo": Command("Try it", "render a catalogue of products, index it and serve it", "demo"),
}


def main(argv: list[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: the command and its options; None takes the process's own.

    Returns:
        The exit status: 0 when it went well, 2 for a problem with what was given, others as the command says.
    """
    name, *rest = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if name in ("-h", "--help", "help"):
        sys.stdout.write(overview())
        return 0
    if name == "--version":
        from model.version import __version__

        sys.stdout.write(f"{PROGRAM} {__version__}\n")
        return 0
    if name not in COMMANDS:
        complaint = f"{PROGRAM}: there is no command {name!r}{did_you_mean(name, COMMANDS)}"
        sys.stderr.write(f"{complaint}\n`{PROGRAM} --help` lists the commands.\n")
        return 2
    run: Callable[[list[str]], int] = getattr(
        importlib.import_module(f"{__package__}.{COMMANDS[name].module}"), f"run_{name}"
    )
    return run(rest)


def overview() -> str:
    """The help that lists all commands by what a person wants to do."""
    lines = [f"usage: {PROGRAM} COMMAND [OPTIONS]", "", "Draw a product, get its photo."]
    group = ""
    for name, command in COMMANDS.items():
        if command.group != group:
            group = command.group
            lines += ["", f"{group}:"]
        lines.append(f"  {name:<10}{command.sentence}")
    lines += ["", f"`{PROGRAM} COMMAND --help` explains a command.", f"`{PROGRAM} --version` names the release."]
    return "\n".join(lines) + "\n"
