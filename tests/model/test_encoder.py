"""The encoder runs where it was asked to, or says in one sentence why it cannot."""

from dataclasses import replace
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
    asked: list[Any]

    def __init__(self, path: str, options: ort.SessionOptions, *, providers: list[Any]) -> None:
        type(self).asked = providers

    def get_providers(self) -> list[str]:
        return [self.actual]

    def get_inputs(self) -> list[Any]:
        return [type("Input", (), {"name": "images", "shape": ["batch", 3, 128, 128]})()]

    def get_outputs(self) -> list[Any]:
        return [type("Output", (), {"shape": ["batch", read_bundle(default_bundle_path()).embedding_dim]})()]


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
    (provider, options), fallback = FakeSession.asked
    assert (provider, fallback) == (CUDA, CPU)
    assert options["gpu_mem_limit"] == 4096 * 10**6
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


@pytest.mark.parametrize(("held", "expected"), [(["fp32", "int8", "fp16"], "fp16"), (["fp32", "int8"], "fp32")])
def test_a_gpu_gets_half_precision_where_the_bundle_holds_it_and_never_the_int8_of_a_cpu(
    bundle: Bundle, gpu_build: list[str], monkeypatch: pytest.MonkeyPatch, held: list[str], expected: str
) -> None:
    (file,) = bundle.encoders["sketch"].values()
    encoders: Any = {modality: dict.fromkeys(held, file) for modality in ("photo", "sketch")}
    held_bundle = replace(bundle, encoders=encoders, default_precisions={"photo": "int8", "sketch": "int8"})
    assert open_encoder(held_bundle, "sketch", device="cuda").precision == expected
    assert open_encoder(held_bundle, "sketch", device="cuda", precision="int8").precision == "int8"
    monkeypatch.setattr(FakeSession, "actual", CPU)
    with pytest.warns(RuntimeWarning, match="No usable GPU"):
        assert open_encoder(held_bundle, "sketch").precision == "int8"
