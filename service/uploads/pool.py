"""Decodes uploads in processes of their own: a decoder that crashes or hangs costs one request and is replaced."""

import atexit
import contextlib
import json
import logging
import multiprocessing
import select
import signal
import time
from collections import Counter
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from queue import LifoQueue
from typing import Any, Literal

import numpy as np

from model.errors import BlankSketchError, SketchSearchError, UnreadableImageError
from model.preprocess import Preprocessing, to_tensor
from service.uploads.reader import PreparedSketch
from service.uploads.worker import READY, decode_uploads

logger = logging.getLogger(__name__)

Loss = Literal["crashed", "too_slow"]

_START_SECONDS = 60.0
_REFUSALS: dict[Loss, str] = {
    "crashed": "The image made its decoder fail; save it again as a plain PNG.",
    "too_slow": "The image took too long to decode; send a smaller or plainer one.",
}


def start_forkserver() -> ForkServerContext:
    """Starts what decoders are forked from, unless it runs; it gets ready by itself while the service does.

    It is a small process that has everything imported: a replacement is there within milliseconds, and has none of the
    service's memory, keys or sockets.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([f"{__package__}.worker"])
    forkserver.ensure_running()
    return context


class DecoderLostError(Exception):
    """A decoder process ended, or had to be ended, while it worked on an upload.

    Attributes:
        loss: how it was lost.
    """

    def __init__(self, loss: Loss, exit_code: int | None) -> None:
        super().__init__(f"the decoder process {loss.replace('_', ' ')} (exit code {exit_code})")
        self.loss: Loss = loss


class DecoderProcess:
    """Works for one thread at a time. A new process takes the place of a lost one before the next upload."""

    def __init__(
        self, preprocessing: Preprocessing, *, max_pixels: int, cpu_seconds: float, patience_seconds: float
    ) -> None:
        self._arguments = (preprocessing, max_pixels, cpu_seconds)
        self._patience_seconds = patience_seconds
        self._context = start_forkserver()
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._answers = select.poll()
        self._is_ready = False
        self._closed = False

    def start(self) -> None:
        """Starts the process; it gets ready by itself.

        Raises:
            OSError: it cannot be started, or this has been closed.
        """
        self.end()
        if self._closed:
            raise OSError("the decoders have been closed")
        ours, theirs = self._context.Pipe()
        self._connection = ours
        self._answers = select.poll()
        self._answers.register(ours, select.POLLIN)
        self._process = self._context.Process(
            target=decode_uploads, args=(theirs, *self._arguments), name="decoder", daemon=True
        )
        try:
            self._process.start()
        finally:
            theirs.close()

    def wait_until_ready(self) -> None:
        """Waits for a process that was started.

        Raises:
            OSError: it could not start.
        """
        if self._is_ready or self._connection is None:
            return
        if not self._connection.poll(_START_SECONDS):
            raise TimeoutError(f"a decoder process was not ready within {_START_SECONDS:g} seconds")
        try:
            self._is_ready = self._connection.recv_bytes() == READY
        except EOFError as error:
            raise OSError("a decoder process ended while it started; the log says why") from error

    def ask(self, data: bytes) -> bytes:
        """Sends an upload and waits for the answer.

        Raises:
            DecoderLostError: there will be none; the process has been replaced.
            OSError: no process could be started.
        """
        if self._is_gone():
            self.start()
        self.wait_until_ready()
        assert self._connection is not None
        try:
            self._connection.send_bytes(data)
            # `Connection.poll` would make a selector for each upload.
            if self._answers.poll(self._patience_seconds * 1000):
                return self._connection.recv_bytes()
            lost = DecoderLostError("too_slow", self.end())
        except (EOFError, OSError):
            exit_code = self.end()
            lost = DecoderLostError("too_slow" if exit_code == -signal.SIGPROF else "crashed", exit_code)
        self.start()
        raise lost

    def _is_gone(self) -> bool:
        if self._process is None:
            return True
        if not self._is_ready:
            return not self._process.is_alive()
        # It says nothing unasked: what can be read is the end of the pipe, known before the end of the process is.
        return bool(self._answers.poll(0))

    def close(self) -> None:
        """Ends the process for good."""
        self._closed = True
        self.end()

    def end(self) -> int | None:
        """Ends the process at once, whatever it is doing; returns its exit code, None when there was no process."""
        process, connection = self._process, self._connection
        self._process = self._connection = None
        self._is_ready = False
        if connection is not None:
            connection.close()
        if process is None or process.pid is None:
            return None
        # One that ended by itself keeps its own exit code; the pipe may close a moment before that is known.
        process.join(0.2)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.join()
        exit_code = process.exitcode
        process.close()
        return exit_code


class DecoderPool:
    """A fixed number of decoder processes, for which uploads queue. Safe to call from several threads."""

    def __init__(
        self,
        preprocessing: Preprocessing,
        *,
        max_pixels: int,
        num_processes: int,
        cpu_seconds: float,
        patience_seconds: float | None = None,
    ) -> None:
        """Starts the processes.

        Args:
            preprocessing: of the bundle.
            max_pixels: larger uploads are refused; it also bounds the memory of a decoder.
            num_processes: uploads decoded at once, at least 1.
            cpu_seconds: an upload that takes more processor time is refused and its decoder replaced.
            patience_seconds: the same by the clock, for a decoder that sleeps for ever; None is five times as much.

        Raises:
            SketchSearchError: the processes cannot be started.
        """
        self._preprocessing = preprocessing
        patience_seconds = patience_seconds or 5 * cpu_seconds
        self._decoders = [
            DecoderProcess(
                preprocessing, max_pixels=max_pixels, cpu_seconds=cpu_seconds, patience_seconds=patience_seconds
            )
            for _ in range(num_processes)
        ]
        self._idle: LifoQueue[DecoderProcess] = LifoQueue()
        self.lost: Counter[str] = Counter()
        # Before multiprocessing's own end, which would ask the processes to stop; they do not listen to that.
        atexit.register(self.close)
        try:
            self._start()
        except OSError as error:
            self.close()
            raise SketchSearchError(
                f"The decoder processes did not start ({error}); "
                "allow more processes or memory, or decode in the service itself with --decoder-processes 0."
            ) from error

    def read(self, data: bytes) -> PreparedSketch:
        """Checks, decodes and prepares an upload.

        Raises:
            UnreadableImageError: the bytes cannot be used, or a decoder crashed or took too long over them.
            BlankSketchError: nothing is drawn.
            OSError: a decoder had to be replaced and the new one does not start.
        """
        start = time.perf_counter()
        decoder = self._idle.get()
        try:
            answer = decoder.ask(data)
        except DecoderLostError as error:
            self.lost[error.loss] += 1
            logger.warning("replaced a decoder: over an upload of %d bytes %s", len(data), error)
            raise UnreadableImageError(_REFUSALS[error.loss], reason=error.loss) from error
        finally:
            self._idle.put(decoder)
        return self._prepared(answer, start)

    def close(self) -> None:
        """Ends the processes at once, whatever they are doing."""
        atexit.unregister(self.close)
        for decoder in self._decoders:
            decoder.close()

    def _start(self) -> None:
        for decoder in self._decoders:
            decoder.start()
        for decoder in self._decoders:
            decoder.wait_until_ready()
            self._idle.put(decoder)

    def _prepared(self, answer: bytes, start: float) -> PreparedSketch:
        line, _, pixels = answer.partition(b"\n")
        content: dict[str, Any] = json.loads(line)
        if "refused" in content:
            raise UnreadableImageError(content["message"], reason=content["refused"])
        if "blank" in content:
            raise BlankSketchError(content["message"])
        side = self._preprocessing.image_size_px
        tensor_start = time.perf_counter()
        tensor = to_tensor(np.frombuffer(pixels, np.uint8).reshape(side, side), self._preprocessing)
        done = time.perf_counter()
        prepare_ms = content["prepare_ms"] + (done - tensor_start) * 1000
        return PreparedSketch(tensor, decode_ms=(done - start) * 1000 - prepare_ms, prepare_ms=prepare_ms)
