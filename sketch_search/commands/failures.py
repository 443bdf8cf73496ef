"""Errors of the front door's own commands as one sentence and an exit status."""

import sys
from collections.abc import Callable

from index_builder.cli.output import READER_GONE, ReaderGoneError, discard_output, flush_lines
from index_builder.progress import one_line
from model.errors import SketchSearchError
from sketch_search.commands.main import PROGRAM

FAILED = 2
INTERRUPTED = 130


def reported(work: Callable[[], int]) -> int:
    """Does the work of a command and returns its exit status; never raises for what the person gave."""
    try:
        status = work()
        flush_lines()
    except ReaderGoneError:
        discard_output()
        return READER_GONE
    except SketchSearchError as error:
        return _fail(str(error), FAILED)
    except OSError as error:
        return _fail(f"The files could not be read or written: {error}; check space and permissions.", FAILED)
    except KeyboardInterrupt:
        return _fail("Interrupted.", INTERRUPTED)
    return status


def _fail(sentence: str, status: int) -> int:
    sys.stderr.write(f"{PROGRAM}: {one_line(sentence)}\n")
    return status
