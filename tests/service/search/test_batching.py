"""Batching in front of a fake device that works only when it is told to."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from service.search.batching import BatchingEncoder


class FakeDevice:
    """Embeds an image as its number; notes its batches and holds each until it is released."""

    bundle: Any = "the bundle"
    provider = "FakeExecutionProvider"
    precision = "fp16"

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.busy = threading.Event()
        self.release = threading.Semaphore(0)

    def encode(self, images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        numbers = images[:, 0, 0, 0].astype(int).tolist()
        self.batches.append(numbers)
        self.busy.set()
        assert self.release.acquire(timeout=20)
        if 13 in numbers:
            raise RuntimeError("the device failed")
        return images[:, 0, 0, :1]


def image(number: int) -> np.ndarray[Any, Any]:
    return np.full((1, 3, 2, 2), number, np.float32)


def test_what_queued_while_the_device_was_busy_is_its_next_batch_up_to_the_largest() -> None:
    device = FakeDevice()
    encoder = BatchingEncoder(device, max_batch=4)
    with ThreadPoolExecutor(8) as pool:
        futures = {0: pool.submit(encoder.encode, image(0))}
        assert device.busy.wait(20)
        assert device.batches == [[0]], "an idle device starts at once, with what there is"
        for number in range(1, 7):
            futures[number] = pool.submit(encoder.encode, image(number))
        while encoder._jobs.qsize() < 6:
            threading.Event().wait(0.001)
        device.release.release(3)
        for number, future in futures.items():
            np.testing.assert_array_equal(future.result(20), [[number]])
    assert [len(batch) for batch in device.batches] == [1, 4, 2]
    assert sorted(number for batch in device.batches for number in batch) == list(range(7))
    encoder.close()


def test_a_batch_that_fails_fails_for_its_sketches_alone() -> None:
    device = FakeDevice()
    encoder = BatchingEncoder(device, max_batch=4)
    device.release.release(2)
    with pytest.raises(RuntimeError, match="the device failed"):
        encoder.encode(image(13))
    np.testing.assert_array_equal(encoder.encode(image(5)), [[5]])
    encoder.close()


def test_it_says_of_itself_what_its_encoder_says() -> None:
    encoder = BatchingEncoder(FakeDevice(), max_batch=4)
    assert (encoder.bundle, encoder.provider, encoder.precision) == ("the bundle", "FakeExecutionProvider", "fp16")
    encoder.close()


def test_several_sketches_at_once_are_refused() -> None:
    encoder = BatchingEncoder(FakeDevice(), max_batch=4)
    with pytest.raises(ValueError, match="2 sketches were given at once"):
        encoder.encode(np.concatenate([image(1), image(2)]))
    encoder.close()


def test_closing_encodes_what_was_given_and_ends_the_thread() -> None:
    device = FakeDevice()
    encoder = BatchingEncoder(device, max_batch=4)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(encoder.encode, image(1))
        assert device.busy.wait(20)
        second = pool.submit(encoder.encode, image(2))
        while not encoder._jobs.qsize():
            threading.Event().wait(0.001)
        device.release.release(2)
        encoder.close()
        assert (first.result(20), second.result(20)) == (1, 2)
    assert not encoder._thread.is_alive()
