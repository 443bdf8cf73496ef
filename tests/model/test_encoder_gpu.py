"""On a machine with an NVIDIA GPU and the gpu extra: the same embeddings and the same answers as on the CPU."""

import shutil
from types import ModuleType

import numpy as np
import onnxruntime as ort
import pytest

from model.bundle import default_bundle_path, read_bundle
from model.encoder import open_encoder

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        shutil.which("nvidia-smi") is None or "CUDAExecutionProvider" not in ort.get_available_providers(),
        reason="needs an NVIDIA GPU and the gpu extra",
    ),
]


@pytest.mark.parametrize("modality", ["photo", "sketch"])
def test_gpu_and_cpu_give_the_same_embeddings(modality: str) -> None:
    bundle = read_bundle(default_bundle_path())
    side = bundle.preprocessing.image_size_px
    images = np.random.default_rng(0).standard_normal((8, 3, side, side), np.float32)
    on_gpu = open_encoder(bundle, modality, device="cuda", precision="fp32")
    on_cpu = open_encoder(bundle, modality, device="cpu", precision="fp32")
    assert on_gpu.provider == "CUDAExecutionProvider"
    cosines = (on_gpu.encode(images) * on_cpu.encode(images)).sum(axis=1)
    assert cosines.min() > 0.999


def test_encoder_and_index_share_the_gpu_in_either_import_order(gpu_checks: ModuleType) -> None:
    gpu_checks.check_import_orders()  # in processes of their own: both packages bring a libcurand of one name


def test_batches_of_any_size_give_on_the_gpu_what_they_give_one_by_one() -> None:
    bundle = read_bundle(default_bundle_path())
    side = bundle.preprocessing.image_size_px
    images = np.random.default_rng(1).standard_normal((67, 3, side, side), np.float32)
    encoder = open_encoder(bundle, "sketch", device="cuda", gpu_memory_mb=2048)
    singly = np.concatenate([encoder.encode(image[None]) for image in images])
    for size in (67, 5, 1):
        assert (encoder.encode(images[:size]) * singly[:size]).sum(axis=1).min() > 0.999
