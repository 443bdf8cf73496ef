"""The process in which uploads are decoded: it reads bytes, writes pixels, and can do as little else as possible.

What it answers crosses a pipe as JSON and raw pixels, never pickled: a decoder that has been taken over cannot make
the service run anything.
"""

import contextlib
import json
import resource
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path

from model.errors import BlankSketchError, UnreadableImageError
from model.preprocess import Preprocessing
from service.uploads.reader import LocalReader

READY = b"ready"
_BYTES_PER_PIXEL = 8  # four, and as many again for a transparent picture that has to be turned upright


def decode_uploads(connection: Connection, preprocessing: Preprocessing, max_pixels: int, cpu_seconds: float) -> None:
    """Answers each upload that comes through the pipe until its other end is closed.

    An upload that takes more ends the process, wherever it is stuck: the alarm is the system's.

    Args:
        connection: the pipe to the service.
        preprocessing: of the bundle.
        max_pixels: of the settings; it also bounds the memory.
        cpu_seconds: for one upload; processor time, so that other work on the machine does not count.
    """
    _confine(max_pixels)
    reader = LocalReader(preprocessing, max_pixels=max_pixels)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):  # the service has gone
        connection.send_bytes(READY)
        while True:
            data = connection.recv_bytes()
            signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
            answer = _answer(reader, data)
            signal.setitimer(signal.ITIMER_PROF, 0)
            connection.send_bytes(answer)


def _answer(reader: LocalReader, data: bytes) -> bytes:
    try:
        sketch = reader.normalise(data)
    except UnreadableImageError as error:
        return _message({"refused": error.reason, "message": str(error)})
    except BlankSketchError as error:
        return _message({"blank": True, "message": str(error)})
    return _message({"decode_ms": sketch.decode_ms, "prepare_ms": sketch.prepare_ms}) + sketch.image.tobytes()


def _message(content: dict[str, object]) -> bytes:
    return json.dumps(content).encode() + b"\n"


def _confine(max_pixels: int) -> None:
    # A signal to the whole group of processes is for the service, which still has requests to answer.
    for ignored in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":  # elsewhere address space is not limited, or not known
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        limit = used + _BYTES_PER_PIXEL * max_pixels + _HEADROOM_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


_HEADROOM_BYTES = 64 * 1024 * 1024  # the file itself, and what Python and the decoders need besides
