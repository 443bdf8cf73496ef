import json
import subprocess
import sys
from pathlib import Path

import pytest

from training.data.dataset import read_split
from training.data.layouts.manifest import LAYOUTS, write_manifest


def shoes(root: Path, *, train: int = 2, test: int = 1) -> Path:
    for split, first, count in (("train", 0, train), ("test", 5000, test)):
        for part in "AB":
            (root / f"{split}{part}").mkdir(parents=True)
        for number in range(first, first + count):
            (root / f"{split}B/{number}.png").touch()
            for n in (1, 2, 3):
                (root / f"{split}A/{number}_{n}.png").touch()
    return root


def test_the_manifest_is_what_training_reads_and_its_digests_are_those_of_the_evaluator(tmp_path: Path) -> None:
    summary = write_manifest("shoe-v2", shoes(tmp_path / "ShoeV2"), tmp_path / "out/deep")
    split = read_split(tmp_path / "out/deep", "train")
    assert (len(split.items), split.num_sketches, split.dataset) == (2, 6, "QMUL-Shoe-V2")
    assert summary["splits"]["train"] == {"photos": 2, "sketches": 6, "sha256": split.sha256}
    row = json.loads((tmp_path / "out/deep/manifest.json").read_text())["items"][0]
    assert row["photo"] == "../../ShoeV2/trainB/0.png"


@pytest.mark.parametrize("layout", ["shoe-v2", "chair-v2"])
def test_counts_other_than_the_published_ones_are_warned_of(tmp_path: Path, layout: str) -> None:
    warnings = write_manifest(layout, shoes(tmp_path / "data"), tmp_path)["warnings"]
    expected = {
        "shoe-v2": ("1800", "5982", "200", "666 or 679"),
        "chair-v2": ("300", "964", "100", "311 or 323 or 324"),
    }
    photos, sketches, test_photos, test_sketches = expected[layout]
    assert warnings == [
        f"train photos: 2, published {photos}",
        f"test photos: 1, published {test_photos}",
        f"train sketches: 6, published {sketches}",
        f"test sketches: 3, published {test_sketches}",
    ]


def test_published_counts_are_not_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = shoes(tmp_path / "data", train=1800, test=200)
    for number in range(5982 - 3 * 1800):
        (source / f"trainA/{number}_10.png").touch()
    for number in range(5000, 5000 + 666 - 3 * 200):
        (source / f"testA/{number}_4.png").touch()
    assert write_manifest("shoe-v2", source, tmp_path)["warnings"] == []


def test_what_is_left_out_is_counted_warned_of_and_listed_in_full(tmp_path: Path) -> None:
    source = shoes(tmp_path / "data")
    for number in range(5):
        (source / f"testA/7{number}_1.png").touch()
    (source / "testB/lonely.png").touch()
    summary = write_manifest("shoe-v2", source, tmp_path / "out")
    assert summary["left_out"] == {"photo without sketch": 1, "sketch without photo": 5}
    assert any(
        w.startswith("5 left out as sketch without photo, e.g. ../data/testA/70_1.png") for w in summary["warnings"]
    )
    listed = json.loads((tmp_path / "out/left_out.json").read_text())
    assert listed["photo without sketch"] == ["../data/testB/lonely.png"]
    assert len(listed["sketch without photo"]) == 5


@pytest.mark.parametrize(
    ("layout", "address"), [("shoe-v2", "SketchX"), ("chair-v2", "SketchX"), ("sketchy", "Sangkloy")]
)
def test_absent_wrong_or_empty_data_says_what_is_missing_and_who_is_asked_for_it(
    tmp_path: Path, layout: str, address: str
) -> None:
    with pytest.raises(ValueError, match=rf"(has no|no folder).* is expected as .*{address}"):
        write_manifest(layout, tmp_path / "gone", tmp_path / "out")
    for folder in ("trainA", "trainB", "testA", "testB", "photo/tx_0", "sketch/tx_0"):
        (tmp_path / "empty" / folder).mkdir(parents=True)
    with pytest.raises(ValueError, match=rf"holds no photo with a sketch in layout {layout}.*{address}"):
        write_manifest(layout, tmp_path / "empty", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_photo_in_both_splits_is_refused(tmp_path: Path) -> None:
    source = shoes(tmp_path / "data")
    (source / "testB/0.png").touch()
    (source / "testA/0_1.png").touch()
    with pytest.raises(ValueError, match="1 ids of QMUL-Shoe-V2 occur twice, within a split or in two, first 0"):
        write_manifest("shoe-v2", source, tmp_path / "out")


def test_a_second_run_changes_nothing_and_another_manifest_is_not_overwritten(tmp_path: Path) -> None:
    source = shoes(tmp_path / "data")
    first = write_manifest("shoe-v2", source, tmp_path / "out")
    assert write_manifest("shoe-v2", source, tmp_path / "out") == first
    (source / "testA/5000_10.png").touch()
    with pytest.raises(ValueError, match=r"already has another manifest\.json"):
        write_manifest("shoe-v2", source, tmp_path / "out")
    assert read_split(tmp_path / "out", "test").num_sketches == 3


def test_a_manifest_changed_by_hand_is_refused(tmp_path: Path) -> None:
    write_manifest("shoe-v2", shoes(tmp_path / "data"), tmp_path)
    values = json.loads((tmp_path / "manifest.json").read_text())
    values["items"][-1]["sketches"].pop()
    (tmp_path / "manifest.json").write_text(json.dumps(values))
    assert read_split(tmp_path, "train").num_sketches == 6
    with pytest.raises(ValueError, match=r"Split 'test' of .* but the manifest records"):
        read_split(tmp_path, "test")


def test_a_csv_without_test_photos_is_warned_of(tmp_path: Path) -> None:
    for name in ("p.jpg", "s.png"):
        (tmp_path / name).touch()
    (tmp_path / "pairs.csv").write_text("photo,sketch,split\np.jpg,s.png,train\n")
    summary = write_manifest("csv", tmp_path / "pairs.csv", tmp_path)
    assert summary["warnings"] == ["there is no split test, which `python -m training run` needs"]
    assert read_split(tmp_path, "train").dataset == "pairs"


def test_a_rendering_is_a_question_of_sketchy_alone(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--transform chooses a rendering of Sketchy"):
        write_manifest("shoe-v2", tmp_path, tmp_path, transform="tx_0")


def test_the_command_prints_the_summary_last_and_knows_every_layout(tmp_path: Path) -> None:
    source = shoes(tmp_path / "data")
    command = [sys.executable, "-m", "training", "manifest", "--source", str(source), "--out", str(tmp_path / "out")]
    done = subprocess.run([*command, "--layout", "shoe-v2"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1])["splits"]["test"]["photos"] == 1
    asked = subprocess.run([*command, "--layout", "x"], capture_output=True, text=True, check=False)
    assert all(layout in asked.stderr for layout in LAYOUTS)
