from collections.abc import Iterable
from pathlib import Path

import pytest

from training.data.layouts.pair_by_name import NO_PHOTO, NO_SKETCH, NOT_AN_IMAGE, pair_by_name
from training.data.layouts.qmul_v2 import read_qmul_v2


def touch(root: Path, names: Iterable[str]) -> Path:
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return root


V2 = ("trainA/10_1.png", "trainA/10_2.png", "trainB/10.png", "testA/20_1.png", "testB/20.jpg")


def paths(*names: str) -> list[Path]:
    return [Path(name) for name in names]


def test_sketches_are_joined_by_the_name_before_the_last_separator_and_sorted_by_number() -> None:
    sketches = paths("chair_7_10.png", "chair_7_9.png", "chair_7_123.png")
    pairing = pair_by_name(paths("chair_7.png", "chair.png"), sketches, separator="_", category="chair")
    assert [item.id for item in pairing.items] == ["chair_7"]
    assert [path.name for path in pairing.items[0].sketches] == ["chair_7_9.png", "chair_7_10.png", "chair_7_123.png"]
    assert pairing.photos_without_sketch == (Path("chair.png"),)


def test_a_sketch_of_no_photo_or_without_a_number_is_reported() -> None:
    pairing = pair_by_name(paths("1.png"), paths("1_1.png", "2_1.png", "1.png", "1_a.png"), separator="_", category="")
    assert pairing.sketches_without_photo == (Path("1.png"), Path("1_a.png"), Path("2_1.png"))


def test_two_photos_of_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match=r"1.jpg and 1.png are two photos of one id"):
        pair_by_name(paths("1.png", "1.jpg"), [], separator="_", category="")


def test_the_four_folders_become_two_splits_with_sketches_from_a_and_photos_from_b(tmp_path: Path) -> None:
    found = read_qmul_v2(touch(tmp_path, V2), name="QMUL-Shoe-V2", category="shoe")
    assert {name: [item.id for item in items] for name, items in found.splits.items()} == {
        "train": ["10"],
        "test": ["20"],
    }
    item = found.splits["train"][0]
    assert item.photo == tmp_path / "trainB/10.png"
    assert item.sketches == (tmp_path / "trainA/10_1.png", tmp_path / "trainA/10_2.png")
    assert item.category == "shoe"
    assert found.num_sketches_found == 3


def test_every_file_is_in_a_split_or_left_out_for_a_reason(tmp_path: Path) -> None:
    touch(tmp_path, (*V2, "trainA/11_1.png", "testB/21.png", "testB/Thumbs.db", "trainB/._10.png"))
    left_out = read_qmul_v2(tmp_path, name="QMUL-Shoe-V2", category="shoe").left_out
    assert left_out == {
        NO_PHOTO: (tmp_path / "trainA/11_1.png",),
        NO_SKETCH: (tmp_path / "testB/21.png",),
        NOT_AN_IMAGE: (tmp_path / "trainB/._10.png", tmp_path / "testB/Thumbs.db"),
    }


def test_missing_folders_are_named(tmp_path: Path) -> None:
    touch(tmp_path, ("trainA/1_1.png", "testB/1.png"))
    with pytest.raises(ValueError, match="has no trainB, testA; QMUL-Shoe-V2 is expected as the folders trainA"):
        read_qmul_v2(tmp_path, name="QMUL-Shoe-V2", category="shoe")
