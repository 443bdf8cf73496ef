"""Runs a command: the one place where errors become a sentence and an exit status."""

import signal
import sqlite3
import sys
from argparse import Namespace
from collections.abc import Callable
from types import FrameType

from index_builder.cli.output import READER_GONE, ReaderGoneError, discard_output, flush_lines
from index_builder.gallery.errors import TooManyUnreadableError
from index_builder.progress import one_line
from model.errors import SketchSearchError

EXIT_CODES = """exit status:
  0    published, or nothing had changed; with --watch: stopped by a signal
  1    more unreadable photos than are accepted, or none readable: nothing was published
  2    something given is wrong (a path, an option, the metadata, another bundle, a damaged gallery)
  130  interrupted; the same command goes on where it stopped"""


def run(command: Callable[[Namespace], None], arguments: Namespace) -> int:
    """Runs a command and returns its exit status; never raises for what the person gave."""
    # A container is stopped by SIGTERM: treated like Ctrl-C, what was embedded is kept. SIGINT is set as well, because
    # a process that a script started in the background would ignore it.
    previous_handlers = {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        command(arguments)
        flush_lines()
    except ReaderGoneError:
        discard_output()
        return READER_GONE
    except TooManyUnreadableError as error:
        return _fail(str(error), 1)
    except SketchSearchError as error:
        return _fail(str(error), 2)
    except (OSError, sqlite3.Error) as error:
        return _fail(f"The files could not be read or written: {error}; check space and permissions.", 2)
    except KeyboardInterrupt:
        return _fail("Interrupted; what was embedded is kept, and the same command goes on from there.", 130)
    finally:
        for number, handler in previous_handlers.items():
            signal.signal(number, handler)
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _fail(sentence: str, status: int) -> int:
    sys.stderr.write(one_line(sentence) + "\n")
    return status
