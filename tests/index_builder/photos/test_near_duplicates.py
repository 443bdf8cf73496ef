import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from index_builder.__main__ import main
from index_builder.photos.near_duplicates import (
    HASH_BYTES,
    MAX_DIFFERENT_BITS,
    near_duplicate_groups,
    near_duplicates_of,
    perceptual_hash,
)


def different_bits(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


@pytest.fixture
def soft() -> Image.Image:
    """A picture whose strength falls with the frequency, as that of photos does."""
    vertical, horizontal = np.fft.fftfreq(96)[:, None], np.fft.rfftfreq(128)
    strength = 1 / np.maximum(np.hypot(vertical, horizontal), 1 / 128)
    noise = np.fft.rfft2(np.random.default_rng(0).standard_normal((96, 128)))
    values = np.fft.irfft2(noise * strength, (96, 128))
    grey = (255 * (values - values.min()) / np.ptp(values)).astype(np.uint8)
    return Image.fromarray(grey).resize((400, 300), Image.Resampling.BICUBIC)


def test_a_picture_in_another_size_or_compression_has_nearly_the_same_hash(soft: Image.Image) -> None:
    stream = io.BytesIO()
    soft.save(stream, "JPEG", quality=40)
    for other in (Image.open(stream), soft.resize((200, 150)), soft.resize((333, 250))):
        assert different_bits(perceptual_hash(soft), perceptual_hash(other)) <= MAX_DIFFERENT_BITS


def test_different_pictures_have_different_hashes(draw: Any) -> None:
    hashes = [perceptual_hash(draw(seed)) for seed in range(20)]
    for row, one in enumerate(hashes):
        assert all(different_bits(one, other) > 2 * MAX_DIFFERENT_BITS for other in hashes[:row])


def test_a_blank_picture_has_one_hash_whatever_its_size_and_shade() -> None:
    blanks = [Image.new("RGB", size, shade) for size in ((64, 64), (97, 31)) for shade in ("white", "#777")]
    assert len({perceptual_hash(blank) for blank in blanks}) == 1


def naive_groups(hashes: np.ndarray) -> list[list[int]]:
    groups = [{row} for row in range(len(hashes))]
    for one in range(len(hashes)):
        for other in range(one):
            if different_bits(hashes[one].tobytes(), hashes[other].tobytes()) <= MAX_DIFFERENT_BITS:
                first, second = (next(g for g in groups if row in g) for row in (one, other))
                if first is not second:
                    groups.remove(second)
                    first |= second
    return sorted(sorted(group) for group in groups if len(group) > 1)


def test_groups_agree_with_a_naive_search() -> None:
    generator = np.random.default_rng(0)
    hashes = generator.integers(0, 256, (120, HASH_BYTES), np.uint8)
    for row in range(40, 120):  # copies, and copies of copies, with 0 to 12 bits turned over
        bits = np.unpackbits(hashes[generator.integers(0, row)])
        bits[generator.choice(len(bits), row % 13, replace=False)] ^= 1
        hashes[row] = np.packbits(bits)
    groups = near_duplicate_groups(hashes)
    assert sorted(groups) == naive_groups(hashes)
    assert 5 < len(groups) < 60
    assert near_duplicate_groups(hashes[:0]) == []


def test_pictures_like_one_of_another_set_are_found(soft: Image.Image, draw: Any) -> None:
    pictures = [draw(1), soft.resize((200, 150)), draw(2)]
    hashes = np.stack([np.frombuffer(perceptual_hash(picture), np.uint8) for picture in pictures])
    others = np.frombuffer(perceptual_hash(soft) + perceptual_hash(draw(3)), np.uint8).reshape(-1, HASH_BYTES)
    assert near_duplicates_of(hashes, others).tolist() == [1]
    assert near_duplicates_of(hashes, others[:0]).tolist() == []
    assert near_duplicates_of(hashes[:0], others).tolist() == []


def test_a_build_counts_near_duplicates_and_info_shows_them(workshop: Any, soft: Image.Image, capsys: Any) -> None:
    soft.save(workshop.photos / "shoe.png")
    soft.save(workshop.photos / "shoe again.jpg", quality=60)
    soft.resize((200, 150)).save(workshop.photos / "small.png")
    (workshop.photos / "same.png").write_bytes((workshop.photos / "shoe.png").read_bytes())
    workshop.add("other.png", first_seed=50)
    workshop.build()
    with workshop.open() as gallery:
        near = gallery.manifest.near_duplicates
    assert (near.photos, near.groups) == (2, [["same", "shoe again", "small"]])
    assert "Near-duplicates: 2 photos look like another (same ~ shoe again ~ small)" in workshop.lines
    assert main(["info", str(workshop.out)]) == 0
    assert "2 photos look like another" in capsys.readouterr().out


def test_a_generation_of_an_earlier_release_gets_its_hashes_from_the_thumbnails(
    workshop: Any, soft: Image.Image, monkeypatch: Any
) -> None:
    soft.save(workshop.photos / "a.png")
    workshop.build()
    monkeypatch.setattr("index_builder.publishing.previous.PreviousGeneration.perceptual_hash", lambda self, row: None)
    soft.save(workshop.photos / "b.jpg")
    workshop.build()
    assert workshop.num_encoded == 1
    with workshop.open() as gallery:
        assert gallery.manifest.near_duplicates.groups == [["a", "b"]]
