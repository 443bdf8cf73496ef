"""An encoder in OpenVINO, for bfloat16 on CPUs that compute it in hardware; OpenVINO is imported when one is opened."""

import queue
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.errors import BundleError, ProviderError

PROVIDER = "OpenVINO"
BF16 = "bf16"


class OpenVinoSession:
    """Runs a network of one input and one output, one image at a time. Safe to call from several threads at once."""

    provider = PROVIDER

    def __init__(self, path: Path, *, image_size_px: int, embedding_dim: int, num_threads: int, at_once: int) -> None:
        """Compiles a float32 ONNX file for bfloat16.

        Args:
            path: the ONNX file; its batch size is free.
            image_size_px: S.
            embedding_dim: D.
            num_threads: CPU threads for one image; 0 takes all cores.
            at_once: how many images are encoded side by side; further callers wait.

        Raises:
            ProviderError: OpenVINO is not installed, or this CPU does not compute bfloat16.
            BundleError: the file is no such network.
        """
        openvino = _openvino()
        core = openvino.Core()
        if "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise ProviderError(
                "Precision bf16 was asked for, but this CPU computes no bfloat16 (AMX or AVX-512 BF16); ask for "
                "precision default."
            )
        settings = {
            "INFERENCE_PRECISION_HINT": BF16,
            "NUM_STREAMS": at_once,
            "INFERENCE_NUM_THREADS": num_threads * at_once,
        }
        try:
            network = core.read_model(path)
            network.reshape([1, 3, image_size_px, image_size_px])  # a fixed batch of one is a tenth faster
            compiled = core.compile_model(network, "CPU", settings)
        except Exception as error:  # OpenVINO has a RuntimeError for each way in which a file can be wrong
            raise BundleError(f"The encoder {path} cannot be opened ({error}); export the bundle again.") from error
        _check(compiled, path, embedding_dim=embedding_dim)
        self._tensor = openvino.Tensor
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(at_once):
            self._requests.put(compiled.create_infer_request())

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, 3, S, S) float32 with B >= 1 to (B, D) float32, as the network gives them."""
        images = np.ascontiguousarray(images)
        request = self._requests.get()
        try:
            return np.concatenate([self._run_one(request, images[i : i + 1]) for i in range(len(images))])
        finally:
            self._requests.put(request)

    def _run_one(self, request: Any, image: NDArray[np.float32]) -> NDArray[np.float32]:  # noqa: ANN401  no types
        request.set_input_tensor(self._tensor(image, shared_memory=True))
        request.infer()
        return np.array(request.get_output_tensor().data, np.float32)  # a copy: the request's next answer goes there


def _openvino() -> Any:  # noqa: ANN401  an optional package
    # At import it would report to its maker's analytics; where its package for that is missing, it does without.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        import openvino
    except ImportError as error:
        raise ProviderError("Precision bf16 needs the extra openvino; install sketch-search[openvino].") from error
    return openvino


def _check(compiled: Any, path: Path, *, embedding_dim: int) -> None:  # noqa: ANN401  an optional package
    actual = list(compiled.output(0).shape)
    if actual != [1, embedding_dim]:
        raise BundleError(
            f"The encoder {path} turns an image into {actual}, but its bundle says [1, {embedding_dim}]; export the "
            "bundle again."
        )
    precision = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    if precision != BF16:
        raise ProviderError(f"Precision bf16 was asked for, but OpenVINO would compute in {precision}.")
