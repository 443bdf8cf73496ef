"""The line at the end of a command that names the next one to run."""

import argparse
import shlex
import sys
from collections.abc import Sequence

from sketch_search.commands.main import PROGRAM


def say_next(*words: str) -> None:
    """Writes the next command to standard error, where it disturbs no output that a program reads."""
    sys.stderr.write(f"Next: {shlex.join([PROGRAM, *words])}\n")


def option(argv: Sequence[str], name: str) -> str | None:
    """The value of an option in words that the command itself has accepted; None where it is not given."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument(name, dest="value")
    value: str | None = parser.parse_known_args(argv)[0].value
    return value


def argument(argv: Sequence[str], *, after: Sequence[str]) -> str | None:
    """The first word that is neither an option nor the value of one of the options `after`; None without any."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in after:
        parser.add_argument(name)
    words = parser.parse_known_args(argv)[1]
    return next((word for word in words if not word.startswith("-")), None)
