"""The encoder runs where it was asked to, or says in one sentence why it cannot."""

from typing import Any

import onnxruntime as ort
import pytest

from model.bundle import Bundle, default_bundle_path, read_bundle
from model.encoder import open_encoder
from model.errors import ProviderError

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


class FakeSession:
    """A session that runs on what `actual` says, whatever was asked for."""

    actual = CPU
    asked: list[str]

    def __init__(self, path: str, options: ort.SessionOptions, *, providers: list[str]) -> None:
        type(self).asked = providers

    def get_providers(self) -> list[str]:
        return [self.actual]

    def get_inputs(self) -> list[Any]:
        return [type("Input", (), {"name": "images", "shape": ["batch", 3, 128, 128]})()]

    def get_outputs(self) -> list[Any]:
        return [type("Output", (), {"shape": ["batch", 128]})()]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return read_bundle(default_bundle_path())


@pytest.fixture
def gpu_build(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """ONNX Runtime as its GPU build looks; the list notes when the CUDA libraries were loaded."""
    loaded: list[str] = []
    monkeypatch.setattr(ort, "get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr(ort, "preload_dlls", lambda: loaded.append("cuda"))
    monkeypatch.setattr(ort, "InferenceSession", FakeSession)
    monkeypatch.setattr(FakeSession, "actual", CUDA)
    return loaded


@pytest.mark.skipif(CUDA in ort.get_available_providers(), reason="this ONNX Runtime may find a GPU")
def test_cuda_is_refused_where_there_is_none(bundle: Bundle) -> None:
    with pytest.raises(ProviderError, match="Device cuda was asked for, but ONNX Runtime would run on CPU"):
        open_encoder(bundle, "sketch", device="cuda")


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_the_cuda_libraries_are_loaded_before_the_session_that_needs_them(
    bundle: Bundle, gpu_build: list[str], device: Any
) -> None:
    assert open_encoder(bundle, "sketch", device=device).provider == CUDA
    assert FakeSession.asked == [CUDA, CPU]
    assert gpu_build == ["cuda"]


def test_the_cpu_needs_no_cuda_libraries(bundle: Bundle, gpu_build: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeSession, "actual", CPU)
    assert open_encoder(bundle, "sketch", device="cpu").provider == CPU
    assert gpu_build == []


def test_a_session_that_silently_fell_back_is_refused_or_reported(
    bundle: Bundle, gpu_build: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeSession, "actual", CPU)
    with pytest.raises(ProviderError, match="install the gpu extra and a CUDA driver, or ask for device cpu"):
        open_encoder(bundle, "sketch", device="cuda")
    with pytest.warns(RuntimeWarning, match="No usable GPU"):
        assert open_encoder(bundle, "sketch", device="auto").provider == CPU
