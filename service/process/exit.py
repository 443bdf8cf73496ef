"""The end of the process, also when a thread is stuck: Python by itself would wait for it for ever."""

import logging
import os
import sys
import threading
import time
import traceback
from typing import NoReturn

logger = logging.getLogger(__name__)

_PATIENCE_SECONDS = 1.0  # for threads that have been told to end
STUCK = 1


def leave_unready(reason: str) -> NoReturn:
    """Ends a process that cannot answer any more, at once and with status STUCK; the log says where its threads are."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    stacks = (
        f"{names.get(ident)}:\n{''.join(traceback.format_stack(frame))}"
        for ident, frame in sys._current_frames().items()
    )
    logger.critical("not ready for too long, ending the process: %s\n%s", reason, "\n".join(stacks))
    logging.shutdown()
    sys.stdout.flush()
    os._exit(STUCK)


def leave(status: int) -> NoReturn:
    """Ends the process with a status, or with STUCK when a codec or an encoder does not give its thread back."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    waited_for = [thread for thread in threading.enumerate() if thread is not threading.current_thread()]
    stuck = []
    for thread in waited_for:
        if not thread.daemon:
            thread.join(max(0.0, deadline - time.monotonic()))
            stuck += [thread.name] if thread.is_alive() else []
    if not stuck:
        sys.exit(status)
    logger.error("leaving %d thread(s) behind that do not end: %s", len(stuck), ", ".join(stuck))
    logging.shutdown()
    sys.stdout.flush()
    os._exit(STUCK)
