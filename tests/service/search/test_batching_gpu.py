"""On a machine with an NVIDIA GPU and the gpu extra: many threads share batches, and each gets its own answer."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime as ort
import pytest

from model.bundle import default_bundle_path, read_bundle
from model.encoder import open_encoder
from service.search.batching import BatchingEncoder

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        shutil.which("nvidia-smi") is None or "CUDAExecutionProvider" not in ort.get_available_providers(),
        reason="needs an NVIDIA GPU and the gpu extra",
    ),
]


def test_sketches_from_many_threads_get_the_embeddings_they_get_alone() -> None:
    bundle = read_bundle(default_bundle_path())
    side = bundle.preprocessing.image_size_px
    images = np.random.default_rng(0).standard_normal((200, 1, 3, side, side), np.float32)
    encoder = open_encoder(bundle, "sketch", device="cuda")
    alone = [encoder.encode(image)[0] for image in images]
    batching = BatchingEncoder(encoder, max_batch=32)
    with ThreadPoolExecutor(64) as pool:
        together = list(pool.map(lambda image: batching.encode(image)[0], images))
    batching.close()
    assert min(float(one @ other) for one, other in zip(alone, together, strict=True)) > 0.999
