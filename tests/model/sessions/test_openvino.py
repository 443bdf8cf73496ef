"""bf16 in OpenVINO gives the embeddings of fp32, on CPUs that compute it, and sends nothing anywhere."""

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from index_builder.embedding.photo_encoder import PhotoModel
from model.bundle import Bundle, default_bundle_path, read_bundle
from model.encoder import Encoder, open_encoder
from model.errors import BundleError, ProviderError
from model.sessions.openvino import OpenVinoSession


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return read_bundle(default_bundle_path())


@pytest.fixture(scope="module")
def encoder(bundle: Bundle, bf16: None) -> Encoder:
    return open_encoder(bundle, "sketch", precision="bf16", num_threads=1, at_once=2)


@pytest.fixture(scope="module")
def images(bundle: Bundle) -> NDArray[np.float32]:
    side = bundle.preprocessing.image_size_px
    return np.random.default_rng(0).standard_normal((6, 3, side, side)).astype(np.float32)


def test_the_embeddings_are_those_of_fp32_up_to_rounding(
    bundle: Bundle, encoder: Encoder, images: NDArray[np.float32]
) -> None:
    assert (encoder.provider, encoder.precision) == ("OpenVINO", "bf16")
    found = encoder.encode(images)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    full = open_encoder(bundle, "sketch", device="cpu", precision="fp32").encode(images)
    assert (found * full).sum(axis=1).min() > 0.999


def test_more_threads_than_streams_get_the_answers_of_one(encoder: Encoder, images: NDArray[np.float32]) -> None:
    expected = encoder.encode(images)
    with ThreadPoolExecutor(5) as pool:
        for found in pool.map(lambda _: encoder.encode(images), range(10)):
            np.testing.assert_array_equal(found, expected)


def test_openvino_does_not_report_its_use(encoder: Encoder) -> None:
    assert "openvino" in sys.modules
    assert sys.modules["openvino_telemetry"] is None


@pytest.mark.usefixtures("bf16")
def test_a_file_that_is_no_encoder_of_the_bundle_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(b"nothing")
    shape = {"image_size_px": bundle.preprocessing.image_size_px, "num_threads": 1, "at_once": 1}
    with pytest.raises(BundleError, match="cannot be opened"):
        OpenVinoSession(damaged, embedding_dim=bundle.embedding_dim, **shape)
    with pytest.raises(BundleError, match=r"its bundle says \[1, 7\]"):
        OpenVinoSession(bundle.encoder_path("sketch", "fp32"), embedding_dim=7, **shape)


def test_without_the_extra_the_message_says_what_to_install(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ProviderError, match=r"install sketch-search\[openvino\]"):
        open_encoder(bundle, "sketch", precision="bf16")


def test_a_cpu_without_bfloat16_is_told_to_take_another_precision(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = SimpleNamespace(get_property=lambda *_: ["FP32", "INT8"])
    monkeypatch.setitem(sys.modules, "openvino", SimpleNamespace(Core=lambda: core))
    with pytest.raises(ProviderError, match="this CPU computes no bfloat16"):
        open_encoder(bundle, "sketch", precision="bf16")


def test_bf16_is_not_for_a_gpu(bundle: Bundle) -> None:
    with pytest.raises(ProviderError, match="runs on a CPU only"):
        open_encoder(bundle, "sketch", device="cuda", precision="bf16")


def test_embeddings_in_bf16_are_another_gallery_than_those_in_another_precision(bundle: Bundle) -> None:
    assert PhotoModel.from_bundle(bundle, precision="bf16").precision == "bf16"
    without = replace(bundle, encoders={"photo": {}, "sketch": {}})
    with pytest.raises(BundleError, match="has no fp32 photo encoder"):
        PhotoModel.from_bundle(without, precision="bf16")
