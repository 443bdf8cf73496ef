import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from index_builder.photos.read import read_photo
from model.preprocess import Preprocessing, prepare_photo, to_tensor
from training.data.dataset import read_image, read_split


def write(folder: Path, items: Any) -> Path:
    for name in ("p0.jpg", "p1.jpg", "s0.png", "s1.png", "s10.png"):
        (folder / name).touch()
    (folder / "manifest.json").write_text(json.dumps({"name": "tiny", "items": items}))
    return folder


def item(number: int, **changes: Any) -> dict[str, Any]:
    values = {"id": f"i{number}", "split": "test", "photo": f"p{number}.jpg", "sketches": [f"s{number}.png"]}
    return values | changes


def test_every_sketch_of_every_photo_is_read(tmp_path: Path) -> None:
    split = read_split(write(tmp_path, [item(0), item(1, sketches=["s1.png", "s10.png"])]), "test")
    assert split.num_sketches == 3
    assert split.summary()["photos"] == 2
    assert [sketch.name for sketch in split.items[1].sketches] == ["s1.png", "s10.png"]


def test_only_the_asked_for_split_is_read(tmp_path: Path) -> None:
    split = read_split(write(tmp_path, [item(0), item(1, split="train")]), "train")
    assert [entry.id for entry in split.items] == ["i1"]


def test_the_digest_tells_splits_apart(tmp_path: Path) -> None:
    one = read_split(write(tmp_path, [item(0), item(1)]), "test").sha256
    assert one == read_split(tmp_path, "test").sha256
    assert one != read_split(write(tmp_path, [item(0), item(1, sketches=["s10.png"])]), "test").sha256


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([item(0, split="train")], "no item of split 'test'; it has: train"),
        ([item(0), item(0, photo="p1.jpg", sketches=["s1.png"])], "id i0 occurs 2 times"),
        ([item(0), item(1, photo="p0.jpg")], "photo .*p0.jpg occurs 2 times"),
        ([item(0), item(1, sketches=["s0.png"])], "sketch .*s0.png occurs 2 times"),
        ([item(0, photo="gone.jpg")], "1 files .* do not exist, first .*gone.jpg"),
        ([item(0, sketches=[])], "has no sketch"),
        ([{"split": "test"}], "malformed"),
        ("nonsense", "not a dataset manifest"),
    ],
)
def test_a_manifest_that_cannot_be_trusted_is_refused(tmp_path: Path, items: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_split(write(tmp_path, items), "test")


def test_a_missing_or_broken_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no dataset"):
        read_split(tmp_path, "test")
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(ValueError, match="not valid JSON"):
        read_split(tmp_path, "test")


@pytest.mark.parametrize("image_size_px", [128, 224, 384])
def test_a_camera_photo_is_the_same_tensor_in_training_and_in_the_index_builder(
    tmp_path: Path, image_size_px: int
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (150, 200, 3), np.uint8)
    Image.fromarray(noise).resize((1600, 1200)).save(tmp_path / "photo.jpg")
    preprocessing = Preprocessing(image_size_px=image_size_px)
    trained_on = to_tensor(read_image("photo", tmp_path / "photo.jpg", preprocessing), preprocessing)
    indexed = read_photo(
        tmp_path,
        "photo.jpg",
        claim=lambda _: True,
        prepare=lambda image: prepare_photo(image, preprocessing),
        image_size_px=image_size_px,
    ).decoded
    assert indexed is not None
    assert np.array_equal(indexed.prepared, trained_on)
