import io
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, PngImagePlugin

from model.errors import SketchSearchError, UnreadableImageError
from model.feedback import LOG_NAME, read_feedback
from service.search.errors import FeedbackNotKeptError
from service.search.feedback_store import KEPT, Confirmed, FeedbackStore
from service.uploads.reader import LocalReader


def drawing(x: int = 10, *, author: str = "") -> bytes:
    image = Image.new("RGB", (300, 300), "white")
    ImageDraw.Draw(image).line([(30, 30), (270, 270), (5 * x, 270)], fill="black", width=3)
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", author)
    stream = io.BytesIO()
    image.save(stream, "PNG", pnginfo=text)
    return stream.getvalue()


def confirmed(photo_id: str = "shoes/a", **changes: object) -> Confirmed:
    values = {"photo_id": photo_id, "photo_sha256": "ff", "rank": 2, "generation": "g", "bundle": "b"}
    return Confirmed(**{**values, **changes})  # type: ignore[arg-type]


def store(folder: Path, *, max_bytes: int = 10**6) -> FeedbackStore:
    return FeedbackStore(folder, max_bytes=max_bytes, reader=LocalReader(KEPT, max_pixels=10**6))


def files(folder: Path) -> list[Path]:
    return sorted((folder / "sketches").iterdir())


def test_a_drawing_and_its_photo_are_kept_with_what_is_known_of_them(tmp_path: Path) -> None:
    assert store(tmp_path / "new").keep(drawing(), confirmed())
    (kept,) = read_feedback(tmp_path / "new").confirmations
    assert (kept.photo_id, kept.rank, kept.generation, kept.bundle) == ("shoes/a", 2, "g", "b")
    assert kept.time.endswith("+00:00")
    with Image.open(tmp_path / "new" / kept.sketch) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "L", (448, 448))
        assert set(image.get_flattened_data()) == {0, 255}


def test_the_same_pair_is_kept_once_also_by_the_next_process(tmp_path: Path) -> None:
    first = store(tmp_path)
    assert [first.keep(drawing(), confirmed()) for _ in range(2)] == [True, False]
    assert first.keep(drawing(), confirmed("shoes/b"))
    first.close()
    assert not store(tmp_path).keep(drawing(), confirmed())
    assert len(read_feedback(tmp_path).confirmations) == 2
    assert len(files(tmp_path)) == 1


def test_what_an_image_file_holds_beside_the_drawing_is_not_kept(tmp_path: Path) -> None:
    assert b"Jane Doe" in drawing(author="Jane Doe")
    opened = store(tmp_path)
    assert opened.keep(drawing(author="Jane Doe"), confirmed())
    (file,) = files(tmp_path)
    assert b"Jane" not in file.read_bytes()
    assert not opened.keep(drawing(author="John"), confirmed())  # the same lines


@pytest.mark.parametrize("data", [b"no image", b""])
def test_what_is_no_drawing_leaves_nothing_behind(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(UnreadableImageError):
        store(tmp_path).keep(data, confirmed())
    assert files(tmp_path) == []
    assert read_feedback(tmp_path).confirmations == ()


def test_a_full_folder_keeps_nothing_more_and_says_so(tmp_path: Path) -> None:
    roomy = store(tmp_path)
    roomy.keep(drawing(10), confirmed())
    roomy.close()
    block = 4096  # a disk gives whole blocks, and both drawings are smaller than one
    bounded = store(tmp_path, max_bytes=3 * block + 500)
    assert bounded.keep(drawing(11), confirmed())
    with pytest.raises(FeedbackNotKeptError, match="filled"):
        bounded.keep(drawing(12), confirmed())
    assert len(read_feedback(tmp_path).confirmations) == len(files(tmp_path)) == 2


def test_a_line_cut_short_by_a_crash_is_ended_and_costs_no_other(tmp_path: Path) -> None:
    first = store(tmp_path)
    first.keep(drawing(10), confirmed())
    first.close()
    with (tmp_path / LOG_NAME).open("ab") as log:
        log.write(b'{"sketch": "sketches/')
    store(tmp_path).keep(drawing(20), confirmed())
    feedback = read_feedback(tmp_path)
    assert len(feedback.confirmations) == 2
    assert feedback.damaged_lines == (2,)


def test_a_disk_that_is_full_is_a_refusal_and_the_next_pair_is_whole_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = store(tmp_path)
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:25]))
        with pytest.raises(FeedbackNotKeptError, match="could not be kept"):
            opened.keep(drawing(10), confirmed())
    assert opened.keep(drawing(20), confirmed())
    feedback = read_feedback(tmp_path)
    assert (len(feedback.confirmations), feedback.damaged_lines) == (1, (1,))


def test_a_folder_that_cannot_be_written_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SketchSearchError, match="Feedback cannot be kept in"):
        store(tmp_path / "file")


@pytest.mark.parametrize("lost", ["log.jsonl moved", "log.jsonl removed", "all removed"])
def test_a_log_that_was_moved_or_removed_is_begun_anew(tmp_path: Path, lost: str) -> None:
    folder = tmp_path / "kept"
    opened = store(folder)
    assert opened.keep(drawing(), confirmed())
    if lost == "log.jsonl moved":
        (folder / LOG_NAME).rename(folder / "old.jsonl")
    elif lost == "log.jsonl removed":
        (folder / LOG_NAME).unlink()
    else:
        shutil.rmtree(folder)
    assert opened.keep(drawing(), confirmed())
    assert len(read_feedback(folder).confirmations) == 1
    assert len(files(folder)) == 1


def test_drawings_are_for_the_service_alone(tmp_path: Path) -> None:
    store(tmp_path).keep(drawing(), confirmed())
    (file,) = files(tmp_path)
    assert (file.stat().st_mode & 0o777, (tmp_path / LOG_NAME).stat().st_mode & 0o777) == (0o600, 0o600)
