"""An encoder in ONNX Runtime: on a CPU one image at a time, on a GPU in batches of a few fixed sizes."""

import threading

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from model.sessions.buckets import BucketedSession

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


class OnnxSession:
    """Runs a network of one input and one output. Safe to call from several threads at once."""

    def __init__(self, session: ort.InferenceSession, *, embedding_dim: int) -> None:
        self.provider: str = session.get_providers()[0]
        self._session = session
        self._input: str = session.get_inputs()[0].name
        self._on_gpu = None
        if self.provider == CUDA:
            self._on_gpu = BucketedSession(session, embedding_dim=embedding_dim, device="cuda")
        self._gpu_lock = threading.Lock()

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, 3, S, S) float32 with B >= 1 to (B, D) float32, as the network gives them."""
        if self._on_gpu is not None:
            with self._gpu_lock:
                return self._on_gpu.run(images)
        pieces = [images[i : i + 1] for i in range(len(images))]
        return np.concatenate([self._session.run(None, {self._input: piece})[0] for piece in pieces])
