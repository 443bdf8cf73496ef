"""The encoder runs where it was asked to, or says in one sentence why it cannot."""

import io
from dataclasses import replace
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from PIL import Image, ImageDraw

from index_builder.embedding.photo_encoder import PhotoModel
from model.bundle import Bundle, default_bundle_path, read_bundle
from model.encoder import open_encoder
from model.errors import ProviderError
from model.images import decode_image, photo_draft_size

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


def drawing(mode: str = "L") -> Image.Image:
    paper = Image.new(mode, (200, 160), "white")
    ImageDraw.Draw(paper).ellipse((50, 30, 150, 130), outline="black", width=3)
    return paper


def as_png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize("modality", ["photo", "sketch"])
def test_an_image_is_embedded_as_its_file_is(bundle: Bundle, modality: Any) -> None:
    encoder = open_encoder(bundle, modality, device="cpu")
    embedding = encoder.embed(as_png(drawing()))
    assert (embedding.shape, embedding.dtype) == ((bundle.embedding_dim,), np.float32)
    np.testing.assert_allclose(np.linalg.norm(embedding), 1, atol=1e-5)
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        np.testing.assert_array_equal(encoder.embed(drawing("L").convert(mode)), embedding)


def test_an_image_on_its_side_is_turned_and_the_callers_own_stays_as_it_is(bundle: Bundle) -> None:
    encoder = open_encoder(bundle, "sketch", device="cpu")
    turned = drawing("RGB").transpose(Image.Transpose.ROTATE_90)
    turned.getexif()[0x0112] = 6
    np.testing.assert_array_equal(encoder.embed(turned), encoder.embed(drawing()))
    assert turned.size == (160, 200)


def test_a_photo_is_embedded_as_the_index_builder_embeds_it(bundle: Bundle) -> None:
    encoder = open_encoder(bundle, "photo", device="cpu")
    stream = io.BytesIO()
    drawing("RGB").resize((2000, 1600)).save(stream, "JPEG")
    model = PhotoModel.from_bundle(bundle, device="cpu")
    drafted = decode_image(stream.getvalue(), max_pixels=10**7, draft_size_px=photo_draft_size(model.image_size_px))
    np.testing.assert_array_equal(encoder.embed(stream.getvalue()), encoder.encode(model.prepare(drafted)[None])[0])
