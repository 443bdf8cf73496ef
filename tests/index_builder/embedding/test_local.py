import threading
from typing import Any

import pytest

from index_builder.embedding import local as embed


@pytest.fixture
def on_device(fake: Any) -> Any:
    """Makes an encoder that says it runs on a GPU."""

    def make(on_encode: Any) -> Any:
        encoder = fake.FakeEncoder(on_encode)
        encoder.provider = "CUDAExecutionProvider"
        return encoder

    return make


def test_a_gpu_gets_batches_and_photos_are_decoded_while_it_works(
    workshop: Any, on_device: Any, monkeypatch: Any
) -> None:
    workshop.add(*(f"{number:02}.png" for number in range(40)))
    monkeypatch.setattr(embed, "_DEVICE_BATCH_SIZE", 8)
    read_photo = embed.read_photo
    num_read, more_read, batches = 0, threading.Event(), []

    def counting(*arguments: Any, **options: Any) -> Any:
        nonlocal num_read
        num_read += 1
        if num_read > 8:
            more_read.set()
        return read_photo(*arguments, **options)

    def wait_for_decoders(images: Any) -> None:
        batches.append(len(images))
        assert more_read.wait(timeout=10)

    monkeypatch.setattr(embed, "read_photo", counting)
    workshop.build(encoder=on_device(wait_for_decoders))
    assert num_read == 40
    assert batches == [8] * 5


def test_the_rest_of_a_batch_is_encoded_and_unreadable_photos_are_no_part_of_one(
    workshop: Any, on_device: Any, monkeypatch: Any
) -> None:
    workshop.add(*(f"{number:02}.png" for number in range(11)))
    (workshop.photos / "05b.png").write_bytes(b"torn")
    monkeypatch.setattr(embed, "_DEVICE_BATCH_SIZE", 4)
    batches: list[int] = []
    report = workshop.build(encoder=on_device(lambda images: batches.append(len(images))), num_workers=3)
    assert batches == [4, 4, 3]
    assert (report.counts.indexed, report.counts.skipped) == (11, 1)


def test_on_a_cpu_every_worker_encodes(workshop: Any, fake: Any) -> None:
    workshop.add(*(f"{number:02}.png" for number in range(9)))
    all_at_once = threading.Barrier(3)
    report = workshop.build(encoder=fake.FakeEncoder(lambda images: all_at_once.wait(timeout=10)), num_workers=3)
    assert report.num_encoded == 9


def test_the_number_of_photos_in_memory_is_bounded(workshop: Any, fake: Any, monkeypatch: Any) -> None:
    workshop.add(*(f"{number:03}.png" for number in range(150)))
    read_photo = embed.read_photo
    lock = threading.Lock()
    num_read = num_encoded = most = 0

    def counting(*arguments: Any, **options: Any) -> Any:
        nonlocal num_read
        with lock:
            num_read += 1
        return read_photo(*arguments, **options)

    def slow(images: Any) -> None:
        nonlocal num_encoded, most
        threading.Event().wait(0.02)
        with lock:
            most = max(most, num_read - num_encoded)
            num_encoded += len(images)

    monkeypatch.setattr(embed, "read_photo", counting)
    workshop.build(encoder=fake.FakeEncoder(slow), num_workers=2)
    assert num_encoded == 150
    assert most <= 2  # one in each thread


def test_a_duplicate_of_a_photo_that_is_still_in_flight_waits_for_it(workshop: Any, photo: Any) -> None:
    for number in range(30):
        photo(workshop.photos / f"{number:02}.png", 1)
    report = workshop.build(num_workers=8)
    assert workshop.num_encoded == 1
    assert report.counts.indexed == 30
