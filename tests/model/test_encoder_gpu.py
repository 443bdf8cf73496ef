"""On a machine with an NVIDIA GPU and the gpu extra: the same embeddings and the same answers as on the CPU."""

import shutil
import subprocess
import sys

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

# In a process of its own, because what was loaded first stays loaded: both packages bring a libcurand of one name.
BOTH = """
import numpy as np
import {first}
import {second}
import faiss
from model.bundle import default_bundle_path, read_bundle
from model.encoder import open_encoder

bundle = read_bundle(default_bundle_path())
encoder = open_encoder(bundle, "photo", device="cuda", precision="fp32")
side = bundle.preprocessing.image_size_px
vectors = encoder.encode(np.random.default_rng(0).standard_normal((64, 3, side, side), np.float32))
flat = faiss.IndexFlatIP(vectors.shape[1])
flat.add(vectors)
on_device = faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, flat)
(scores, rows), (expected, _) = on_device.search(vectors, 1), flat.search(vectors, 1)
np.testing.assert_allclose(scores, expected, atol=1e-3)
print("rows", int((rows[:, 0] == np.arange(64)).sum()))
"""


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


@pytest.mark.parametrize(("first", "second"), [("onnxruntime", "faiss"), ("faiss", "onnxruntime")])
def test_encoder_and_index_share_the_gpu_in_either_import_order(first: str, second: str) -> None:
    script = BOTH.format(first=first, second=second)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) >= 60


def test_batches_of_any_size_give_on_the_gpu_what_they_give_one_by_one() -> None:
    bundle = read_bundle(default_bundle_path())
    side = bundle.preprocessing.image_size_px
    images = np.random.default_rng(1).standard_normal((67, 3, side, side), np.float32)
    encoder = open_encoder(bundle, "sketch", device="cuda", gpu_memory_mb=2048)
    singly = np.concatenate([encoder.encode(image[None]) for image in images])
    for size in (67, 5, 1):
        assert (encoder.encode(images[:size]) * singly[:size]).sum(axis=1).min() > 0.999
