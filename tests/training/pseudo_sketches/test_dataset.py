import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from training.config.recipes import get_recipe
from training.config.sketch_style import STYLES, SketchStyle
from training.data.dataset import read_split
from training.data.preview import contact_sheet
from training.pseudo_sketches.dataset import write_photo_dataset
from training.run import as_dataset


def shape(seed: int) -> Image.Image:
    random = np.random.default_rng(seed)
    photo = Image.new("RGB", (200, 200), "white")
    corners = [tuple(random.uniform(15, 185, 2)) for _ in range(7)]
    ImageDraw.Draw(photo).polygon(corners, fill=tuple(random.integers(0, 180, 3).tolist()))
    return photo


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    for seed in range(30):
        shape(seed).save(folder / ("more" if seed % 2 else ".") / f"{seed}.png")
    return folder


def test_every_photo_is_in_one_split_with_its_own_drawings(photos: Path, tmp_path: Path) -> None:
    made = write_photo_dataset(photos, tmp_path / "out", sketches=3, seed=0, workers=1)
    train, test = read_split(made.path, "train"), read_split(made.path, "test")
    assert made.photos == len(train.items) + len(test.items) == 30
    assert all(len(item.sketches) == 3 for item in train.items)
    assert {item.photo.resolve() for item in (*train.items, *test.items)} == set(photos.resolve().rglob("*.png"))


def test_near_duplicates_of_a_test_photo_are_left_out_and_counted(photos: Path, tmp_path: Path) -> None:
    other = tmp_path / "test.jpg"
    shape(4).resize((150, 150)).save(other, quality=60)
    made = write_photo_dataset(photos, tmp_path / "out", sketches=1, seed=0, exclude=[other], workers=1)
    assert [path.name for path in made.near_duplicates] == ["4.png"]
    assert made.photos == 29
    assert made.summary()["near_duplicates_left_out"] == 1


def test_what_cannot_be_drawn_is_reported_with_its_reason(photos: Path, tmp_path: Path) -> None:
    (photos / "broken.jpg").write_bytes(b"not a photo")
    Image.new("RGB", (50, 50), "white").save(photos / "white.png")
    made = write_photo_dataset(photos, tmp_path / "out", sketches=1, seed=0, workers=1)
    reasons = {path.name: reason for path, reason in made.unreadable}
    assert set(reasons) == {"broken.jpg", "white.png"}
    assert "no edge" in reasons["white.png"]
    assert made.photos == 30


def test_a_finished_dataset_is_read_again_and_another_one_refused(photos: Path, tmp_path: Path) -> None:
    first = write_photo_dataset(photos, tmp_path / "out", sketches=1, seed=0, workers=1)
    written = (first.path / "manifest.json").stat().st_mtime_ns
    assert write_photo_dataset(photos, tmp_path / "out", sketches=1, seed=0, workers=1) == first
    assert (first.path / "manifest.json").stat().st_mtime_ns == written
    with pytest.raises(ValueError, match="other photos or settings"):
        write_photo_dataset(photos, tmp_path / "out", sketches=1, seed=1, workers=1)


def test_the_style_is_recorded_and_another_one_is_refused(photos: Path, tmp_path: Path) -> None:
    made = write_photo_dataset(photos, tmp_path / "out", sketches=1, seed=0, workers=1)
    assert json.loads((made.path / "manifest.json").read_text())["pseudo_sketches"]["style"]["edges"] == "canny"
    assert write_photo_dataset(photos, tmp_path / "out", sketches=1, seed=0, workers=1) == made
    with pytest.raises(ValueError, match="other photos or settings"):
        write_photo_dataset(photos, tmp_path / "out", sketches=1, seed=0, style=SketchStyle(edges="dog"), workers=1)


def test_mixed_drawings_are_those_of_two_styles_by_turns(photos: Path, tmp_path: Path) -> None:
    def drawings(style: str) -> list[bytes]:
        write_photo_dataset(photos, tmp_path / style, sketches=4, seed=0, style=STYLES[style], workers=1)
        return [file.read_bytes() for file in sorted((tmp_path / style / "sketches").iterdir())]

    first, person, mixed = drawings("first"), drawings("person"), drawings("mixed")
    assert mixed[::2] == first[::2] != person[::2]
    assert mixed[1::2] == person[1::2] != first[1::2]


def test_photos_are_found_from_a_folder_behind_a_link(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "far/away").mkdir(parents=True)
    (tmp_path / "runs").symlink_to(tmp_path / "far/away")
    made = write_photo_dataset(photos, tmp_path / "runs/made", sketches=1, seed=0, workers=1)
    assert len(read_split(made.path, "train").items) + len(read_split(made.path, "test").items) == 30


def test_a_folder_of_nothing_usable_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match="None of the 1 photos"):
        write_photo_dataset(tmp_path / "photos", tmp_path / "out", sketches=1, seed=0, workers=1)


def test_a_dataset_that_was_cut_off_has_no_manifest(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("training.pseudo_sketches.dataset._near_duplicates", dies)
    with pytest.raises(KeyboardInterrupt):
        write_photo_dataset(photos, tmp_path / "out", sketches=1, seed=0, workers=1)
    assert not (tmp_path / "out/manifest.json").exists()


def test_the_contact_sheet_shows_photos_beside_their_drawings(photos: Path, tmp_path: Path) -> None:
    made = write_photo_dataset(photos, tmp_path / "out", sketches=2, seed=0, workers=1)
    sheet = np.asarray(contact_sheet(read_split(made.path, "train")))
    assert json.loads((made.path / "made.json").read_text())["of"]["sketches"] == 2
    assert (sheet[:, :160] < 200).any()
    assert (sheet[:, 166:326] < 200).any()
    assert (sheet[:, 500:] == 255).all()


def test_a_run_leaves_out_what_nearly_equals_a_test_photo(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shape(4).resize((150, 150)).save(tmp_path / "test.jpg", quality=60)
    config = replace(get_recipe("own-photos"), pseudo_sketches=1)
    data = as_dataset(photos, tmp_path / "run", config, exclude=[tmp_path / "test.jpg"])
    assert len(read_split(data, "train").items) + len(read_split(data, "test").items) == 29
    assert "left out, as test photos show nearly the same: 1" in capsys.readouterr().err
    with pytest.raises(ValueError, match="other photos or settings"):  # one made without it is not taken for one with
        as_dataset(photos, tmp_path / "run", config)
    with pytest.raises(ValueError, match="--exclude is for a folder of photos"):
        as_dataset(data, tmp_path / "other", config, exclude=[tmp_path / "test.jpg"])
