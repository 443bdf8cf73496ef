"""`python -m service.make_key NAME --file api-keys.txt`: makes an API key, keeps its hash, shows the key once."""

import argparse
import os
import sys
from pathlib import Path
from typing import get_args

from model.errors import SketchSearchError
from service.access.api_keys import ApiKey, Role, make_key, parse_keys


def main(arguments: list[str] | None = None) -> int:
    """Makes a key.

    Args:
        arguments: the command line after the program's name; None takes the process's own.

    Returns:
        The exit status: 0, or 2 when the key could not be kept.
    """
    parser = argparse.ArgumentParser(prog="python -m service.make_key", description=__doc__)
    parser.add_argument("name", help="whose key it is; appears in the log and the metrics")
    parser.add_argument("--role", choices=get_args(Role), default="search", help="operator may also read /metrics")
    parser.add_argument("--file", type=Path, help="append its hash here; without it, the line is shown")
    given = parser.parse_args(arguments)
    try:
        key, kept = make_key(given.name, given.role)
        if given.file:
            _append(kept, given.file)
    except (SketchSearchError, OSError) as error:
        print(f"python -m service.make_key: {error}", file=sys.stderr)  # noqa: T201
        return 2
    where = f"Its hash is in {given.file}." if given.file else f"For --api-keys: {kept.entry()}"
    print(f"{where} This is the key; it is shown only now:", file=sys.stderr)  # noqa: T201
    print(key)  # noqa: T201
    return 0


def _append(kept: ApiKey, file: Path) -> None:
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    separator = "" if not before or before.endswith("\n") else "\n"
    if kept.name in {key.name for key in parse_keys(before, source=str(file))}:
        raise SketchSearchError(
            f"The name {kept.name} is taken by a key in {file}; choose another, or delete its line there first."
        )
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as stream:
        stream.write(f"{separator}{kept.entry()}\n")


if __name__ == "__main__":
    sys.exit(main())
