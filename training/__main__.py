"""The command line `python -m training`: parses and calls one function."""

import json
import shlex
import sys

from training.cli.arguments import create_parser

_PROGRAM = "python -m training"


def main(argv: list[str] | None = None, *, program: str = _PROGRAM) -> int:
    """Runs one command; returns the exit status: 0, or 2 for a problem with what was given."""
    given = sys.argv[1:] if argv is None else argv
    arguments = create_parser(program).parse_args(given)
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


if __name__ == "__main__":
    sys.exit(main())
