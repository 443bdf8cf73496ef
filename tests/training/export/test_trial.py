from pathlib import Path

import pytest
import torch
from torch import nn

from training.export import onnx
from training.export.trial import first_line, try_export


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(48, 8)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return nn.functional.normalize(self.linear(images.flatten(1)), dim=-1)


class DecidesInPython(Network):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return super().forward(images) if images.sum().item() > 0 else super().forward(-images)


def both(network: nn.Module) -> dict[str, nn.Module]:
    return {"photo": network, "sketch": network}


def test_a_network_that_exports_lacks_nothing() -> None:
    assert try_export(both(Network()), image_size_px=4) == {}  # type: ignore[arg-type]


def test_a_network_that_cannot_be_exported_is_refused_in_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"^The network cannot be exported .*choose another backbone.$"):
        try_export(both(DecidesInPython()), image_size_px=4)  # type: ignore[arg-type]


def test_a_precision_that_fails_is_left_out_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(source: Path, target: Path) -> None:
        raise RuntimeError("two nodes of one name")

    monkeypatch.setitem(onnx.OPTIONAL_PRECISIONS, "fp16", fails)  # type: ignore[arg-type]
    assert try_export(both(Network()), image_size_px=4) == {"fp16": "two nodes of one name"}  # type: ignore[arg-type]


def test_a_reason_names_no_folder_of_this_machine() -> None:
    assert first_line(RuntimeError("Load model from /tmp/x/encoder.fp16.onnx failed")) == (
        "Load model from encoder.fp16.onnx failed"
    )
