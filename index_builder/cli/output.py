"""Prints for commands; a reader that has gone, such as `head`, ends them quietly and is no failure."""

import os
import signal
import sys

from index_builder.progress import one_line

READER_GONE = 128 + signal.SIGPIPE  # the status that a shell gives to whoever dies of it


class ReaderGoneError(Exception):
    """Nobody reads the standard output any more."""


def print_line(text: str) -> None:
    """Writes a line to the standard output, whatever is in it as one line; raises ReaderGoneError."""
    try:
        sys.stdout.write(one_line(text) + "\n")
    except BrokenPipeError as error:
        raise ReaderGoneError from error


def flush_lines() -> None:
    """Writes what is still buffered; raises ReaderGoneError."""
    try:
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise ReaderGoneError from error


def discard_output() -> None:
    """Lets Python's own flush at the end of the process find somebody to write to."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
