"""Decodes uploads in processes of their own: a decoder that crashes or hangs costs one request and is replaced."""

import atexit
import json
import logging
import time
from collections import Counter
from queue import LifoQueue
from typing import Any

import numpy as np

from model.errors import BlankSketchError, SketchSearchError, UnreadableImageError
from model.preprocess import Preprocessing, to_tensor
from service.uploads.decoder_process import DecoderLostError, DecoderProcess, Loss
from service.uploads.reader import PreparedSketch

logger = logging.getLogger(__name__)

_REFUSALS: dict[Loss, str] = {
    "crashed": "The image made its decoder fail; save it again as a plain PNG.",
    "too_slow": "The image took too long to decode; send a smaller or plainer one.",
}


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
