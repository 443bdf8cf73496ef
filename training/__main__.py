"""The command line `python -m training`: parses and calls one function."""

import json
import sys

from training.cli.arguments import create_parser


def main() -> int:
    """Runs one command; returns the exit status: 0, or 2 for a problem with what was given."""
    arguments = create_parser().parse_args()
    try:
        result = arguments.call(arguments)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except ModuleNotFoundError as error:
        print(f"error: {error.name} is not installed; `make setup` installs what training needs.", file=sys.stderr)  # noqa: T201
        return 2
    print(json.dumps(result, ensure_ascii=False), flush=True)  # noqa: T201 - the command's result, its last line
    return 0


if __name__ == "__main__":
    sys.exit(main())
