"""Writes a network as ONNX, in full and half precision and as int8, and makes sure the file computes what torch did."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.float16 import convert_float_to_float16
from torch import nn

from model.nets.cpu import use_plain_attention

PARITY_TOLERANCE = 1e-4  # largest difference allowed between two components of unit-norm embeddings


def export_onnx(network: nn.Module, path: Path, *, image_size_px: int) -> float:
    """Exports a network with a free batch size and checks the result against torch.

    Args:
        network: (B, 3, S, S) float32 -> (B, D) float32 of unit norm.
        path: the ONNX file to write.
        image_size_px: S.

    Returns:
        The largest absolute difference from torch that was seen, over several batch sizes.

    Raises:
        RuntimeError: ONNX Runtime and torch disagree by more than `PARITY_TOLERANCE`; the file is removed.
    """
    network = network.eval().to("cpu", torch.float32)
    example = torch.randn(2, 3, image_size_px, image_size_px, generator=torch.Generator().manual_seed(0))
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        _export(network, example, path)
    except Exception:  # the fused attention of some networks takes no free batch size; matrix products do
        use_plain_attention(network)
        _export(network, example, path)
    _forget_where_it_was_made(path)
    difference = _difference_from_torch(network, path, image_size_px)
    if not difference <= PARITY_TOLERANCE:
        path.unlink()
        raise RuntimeError(
            f"The exported {path.name} differs from torch by {difference:.2g}, more than {PARITY_TOLERANCE:g}; "
            "the backbone uses an operation that does not survive the export: choose another one."
        )
    return difference


def _export(network: nn.Module, example: torch.Tensor, path: Path) -> None:
    torch.onnx.export(
        network,
        (example,),
        str(path),
        input_names=["images"],
        output_names=["embeddings"],
        dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
        dynamo=True,
        external_data=False,
        verbose=False,
    )


def _forget_where_it_was_made(path: Path) -> None:
    """Removes the exporter's stack traces, which name folders of this machine and make up a part of the file."""
    network = onnx.load(str(path))
    for part in (network.graph, *network.graph.node, *network.graph.value_info):
        del part.metadata_props[:]
    onnx.save(network, str(path))


def quantise_dynamic(source: Path, target: Path) -> None:
    """Writes a copy of an ONNX file whose matrix multiplications run in int8, scales computed on the fly."""
    network = onnx.load(str(source))
    # The exporter notes the shape of every weight; the quantiser transposes some weights and trips over the old notes.
    del network.graph.value_info[:]
    logging.getLogger().addFilter(_is_not_quantiser_advice)
    try:
        quantize_dynamic(
            network, target, weight_type=QuantType.QInt8, per_channel=True, op_types_to_quantize=["MatMul", "Gemm"]
        )
    finally:
        logging.getLogger().removeFilter(_is_not_quantiser_advice)


def convert_to_half(source: Path, target: Path) -> None:
    """Writes a copy of an ONNX file that computes in fp16, for GPUs; its input and output stay float32."""
    network = onnx.load(str(source))
    del network.graph.value_info[:]  # the exporter's notes would contradict the new types
    onnx.save(convert_float_to_float16(network, keep_io_types=True), str(target))


OPTIONAL_PRECISIONS: Mapping[str, Callable[[Path, Path], None]] = {"int8": quantise_dynamic, "fp16": convert_to_half}


def _is_not_quantiser_advice(record: logging.LogRecord) -> bool:
    return "pre-processing before quantization" not in record.getMessage()


def _difference_from_torch(network: nn.Module, path: Path, image_size_px: int) -> float:
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    largest = 0.0
    for batch in (1, 2, 5):
        generator = torch.Generator().manual_seed(batch)
        images = torch.randn(batch, 3, image_size_px, image_size_px, generator=generator)
        with torch.inference_mode():
            expected = network(images).numpy()
        actual = session.run(None, {"images": images.numpy()})[0]
        if actual.shape != expected.shape:
            return float("inf")
        largest = max(largest, float(np.abs(actual - expected).max()))
    return largest
