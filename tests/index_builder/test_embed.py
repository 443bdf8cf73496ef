import threading
from typing import Any

from index_builder import embed


def test_photos_are_decoded_while_the_encoder_works(workshop: Any, fake: Any, monkeypatch: Any) -> None:
    workshop.add(*(f"{number:02}.png" for number in range(40)))
    read_photo = embed.read_photo
    num_read, more_read = 0, threading.Event()

    def counting(*arguments: Any, **options: Any) -> Any:
        nonlocal num_read
        num_read += 1
        if num_read > 8:
            more_read.set()
        return read_photo(*arguments, **options)

    def wait_for_decoders(images: Any) -> None:
        assert more_read.wait(timeout=10)

    monkeypatch.setattr(embed, "read_photo", counting)
    workshop.build(encoder=fake.FakeEncoder(wait_for_decoders))
    assert num_read == 40


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
    assert most <= 8 + 2 * 8 + 2  # a batch with the encoder, and those read ahead


def test_a_duplicate_of_a_photo_that_is_still_in_flight_waits_for_it(workshop: Any, photo: Any) -> None:
    for number in range(30):
        photo(workshop.photos / f"{number:02}.png", 1)
    report = workshop.build(num_workers=8)
    assert workshop.num_encoded == 1
    assert report.counts.indexed == 30
