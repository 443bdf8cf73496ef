"""The variants of an exported encoder, judged on a small convolutional network."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from torch import nn

from training.export.onnx import convert_to_half, export_onnx

SIDE = 16


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2), nn.GELU(), nn.Flatten(), nn.Linear(8 * 49, 12), nn.LayerNorm(12)
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return nn.functional.normalize(self.layers(images), dim=1)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("export") / "encoder.onnx"
    assert export_onnx(Small(), path, image_size_px=SIDE) < 1e-5
    return path


@pytest.mark.parametrize("batch", [1, 5])
def test_half_precision_computes_the_same_within_its_rounding_and_speaks_float32(exported: Path, batch: int) -> None:
    half = exported.with_name("encoder.fp16.onnx")
    convert_to_half(exported, half)
    weights = {tensor.data_type for tensor in onnx.load(str(half)).graph.initializer if len(tensor.dims) > 1}
    assert weights == {onnx.TensorProto.FLOAT16}
    assert half.stat().st_size < exported.stat().st_size
    images = np.random.default_rng(batch).standard_normal((batch, 3, SIDE, SIDE), np.float32)
    full, reduced = (
        ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"images": images})[0]
        for path in (exported, half)
    )
    assert reduced.dtype == np.float32
    assert np.abs(full - reduced).max() < 2e-3
    assert not np.array_equal(full, reduced), "nothing was computed in half precision"
