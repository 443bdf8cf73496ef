"""Batches of a few fixed sizes through one ONNX Runtime session whose inputs and outputs stay on the device."""

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

LARGEST_BUCKET = 64


class BucketedSession:
    """Runs batches padded to a power of two, from buffers that are allocated once for each size.

    A GPU plans and allocates anew for every size it has not seen, which costs far more than some padding; and it can
    only work from its own memory, so the buffers there are kept. Not safe for several threads.
    """

    def __init__(self, session: ort.InferenceSession, *, embedding_dim: int, device: str) -> None:
        """Wraps a session with one input of float32 (B, 3, S, S) and one output of float32 (B, D).

        Args:
            session: runs on `device`.
            embedding_dim: D.
            device: ONNX Runtime's name of where the buffers are, such as "cuda".
        """
        self._session = session
        self._embedding_dim = embedding_dim
        self._device = device
        self._bound: dict[int, tuple[ort.IOBinding, ort.OrtValue, ort.OrtValue]] = {}

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embeds (B, 3, S, S) float32 as (B, D) float32, in as many batches as the largest size makes necessary."""
        pieces = [images[start : start + LARGEST_BUCKET] for start in range(0, len(images), LARGEST_BUCKET)]
        return np.concatenate([self._run_one(piece) for piece in pieces])

    def _run_one(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        bucket = bucket_of(len(images))
        padded = np.zeros((bucket, *images.shape[1:]), np.float32)
        padded[: len(images)] = images
        if bucket not in self._bound:
            self._bound[bucket] = self._bind(padded)
        binding, source, target = self._bound[bucket]
        source.update_inplace(padded)
        self._session.run_with_iobinding(binding)
        return np.array(target.numpy()[: len(images)], np.float32)

    def _bind(self, images: NDArray[np.float32]) -> tuple[ort.IOBinding, ort.OrtValue, ort.OrtValue]:
        source = ort.OrtValue.ortvalue_from_numpy(images, self._device, 0)
        empty = np.zeros((len(images), self._embedding_dim), np.float32)
        target = ort.OrtValue.ortvalue_from_numpy(empty, self._device, 0)
        binding = self._session.io_binding()
        binding.bind_ortvalue_input(self._session.get_inputs()[0].name, source)
        binding.bind_ortvalue_output(self._session.get_outputs()[0].name, target)
        return binding, source, target


def bucket_of(num_images: int) -> int:
    """The smallest power of two that holds so many images."""
    return 1 << max(0, num_images - 1).bit_length()
