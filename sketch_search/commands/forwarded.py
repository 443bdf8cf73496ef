"""The commands that are the packages' own: the same code as `python -m …`, under one name and with a next step."""

from typing import NoReturn

from sketch_search.commands.main import PROGRAM
from sketch_search.commands.next_step import argument, option, say_next

_LOOKS_INTO_A_GALLERY = ("info", "verify", "search", "export")


def run_index(argv: list[str]) -> int:
    """`python -m index_builder`."""
    from index_builder.__main__ import main

    status = main(argv, program=f"{PROGRAM} index")
    if status == 0 and argv[0] not in _LOOKS_INTO_A_GALLERY:
        bundle = option(argv, "--bundle")
        gallery = option(argv, "--store") or option(argv, "--out") or "gallery"
        say_next("serve", "--gallery", gallery, *(["--bundle", bundle] if bundle else []))
    return status


def run_serve(argv: list[str]) -> NoReturn:
    """`python -m service`."""
    from service.__main__ import main
    from service.process.exit import leave

    status = main(argv, program=f"{PROGRAM} serve")
    if status == 0:
        say_next("train", "--recipe", "own-photos", "--data", "photos/", "--out", "runs/photos")
    leave(status)


def run_train(argv: list[str]) -> int:
    """`python -m training`; its command run where none is named."""
    from training.__main__ import main

    is_run = not argv or (argv[0].startswith("--") and argv[0] != "--help")
    words = ["run", *argv] if is_run else argv
    status = main(words, program=f"{PROGRAM} train")
    if status == 0 and words[0] in ("run", "export"):
        bundle = f"{(option(argv, '--out') or 'OUT').rstrip('/')}/bundle"
        say_next("index", "--gallery", "photos/", "--bundle", bundle)
    return status


def run_evaluate(argv: list[str]) -> int:
    """`python -m training evaluate`."""
    from training.__main__ import main

    status = main(["evaluate", *argv], program=PROGRAM)
    if status == 0:
        say_next("index", "--gallery", "photos/", "--bundle", option(argv, "--bundle") or "BUNDLE")
    return status


def run_export(argv: list[str]) -> int:
    """`python -m index_builder export`."""
    from index_builder.__main__ import main

    status = main(["export", *argv], program=PROGRAM)
    if status == 0:
        say_next("search", "drawing.png", "--gallery", argument(argv, after=["--out"]) or "gallery")
    return status
