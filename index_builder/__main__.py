"""The command line: builds a gallery from a folder of photos, or looks into one."""

import argparse
import sys

from index_builder.cli.build import add_build_arguments, build
from index_builder.cli.exit_status import EXIT_CODES, run
from index_builder.cli.inspect import INSPECT_COMMANDS, add_inspect_arguments
from model.command_line import CommandParser

_PROGRAM = "python -m index_builder"
_OTHER_COMMANDS = """other commands, each with its own --help:
  {program} info [GALLERY]                  what is in a gallery
  {program} verify [GALLERY]                hash and compare every file of it
  {program} search --sketch IMAGE [GALLERY] search it with a drawing
  {program} export --out FILE [GALLERY]     write its embeddings for other programs

"""


def main(argv: list[str] | None = None, *, program: str = _PROGRAM) -> int:
    """Parses the arguments, runs the command, returns the exit status; `program` is what its help calls it."""
    given = sys.argv[1:] if argv is None else argv
    # A parser each, instead of argparse's subcommands: those report a mistake with the usage of the build.
    if given and given[0] in INSPECT_COMMANDS:
        command, description = INSPECT_COMMANDS[given[0]]
        parser = CommandParser(prog=f"{program} {given[0]}", description=description)
        add_inspect_arguments(parser, given[0])
        return run(command, parser.parse_args(given[1:]))
    return run(build, _build_parser(program).parse_args(given))


def _build_parser(program: str) -> argparse.ArgumentParser:
    parser = CommandParser(
        prog=program,
        description="Builds a searchable gallery from a folder of photos; run again, it embeds only what changed.",
        epilog=_OTHER_COMMANDS.format(program=program) + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_build_arguments(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
