from pathlib import Path

import pytest

from training.data.layouts.pair_by_name import NO_SKETCH
from training.data.layouts.sketchy import INVALID, INVALID_LISTS, read_sketchy


def sketchy(root: Path, *, categories: int = 2, photos: int = 20, sketches: int = 3, transform: str = "") -> Path:
    rendering = transform or "tx_000000000000"
    for c in range(categories):
        for part in ("photo", "sketch"):
            (root / part / rendering / f"cat_({c})").mkdir(parents=True)
        for p in range(photos):
            (root / "photo" / rendering / f"cat_({c})/n0{c}_{p}.jpg").touch()
            for s in range(1, sketches + 1):
                (root / "sketch" / rendering / f"cat_({c})/n0{c}_{p}-{s}.png").touch()
    return root


def write_info(folder: Path, **lists: str) -> None:
    folder.mkdir()
    for name in (*INVALID_LISTS, "testset.txt"):
        (folder / name).write_text(lists.get(name.removesuffix(".txt").replace("-", "_"), ""))


def test_a_tenth_of_the_photos_of_each_category_is_held_out_and_always_the_same(tmp_path: Path) -> None:
    found = read_sketchy(sketchy(tmp_path / "a"))
    assert [item.category for item in found.splits["test"]] == ["cat_(0)"] * 2 + ["cat_(1)"] * 2
    assert len(found.splits["train"]) == 36
    again = read_sketchy(sketchy(tmp_path / "b"))
    assert [item.id for item in again.splits["test"]] == [item.id for item in found.splits["test"]]
    assert found.split_rule == "ours: 10% of each category's photos by digest"


def test_another_category_does_not_move_a_photo_to_the_other_split(tmp_path: Path) -> None:
    few = read_sketchy(sketchy(tmp_path / "a", categories=2)).splits["test"]
    more = read_sketchy(sketchy(tmp_path / "b", categories=3)).splits["test"]
    assert {item.id for item in few} < {item.id for item in more}


def test_the_packages_own_test_list_is_used_where_there_is_one(tmp_path: Path) -> None:
    write_info(tmp_path / "info", testset="cat_(0)/n00_3.jpg\ncat_(1)/n01_4.jpg\ncat_(1)/n01_99.jpg\n")
    found = read_sketchy(sketchy(tmp_path))
    assert [item.id for item in found.splits["test"]] == ["cat_(0)/n00_3", "cat_(1)/n01_4"]
    assert found.split_rule == "the package's testset.txt"
    assert any("1 photos of testset.txt are not here" in note and "n01_99" in note for note in found.notes)


def test_sketches_marked_invalid_for_any_of_the_four_reasons_are_left_out_and_listed(tmp_path: Path) -> None:
    write_info(
        tmp_path / "info",
        invalid_error="n00_0-1\n",
        invalid_ambiguous="n00_0-2\r\n",
        invalid_pose="n00_0-3\n",
        invalid_context="n00_1-2\n",
    )
    found = read_sketchy(sketchy(tmp_path))
    assert [path.stem for path in found.left_out[INVALID]] == ["n00_0-1", "n00_0-2", "n00_0-3", "n00_1-2"]
    assert [path.stem for path in found.left_out[NO_SKETCH]] == ["n00_0"]
    items = {item.id: item for items in found.splits.values() for item in items}
    assert [path.stem for path in items["cat_(0)/n00_1"].sketches] == ["n00_1-1", "n00_1-3"]
    assert found.num_sketches_found == 120


def test_info_may_lie_beside_the_folder_and_its_absence_is_noted(tmp_path: Path) -> None:
    source = sketchy(tmp_path / "256x256")
    assert any("no invalid-error.txt" in note for note in read_sketchy(source).notes)
    write_info(tmp_path / "info", invalid_error="n00_0-1\n")
    found = read_sketchy(source)
    assert len(found.left_out[INVALID]) == 1
    assert len(found.notes) == 1


def test_the_rendering_is_the_default_the_only_one_or_asked_for(tmp_path: Path) -> None:
    one = sketchy(tmp_path / "one", transform="tx_000100000000")
    assert "tx_000100000000" in read_sketchy(one).notes[0]
    both = sketchy(sketchy(tmp_path / "both", photos=5), photos=6, transform="tx_000100000000")
    assert sum(map(len, read_sketchy(both).splits.values())) == 10
    assert sum(map(len, read_sketchy(both, transform="tx_000100000000").splits.values())) == 12
    with pytest.raises(ValueError, match=r"has no tx_7; choose one with --transform: tx_000000000000, tx_000100"):
        read_sketchy(both, transform="tx_7")


def test_several_renderings_without_the_default_are_not_guessed_between(tmp_path: Path) -> None:
    source = sketchy(sketchy(tmp_path, transform="tx_000100000000"), transform="tx_000110000000")
    with pytest.raises(ValueError, match="choose one with --transform"):
        read_sketchy(source)


def test_a_folder_that_is_not_sketchy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"There is no folder .*photo with renderings; Sketchy is expected as photo/"):
        read_sketchy(tmp_path)
