"""The same code as on a GPU, with its buffers in main memory."""

import numpy as np
import onnxruntime as ort
import pytest

from model.bundle import Bundle, default_bundle_path, read_bundle
from model.sessions.buckets import BucketedSession, bucket_of


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return read_bundle(default_bundle_path())


@pytest.fixture(scope="module")
def session(bundle: Bundle) -> ort.InferenceSession:
    return ort.InferenceSession(str(bundle.encoder_path("sketch", "fp32")), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize(("num_images", "bucket"), [(1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (33, 64), (64, 64)])
def test_a_bucket_is_the_next_power_of_two(num_images: int, bucket: int) -> None:
    assert bucket_of(num_images) == bucket


def test_batches_of_any_size_give_what_the_session_gives_and_reuse_their_buffers(
    bundle: Bundle, session: ort.InferenceSession
) -> None:
    side = bundle.preprocessing.image_size_px
    images = np.random.default_rng(0).standard_normal((67, 3, side, side), np.float32)
    (expected,) = session.run(None, {"images": images})
    bucketed = BucketedSession(session, embedding_dim=bundle.embedding_dim, device="cpu")
    for size in (67, 3, 4, 1, 3):
        np.testing.assert_allclose(bucketed.run(images[:size]), expected[:size], atol=1e-5)
    assert sorted(bucketed._bound) == [1, 4, 64]


def test_an_answer_is_not_overwritten_by_the_next(bundle: Bundle, session: ort.InferenceSession) -> None:
    side = bundle.preprocessing.image_size_px
    one, other = np.random.default_rng(1).standard_normal((2, 1, 3, side, side), np.float32)
    bucketed = BucketedSession(session, embedding_dim=bundle.embedding_dim, device="cpu")
    first = bucketed.run(one)
    kept = first.copy()
    bucketed.run(other)
    np.testing.assert_array_equal(first, kept)
