"""An encoder on a verified device: images in, unit-norm embeddings out."""

import warnings
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image

from model.bundle import Bundle, Modality
from model.errors import BundleError, ProviderError
from model.images import decode_image, photo_draft_size, upright
from model.preprocess import prepare_photo, prepare_sketch
from model.sessions.exact_int8 import arithmetic_of, with_unsigned_weights
from model.sessions.onnx_runtime import CPU, CUDA, OnnxSession
from model.sessions.openvino import BF16, OpenVinoSession

Device = Literal["auto", "cpu", "cuda"]
MAX_PIXELS = {"photo": 175_000_000, "sketch": 50_000_000}  # Pillow itself refuses more than 179 million
GPU_MEMORY_MB = 4096  # most that an encoder takes unless told otherwise


class EncoderSession(Protocol):
    """Computes a network; called from several threads."""

    @property
    def provider(self) -> str:
        """Names the part that really runs: a provider of ONNX Runtime, or OpenVINO."""

    def run(self, images: NDArray[np.float32], /) -> NDArray[np.float32]:
        """(B, 3, S, S) float32 with B >= 1 to (B, D) float32, of any norm."""


class Encoder:
    """Encodes prepared images of one modality. Safe to call from several threads at once.

    Attributes:
        bundle: the bundle that it belongs to.
        modality: what it encodes.
        precision: the precision that was opened, such as "int8".
        arithmetic: the numbers that its matrix products multiply: the precision, or "uint8" for an int8 file whose
            weights were rewritten because this CPU would compute them inexactly.
        provider: the library's part that really runs.
    """

    def __init__(
        self,
        session: EncoderSession,
        bundle: Bundle,
        modality: Modality,
        *,
        precision: str,
        arithmetic: str | None = None,
    ) -> None:
        self.bundle = bundle
        self.modality = modality
        self.precision = precision
        self.arithmetic = arithmetic or precision
        self.provider = session.provider
        self._session = session

    def embed(self, image: bytes | Image.Image) -> NDArray[np.float32]:
        """Decodes, prepares and encodes one image, as the index builder and the service do.

        Args:
            image: the bytes of a file, or an image of any mode and size.

        Returns:
            (D,) float32 of unit norm.

        Raises:
            UnreadableImageError: the bytes are not an image, or it has too many pixels.
            BlankSketchError: the sketch holds no ink.
        """
        return np.asarray(self.encode(self.prepare(image)[None])[0])

    def prepare(self, image: bytes | Image.Image) -> NDArray[np.float32]:
        """Decodes and prepares one image, for `encode`: (3, S, S) float32. Takes and raises what `embed` does."""
        preprocessing = self.bundle.preprocessing
        draft_size_px = photo_draft_size(preprocessing.image_size_px) if self.modality == "photo" else None
        if isinstance(image, bytes):
            decoded = decode_image(image, max_pixels=MAX_PIXELS[self.modality], draft_size_px=draft_size_px)
        else:
            decoded = upright(image.copy())  # a copy, because the caller's image stays as it is
        prepare = prepare_photo if self.modality == "photo" else prepare_sketch
        return prepare(decoded, preprocessing)

    def encode(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embeds a batch of prepared images.

        On a CPU the images are encoded one at a time: that is faster there than a batch, and the result for an image
        does not depend on its neighbours. On a GPU they are encoded in batches of a few fixed sizes.

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
        if not len(images):
            return np.empty((0, self.bundle.embedding_dim), np.float32)
        embeddings = self._session.run(images)
        norms = np.sqrt(np.add.reduce(embeddings * embeddings, axis=1, keepdims=True))
        return np.asarray(embeddings / np.maximum(norms, 1e-12), np.float32)


def open_encoder(
    bundle: Bundle,
    modality: Modality,
    *,
    device: Device = "auto",
    precision: str = "default",
    num_threads: int = 0,
    at_once: int = 1,
    gpu_memory_mb: int = GPU_MEMORY_MB,
) -> Encoder:
    """Opens a bundle's encoder and makes sure it runs where it was asked to.

    Args:
        bundle: from `read_bundle`.
        modality: which of the two encoders.
        device: "cuda" requires a GPU; "auto" takes one when there is one and warns when it falls back to the CPU.
        precision: one the bundle holds, or "default": on a CPU the bundle's own choice, on a GPU fp16 where the bundle
            holds it and otherwise fp32. "bf16" computes the bundle's fp32 file on the CPU, in OpenVINO.
        num_threads: CPU threads for one encode; 0 takes all cores.
        at_once: how many threads will encode side by side; only OpenVINO has to know.
        gpu_memory_mb: most GPU memory, in megabytes, for weights and activations; ONNX Runtime fails beyond it.

    Returns:
        An encoder whose `provider` is the one that really runs.

    Raises:
        ProviderError: CUDA was asked for and the session would run on the CPU, or bf16 where there is no OpenVINO or
            no CPU that computes it.
        BundleError: the bundle does not hold the precision, or the file is no encoder of the bundle's dimensions.
    """
    if precision == BF16:
        return _open_bf16(bundle, modality, device, num_threads=num_threads, at_once=at_once)
    wanted = _wanted_provider(device)
    if wanted == CUDA and CUDA in ort.get_available_providers():
        # The CUDA libraries come as packages, where the system's loader does not look.
        ort.preload_dlls()
    options = ort.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.log_severity_level = 3  # a failed provider is reported by the check below, in one sentence
    chosen = _precision(bundle, modality, precision, provider=wanted)
    session, arithmetic = _open_session(bundle, modality, chosen, options, _with_fallback(wanted, gpu_memory_mb))
    actual = session.get_providers()[0]
    if actual != wanted:
        _report_fallback(device, actual)
        chosen = _precision(bundle, modality, precision, provider=CPU)
        session, arithmetic = _open_session(bundle, modality, chosen, options, [CPU])
    opened = OnnxSession(session, embedding_dim=bundle.embedding_dim)
    return Encoder(opened, bundle, modality, precision=chosen, arithmetic=arithmetic)


def encoder_file(bundle: Bundle, modality: Modality, precision: str) -> Path:
    """The file that is computed in a precision: the bundle's own, or for bf16 its fp32 file.

    Raises:
        BundleError: the bundle does not hold it.
    """
    return bundle.encoder_path(modality, "fp32" if precision == BF16 else precision)


def _open_bf16(bundle: Bundle, modality: Modality, device: Device, *, num_threads: int, at_once: int) -> Encoder:
    if device == "cuda":
        raise ProviderError("Precision bf16 runs on a CPU only; ask for device cpu, or for another precision.")
    session = OpenVinoSession(
        encoder_file(bundle, modality, BF16),
        image_size_px=bundle.preprocessing.image_size_px,
        embedding_dim=bundle.embedding_dim,
        num_threads=num_threads,
        at_once=at_once,
    )
    return Encoder(session, bundle, modality, precision=BF16)


def _precision(bundle: Bundle, modality: Modality, asked: str, *, provider: str) -> str:
    if asked != "default":
        return asked
    if provider == CPU:
        return bundle.default_precision(modality)
    # int8 as it is quantised for a CPU would run on the CPU even here.
    return "fp16" if "fp16" in bundle.precisions(modality) else "fp32"


def _open_session(
    bundle: Bundle, modality: Modality, precision: str, options: ort.SessionOptions, providers: list[Any]
) -> tuple[ort.InferenceSession, str]:
    path = bundle.encoder_path(modality, precision)
    arithmetic = arithmetic_of(precision)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a failed provider is found by asking which one runs
            network = with_unsigned_weights(path.read_bytes()) if arithmetic == "uint8" else str(path)
            session = ort.InferenceSession(network, options, providers=providers)
    except BundleError:
        raise
    except Exception as error:  # ONNX Runtime has a type for each way in which a file can be wrong
        raise BundleError(f"The encoder {path} cannot be opened ({error}); export the bundle again.") from error
    _check_shapes(session, bundle, path)
    return session, arithmetic


def _check_shapes(session: ort.InferenceSession, bundle: Bundle, path: Path) -> None:
    side = bundle.preprocessing.image_size_px
    expected = [3, side, side], [bundle.embedding_dim]
    actual = session.get_inputs()[0].shape[1:], session.get_outputs()[0].shape[1:]
    if actual != expected:
        raise BundleError(
            f"The encoder {path} turns {actual[0]} into {actual[1]}, but its bundle says {expected[0]} into "
            f"{expected[1]}; export the bundle again."
        )


def _wanted_provider(device: Device) -> str:
    if device == "cpu" or (device == "auto" and CUDA not in ort.get_available_providers()):
        return CPU
    return CUDA


def _with_fallback(provider: str, gpu_memory_mb: int) -> list[Any]:
    if provider == CPU:
        return [CPU]
    options = {
        "gpu_mem_limit": gpu_memory_mb * 10**6,
        "arena_extend_strategy": "kSameAsRequested",  # the default doubles, and never gives back
        "cudnn_conv_algo_search": "HEURISTIC",  # the default tries all of them out for every new size of a batch
    }
    return [(CUDA, options), CPU]


def _report_fallback(device: Device, actual: str) -> None:
    what = f"ONNX Runtime would run on {actual} instead of {CUDA}"
    remedy = "install the gpu extra and a CUDA driver, or ask for device cpu"
    if device == "cuda":
        raise ProviderError(f"Device cuda was asked for, but {what}; {remedy}.")
    warnings.warn(f"No usable GPU: {what}; {remedy} to silence this.", RuntimeWarning, stacklevel=3)
