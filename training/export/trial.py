"""The export of an untrained network, tried before hours of training: what would fail only at the end fails first."""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime as ort
from torch import nn

from model.bundle import Modality
from training.export.onnx import OPTIONAL_PRECISIONS, export_onnx


def try_export(networks: Mapping[Modality, nn.Module], *, image_size_px: int) -> dict[str, str]:
    """Exports untrained networks to a folder that is removed again.

    Args:
        networks: modality -> network, (B, 3, S, S) -> (B, D) unit norm.
        image_size_px: S.

    Returns:
        The optional precisions that a bundle of these networks will not have, each with the reason.

    Raises:
        ValueError: a network cannot be exported at all.
    """
    left_out: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, network in enumerate(dict.fromkeys(networks.values())):
            full = Path(folder) / f"{number}.onnx"
            try:
                export_onnx(network, full, image_size_px=image_size_px)
            except Exception as error:  # the exporter's errors have no common type
                raise ValueError(
                    f"The network cannot be exported ({first_line(error)}), so nothing it learns could be served; "
                    "choose another backbone."
                ) from error
            for precision, convert in OPTIONAL_PRECISIONS.items():
                try:
                    convert(full, full.with_suffix(f".{precision}.onnx"))
                    run_once(full.with_suffix(f".{precision}.onnx"), image_size_px)
                except Exception as error:
                    left_out[precision] = first_line(error)
    return left_out


def run_once(path: Path, image_size_px: int) -> None:
    """Runs an exported network on one blank image; raises what ONNX Runtime raises."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    session.run(None, {"images": np.zeros((1, 3, image_size_px, image_size_px), np.float32)})


def first_line(error: Exception) -> str:
    """The first line of an error, or its kind where it says nothing."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return re.sub(r"\S*/(\S+\.onnx)", r"\1", line)[:200]  # no path of this machine: it goes into the bundle
