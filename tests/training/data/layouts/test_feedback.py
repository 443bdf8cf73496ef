import hashlib
from pathlib import Path

import pytest

from model.feedback import LOG_NAME, Confirmation
from training.data.layouts.feedback import CHANGED, GONE, NO_DRAWING, SUPERSEDED, read_feedback_pairs
from training.data.layouts.manifest import write_manifest


def photos(folder: Path, *names: str) -> Path:
    for name in names:
        file = folder / "photos" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    return folder / "photos"


def confirm(folder: Path, sketch: str, photo_id: str, content: str, *, drawn: bool = True) -> None:
    (folder / "sketches").mkdir(parents=True, exist_ok=True)
    if drawn:
        (folder / f"sketches/{sketch}.png").write_bytes(b"drawing")
    digest = hashlib.sha256(content.encode()).hexdigest()
    line = Confirmation(f"sketches/{sketch}.png", photo_id, digest, 1, "g", "b", "2026-11-21T12:00:00+00:00").to_line()
    with (folder / LOG_NAME).open("a", encoding="utf-8") as log:
        log.write(line)


def all_items(folder: Path, photo_folder: Path) -> dict[str, list[str]]:
    found = read_feedback_pairs(folder, photo_folder)
    return {item.id: [path.stem for path in item.sketches] for items in found.splits.values() for item in items}


def test_drawings_of_one_photo_become_one_item(tmp_path: Path) -> None:
    folder = photos(tmp_path, "a.jpg", "more/b.png")
    for sketch, photo_id, content in (("1", "a", "a.jpg"), ("2", "more/b", "more/b.png"), ("3", "a", "a.jpg")):
        confirm(tmp_path / "kept", sketch, photo_id, content)
    assert all_items(tmp_path / "kept", folder) == {"a": ["1", "3"], "more/b": ["2"]}


def test_two_photos_of_one_stem_are_told_apart_by_their_content(tmp_path: Path) -> None:
    folder = photos(tmp_path, "a.jpg", "a.png")
    confirm(tmp_path / "kept", "1", "a", "a.png")
    confirm(tmp_path / "kept", "2", "a.jpg", "a.jpg")
    found = read_feedback_pairs(tmp_path / "kept", folder)
    named = {item.id: item.photo.name for items in found.splits.values() for item in items}
    assert named == {"a": "a.png", "a.jpg": "a.jpg"}


def test_the_last_of_several_photos_for_one_drawing_counts(tmp_path: Path) -> None:
    folder = photos(tmp_path, "a.jpg", "b.jpg")
    confirm(tmp_path / "kept", "1", "a", "a.jpg")
    confirm(tmp_path / "kept", "1", "b", "b.jpg")
    assert all_items(tmp_path / "kept", folder) == {"b": ["1"]}
    assert len(read_feedback_pairs(tmp_path / "kept", folder).left_out[SUPERSEDED]) == 1


def test_what_cannot_be_used_is_left_out_with_its_reason(tmp_path: Path) -> None:
    folder = photos(tmp_path, "a.jpg", "b.jpg")
    confirm(tmp_path / "kept", "1", "a", "a.jpg")
    confirm(tmp_path / "kept", "2", "b", "another picture under this name")
    confirm(tmp_path / "kept", "3", "sold", "sold.jpg")
    confirm(tmp_path / "kept", "4", "a", "a.jpg", drawn=False)
    with (tmp_path / "kept" / LOG_NAME).open("a") as log:
        log.write("{cut off")
    found = read_feedback_pairs(tmp_path / "kept", folder)
    assert {reason: len(paths) for reason, paths in found.left_out.items() if paths} == {
        CHANGED: 1,
        GONE: 1,
        NO_DRAWING: 1,
    }
    assert found.notes == ("damaged lines of the log: 1",)


def test_a_photo_stays_in_its_split_when_feedback_grows(tmp_path: Path) -> None:
    names = [f"{number}.jpg" for number in range(60)]
    folder = photos(tmp_path, *names)
    for name in names[:30]:
        confirm(tmp_path / "kept", f"s{name[:-4]}", name[:-4], name)
    before = {item.id for item in read_feedback_pairs(tmp_path / "kept", folder).splits["test"]}
    for name in names[30:]:
        confirm(tmp_path / "kept", f"s{name[:-4]}", name[:-4], name)
    after = read_feedback_pairs(tmp_path / "kept", folder)
    assert before <= {item.id for item in after.splits["test"]}
    assert 1 <= len(after.splits["test"]) <= 15
    assert len(after.splits["test"]) + len(after.splits["train"]) == 60


def test_the_command_needs_the_photos_and_refuses_them_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--photos is the folder of photos that feedback is about"):
        write_manifest("feedback", tmp_path, tmp_path / "out")
    with pytest.raises(ValueError, match="with layout feedback only"):
        write_manifest("csv", tmp_path, tmp_path / "out", photos=tmp_path)
    with pytest.raises(ValueError, match="There is no feedback in"):
        write_manifest("feedback", tmp_path, tmp_path / "out", photos=tmp_path)
