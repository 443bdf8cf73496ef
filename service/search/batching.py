"""Dynamic batching for a GPU: what queued while the device was busy is its next batch, and nothing waits for more."""

import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from model.bundle import Bundle
from service.search.engine import SketchEncoder

Images = NDArray[np.float32]  # (1, 3, S, S)


@dataclass(frozen=True)
class _Job:
    images: Images
    embedding: Future[NDArray[np.float32]] = field(default_factory=Future)


class BatchingEncoder:
    """Stands in front of an encoder whose batches cost little more than a single sketch; called from many threads.

    One thread owns the device. It takes all that has queued, up to the largest batch, so an idle device starts at once
    and a busy one gets larger batches the more there is to do.
    """

    def __init__(self, encoder: SketchEncoder, *, max_batch: int) -> None:
        """Starts the thread.

        Args:
            encoder: encodes the batches; called from that thread only.
            max_batch: most sketches in one.
        """
        self._encoder = encoder
        self._max_batch = max_batch
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        # A daemon: a device that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._serve, name="encoder", daemon=True)
        self._thread.start()

    @property
    def bundle(self) -> Bundle:
        """The encoder's."""
        return self._encoder.bundle

    @property
    def provider(self) -> str:
        """The encoder's."""
        return self._encoder.provider

    @property
    def precision(self) -> str:
        """The encoder's."""
        return self._encoder.precision

    def encode(self, images: Images) -> NDArray[np.float32]:
        """Embeds one prepared sketch, (1, 3, S, S) to (1, D), with whatever others are waiting; raises what that does.

        Raises:
            ValueError: not exactly one sketch.
        """
        if len(images) != 1:
            raise ValueError(f"{len(images)} sketches were given at once; give them one by one, they are batched here.")
        job = _Job(images)
        self._jobs.put(job)
        return job.embedding.result()

    def close(self) -> None:
        """Ends the thread once all that was given is encoded."""
        self._jobs.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (first := self._jobs.get()) is not None:
            batch, is_last = self._queued_behind(first)
            self._encode(batch)
            if is_last:
                return

    def _queued_behind(self, first: _Job) -> tuple[list[_Job], bool]:
        batch = [first]
        while len(batch) < self._max_batch:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return batch, True
            batch.append(job)
        return batch, False

    def _encode(self, batch: list[_Job]) -> None:
        try:
            embeddings = self._encoder.encode(np.concatenate([job.images for job in batch]))
        except Exception as error:  # whatever it is, each caller has to learn of it and the thread has to go on
            for job in batch:
                job.embedding.set_exception(error)
            return
        for job, embedding in zip(batch, embeddings, strict=True):
            job.embedding.set_result(embedding[None])
