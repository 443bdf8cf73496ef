"""An ONNX Runtime session with a verified device: images in, unit-norm embeddings out."""

import warnings
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from model.bundle import Bundle, Modality
from model.errors import BundleError, ProviderError

Device = Literal["auto", "cpu", "cuda"]
_CUDA, _CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


class Encoder:
    """Encodes prepared images of one modality. Safe to call from several threads at once."""

    def __init__(self, session: ort.InferenceSession, bundle: Bundle, *, precision: str) -> None:
        self.bundle = bundle
        self.precision = precision
        self.provider: str = session.get_providers()[0]
        self._session = session
        self._input: str = session.get_inputs()[0].name

    def encode(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embeds a batch of prepared images.

        On a CPU the images are encoded one at a time: that is faster there than a batch, and the result for an image
        does not depend on its neighbours.

        Args:
            images: (B, 3, S, S) float32 from `model.preprocess`, S the bundle's image size.

        Returns:
            (B, D) float32, each row of unit norm.

        Raises:
            ValueError: the array has another shape or type.
        """
        side = self.bundle.preprocessing.image_size_px
        if images.ndim != 4 or images.shape[1:] != (3, side, side) or images.dtype != np.float32:
            raise ValueError(
                f"The encoder was given {images.dtype} {images.shape}; expected float32 (B, 3, {side}, {side})."
            )
        pieces = [images] if self.provider == _CUDA else [images[i : i + 1] for i in range(len(images))]
        if not pieces:
            return np.empty((0, self.bundle.embedding_dim), np.float32)
        embeddings = np.concatenate([self._session.run(None, {self._input: piece})[0] for piece in pieces])
        norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
        return np.asarray(embeddings / np.maximum(norms, 1e-12), np.float32)


def open_encoder(
    bundle: Bundle,
    modality: Modality,
    *,
    device: Device = "auto",
    precision: str = "default",
    num_threads: int = 0,
) -> Encoder:
    """Opens a bundle's encoder and makes sure it runs where it was asked to.

    Args:
        bundle: from `read_bundle`.
        modality: which of the two encoders.
        device: "cuda" requires a GPU; "auto" takes one when there is one and warns when it falls back to the CPU.
        precision: one the bundle holds, or "default" for the bundle's own choice.
        num_threads: CPU threads for one encode; 0 lets ONNX Runtime take all cores.

    Returns:
        An encoder whose `provider` is the one that really runs.

    Raises:
        ProviderError: CUDA was asked for and the session would run on the CPU.
        BundleError: the bundle does not hold the precision, or the file is no encoder of the bundle's dimensions.
    """
    chosen = bundle.default_precision(modality) if precision == "default" else precision
    wanted = _providers(device)
    if wanted[0] == _CUDA and _CUDA in ort.get_available_providers():
        # The CUDA libraries come as packages, where the system's loader does not look.
        ort.preload_dlls()
    options = ort.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.log_severity_level = 3  # a failed provider is reported by the check below, in one sentence
    path = bundle.encoder_path(modality, chosen)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # likewise
            session = ort.InferenceSession(str(path), options, providers=wanted)
    except Exception as error:  # ONNX Runtime has a type for each way in which a file can be wrong
        raise BundleError(f"The encoder {path} cannot be opened ({error}); export the bundle again.") from error
    _check_shapes(session, bundle, path)
    actual = session.get_providers()[0]
    if actual != wanted[0]:
        _report_fallback(device, actual)
    return Encoder(session, bundle, precision=chosen)


def _check_shapes(session: ort.InferenceSession, bundle: Bundle, path: Path) -> None:
    side = bundle.preprocessing.image_size_px
    expected = [3, side, side], [bundle.embedding_dim]
    actual = session.get_inputs()[0].shape[1:], session.get_outputs()[0].shape[1:]
    if actual != expected:
        raise BundleError(
            f"The encoder {path} turns {actual[0]} into {actual[1]}, but its bundle says {expected[0]} into "
            f"{expected[1]}; export the bundle again."
        )


def _providers(device: Device) -> list[str]:
    if device == "cpu":
        return [_CPU]
    if device == "auto" and _CUDA not in ort.get_available_providers():
        return [_CPU]
    return [_CUDA, _CPU]


def _report_fallback(device: Device, actual: str) -> None:
    what = f"ONNX Runtime would run on {actual} instead of {_CUDA}"
    remedy = "install the gpu extra and a CUDA driver, or ask for device cpu"
    if device == "cuda":
        raise ProviderError(f"Device cuda was asked for, but {what}; {remedy}.")
    warnings.warn(f"No usable GPU: {what}; {remedy} to silence this.", RuntimeWarning, stacklevel=3)
