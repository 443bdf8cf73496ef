import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from index_builder.gallery.errors import GalleryError, TooManyUnreadableError
from index_builder.gallery.folder_gallery import current_generation, generation_folder
from index_builder.gallery.manifest import ERRORS, Counts
from index_builder.photos import scan
from index_builder.publishing import generation as release
from index_builder.publishing import swap as publish
from index_builder.publishing.counts import few_enough
from index_builder.settings import BuildSettings
from index_builder.work import store as work
from model.seal import break_seal, sealed_text

NAMES = ["a.jpg", "b.png", "chairs/Größe 日本.webp", "chairs/old/d.JPG"]


def errors(workshop: Any) -> dict[str, dict[str, str]]:
    path = generation_folder(workshop.out, current_generation(workshop.out)) / ERRORS
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {line["photo"]: line for line in lines}


def generations(workshop: Any) -> set[str]:
    return {folder.name for folder in (workshop.out / "generations").iterdir()}


def test_every_photo_is_found_by_its_own_embedding(workshop: Any) -> None:
    workshop.add(*NAMES)
    report = workshop.build()
    assert report.published
    assert (report.counts.found, report.counts.indexed, report.counts.skipped) == (4, 4, 0)
    assert workshop.ids() == ["a", "b", "chairs/Größe 日本", "chairs/old/d"]
    with workshop.open() as gallery:
        for photo_id in workshop.ids():
            assert gallery.search(gallery.embedding(photo_id), k=1)[0].photo_id == photo_id
            assert gallery.item(photo_id).path.is_file()


def test_unreadable_photos_are_listed_with_reasons_and_the_counts_add_up(workshop: Any) -> None:
    workshop.add(*NAMES)
    whole = (workshop.photos / "b.png").read_bytes()
    (workshop.photos / "zero.jpg").write_bytes(b"")
    (workshop.photos / "half.png").write_bytes(whole[: len(whole) // 2])
    (workshop.photos / "half again.png").write_bytes(whole[: len(whole) // 2])
    (workshop.photos / "text.webp").write_text("hello")
    (workshop.photos / "gone.png").symlink_to("nowhere")
    (workshop.photos / "readme.txt").write_text("hello")
    report = workshop.build(max_error_rate=0.6)
    assert (report.counts.found, report.counts.indexed, report.counts.skipped) == (9, 4, 5)
    assert {photo: line["reason"] for photo, line in errors(workshop).items()} == {
        "zero.jpg": "empty",
        "half.png": "truncated",
        "half again.png": "truncated",
        "text.webp": "not_an_image",
        "gone.png": "cannot_open",
    }
    assert all(line["sentence"].endswith(".") for line in errors(workshop).values())
    assert "ignored 1 file that is not an image: readme.txt" in workshop.lines[0]
    assert "Found 9 = indexed 4 + skipped 5" in workshop.lines


def test_above_the_error_rate_nothing_is_published_and_it_is_said(workshop: Any) -> None:
    workshop.add(*NAMES)
    workshop.build()
    before = current_generation(workshop.out)
    (workshop.photos / "broken.jpg").write_bytes(b"x")
    with pytest.raises(TooManyUnreadableError, match=r"1 of 5 photos .*20.0%, at most 19.0% .*nothing was published"):
        workshop.build(max_error_rate=0.19)
    assert current_generation(workshop.out) == before
    assert json.loads((workshop.out / "work" / ERRORS).read_text())["photo"] == "broken.jpg"
    assert workshop.build(max_error_rate=0.2).published
    assert workshop.num_encoded == 0


@pytest.mark.parametrize(
    ("num_readable", "num_broken", "accepted"),
    [(2, 1, True), (6, 5, True), (1, 1, False), (4, 5, False), (7, 6, False), (120, 6, True)],
)
def test_unless_a_rate_is_given_a_few_unreadable_photos_are_accepted_while_most_can_be_read(
    num_readable: int, num_broken: int, accepted: bool
) -> None:
    counts = Counts(found=num_readable + num_broken, indexed=num_readable, skipped=num_broken)
    assert few_enough(counts, None) is accepted


def test_one_torn_file_among_ten_photos_is_listed_and_the_rest_is_published(workshop: Any) -> None:
    workshop.add(*(f"{number}.png" for number in range(9)))
    (workshop.photos / "torn.jpg").write_bytes(b"x")
    report = workshop.build()
    assert report.published
    assert (report.counts.indexed, report.counts.skipped) == (9, 1)
    assert list(errors(workshop)) == ["torn.jpg"]
    (workshop.photos / "new.png").write_bytes((workshop.photos / "0.png").read_bytes())
    with pytest.raises(TooManyUnreadableError, match=r"1 of 11 photos .* at most 0.0% is allowed"):
        workshop.build(max_error_rate=0.0)


def test_a_folder_without_photos_is_one_clear_error(workshop: Any) -> None:
    (workshop.photos / "notes.txt").write_text("x")
    with pytest.raises(GalleryError, match="There are no photos in"):
        workshop.build()
    assert not (workshop.out / "CURRENT").exists()


def test_a_folder_without_a_readable_photo_is_one_clear_error(workshop: Any) -> None:
    (workshop.photos / "a.jpg").write_text("x")
    with pytest.raises(TooManyUnreadableError, match="None of the 1 photos can be read"):
        workshop.build(max_error_rate=1.0)


def test_an_unchanged_folder_is_neither_read_nor_published_again(workshop: Any, monkeypatch: Any) -> None:
    workshop.add(*NAMES)
    first = workshop.build()
    monkeypatch.setattr("index_builder.embedding.local.read_photo", None)
    again = workshop.build()
    assert (again.published, again.generation, again.num_encoded) == (False, first.generation, 0)
    assert workshop.lines[-1] == f"Nothing to do: generation {first.generation} is up to date"
    assert generations(workshop) == {first.generation}


def test_touched_files_are_hashed_but_not_embedded_and_not_published(workshop: Any) -> None:
    workshop.add(*NAMES)
    workshop.build()
    os.utime(workshop.photos / "a.jpg", ns=(1, 1))
    assert not workshop.build().published
    assert workshop.num_encoded == 0


def test_only_new_and_changed_photos_are_embedded_and_removed_ones_leave(workshop: Any, photo: Any) -> None:
    workshop.add(*NAMES)
    workshop.build()
    before = workshop.content()
    (workshop.photos / "a.jpg").unlink()
    photo(workshop.photos / "b.png", 77)
    photo(workshop.photos / "new.png", 78)
    assert workshop.build().published
    assert workshop.num_encoded == 2
    after = workshop.content()
    assert set(after) == {"b", "new", "chairs/Größe 日本", "chairs/old/d"}
    assert after["b"][-1] != before["b"][-1]
    assert after["chairs/old/d"][-2:] == before["chairs/old/d"][-2:]
    shutil.rmtree(workshop.out)
    workshop.build()
    assert workshop.content() == after


def test_a_changed_photo_of_the_same_size_is_noticed_by_its_time(workshop: Any, photo: Any) -> None:
    path = photo(workshop.photos / "a.bmp", 1)
    workshop.build()
    size = path.stat().st_size
    photo(path, 2)
    assert path.stat().st_size == size
    assert workshop.build().published
    assert workshop.num_encoded == 1


def test_a_renamed_photo_keeps_its_embedding(workshop: Any) -> None:
    workshop.add(*NAMES)
    workshop.build()
    (workshop.photos / "a.jpg").rename(workshop.photos / "z.jpg")
    workshop.build()
    assert workshop.num_encoded == 0
    assert "a" not in workshop.ids()
    assert "z" in workshop.ids()


def test_a_moved_folder_is_published_without_embedding(workshop: Any) -> None:
    workshop.add(*NAMES)
    workshop.build()
    workshop.photos = workshop.photos.rename(workshop.photos.with_name("elsewhere"))
    assert workshop.build().published
    assert workshop.num_encoded == 0
    with workshop.open() as gallery:
        assert gallery.item("a").path == workshop.photos / "a.jpg"


def test_duplicates_keep_their_ids_are_embedded_once_and_reported(workshop: Any, photo: Any) -> None:
    for name in ("x.png", "copies/y.png", "copies/z.PNG"):
        photo(workshop.photos / name, 5)
    photo(workshop.photos / "other.png", 6)
    report = workshop.build()
    assert workshop.num_encoded == 2
    assert report.duplicates.photos == 2
    assert report.duplicates.groups == [["copies/y", "copies/z", "x"]]
    assert "2 photos repeat the content of another (copies/y = copies/z = x)" in "\n".join(workshop.lines)
    with workshop.open() as gallery:
        assert gallery.manifest.duplicates == report.duplicates
        hits = gallery.search(gallery.embedding("x"), k=3)
        assert [hit.photo_id for hit in hits] == ["copies/y", "copies/z", "x"]


def test_two_files_with_one_stem_are_two_photos(workshop: Any) -> None:
    workshop.add("a.jpg", "a.png")
    workshop.build()
    assert workshop.ids() == ["a", "a.png"]


def test_an_id_stays_with_its_file_when_a_file_of_the_same_stem_comes_or_goes(workshop: Any, photo: Any) -> None:
    workshop.add("a.jpg", "a.png", "b.jpg")
    workshop.build()
    photo(workshop.photos / "a.bmp", 7)  # first in name order, but the last to come
    workshop.build()
    with workshop.open() as gallery:
        named = {photo_id: gallery.item(photo_id).path.name for photo_id in workshop.ids()}
    assert named == {"a": "a.jpg", "a.png": "a.png", "a.bmp": "a.bmp", "b": "b.jpg"}
    (workshop.photos / "a.jpg").unlink()
    workshop.build()
    assert workshop.ids() == ["a.bmp", "a.png", "b"]


def test_an_embedding_that_is_not_finite_skips_the_photo(workshop: Any, fake: Any) -> None:
    failed: list[bool] = []

    class Failing(fake.FakeEncoder):  # type: ignore[misc, name-defined]
        def encode(self, images: Any) -> Any:
            vectors = super().encode(images)
            if not failed:
                failed.append(True)
                vectors[0] = float("nan")
            return vectors

    workshop.add(*NAMES)
    report = workshop.build(encoder=Failing(), max_error_rate=0.5)
    assert report.counts.skipped == 1
    assert [line["reason"] for line in errors(workshop).values()] == ["no_embedding"]


def test_an_encoder_of_another_dimension_is_refused(workshop: Any, fake: Any) -> None:
    class Narrow(fake.FakeEncoder):  # type: ignore[misc, name-defined]
        def encode(self, images: Any) -> Any:
            return super().encode(images)[:, :8]

    workshop.add(*NAMES)
    with pytest.raises(GalleryError, match=r"answered float32 \(1, 8\), expected float32 \(1, 16\)"):
        workshop.build(encoder=Narrow())


@pytest.mark.parametrize("change", [{"name": "other"}, {"precision": "int8"}])
def test_another_bundle_or_precision_embeds_everything_anew(workshop: Any, change: dict[str, str]) -> None:
    workshop.add(*NAMES)
    workshop.build()
    assert workshop.build(**change).published
    assert workshop.num_encoded == 4


def test_metadata_reaches_the_items_and_unknown_rows_are_named(workshop: Any, tmp_path: Path) -> None:
    workshop.add(*NAMES)
    table = tmp_path / "items.csv"
    table.write_text("photo_id,price,brand\na,2.5,acme\nchairs/old/d,3,\nnope,1,x\n", encoding="utf-8")
    workshop.build(metadata=table)
    with workshop.open() as gallery:
        assert gallery.item("a").metadata == {"price": 2.5, "brand": "acme"}
        assert gallery.item("chairs/old/d").metadata == {"price": 3.0}
        assert gallery.item("b").metadata == {}
    said = "\n".join(workshop.lines)
    assert "Metadata for 2 photos" in said
    assert "1 metadata rows name no photo of the gallery: nope (an id here looks like 'a')" in said


def test_changed_metadata_is_published_and_unchanged_is_not(workshop: Any, tmp_path: Path) -> None:
    workshop.add(*NAMES)
    table = tmp_path / "items.jsonl"
    table.write_text('{"photo_id": "a", "n": 1}\n')
    workshop.build(metadata=table)
    assert not workshop.build(metadata=table).published
    table.write_text('{"photo_id": "a", "n": 2}\n')
    assert workshop.build(metadata=table).published
    assert workshop.num_encoded == 0


def test_a_repeated_metadata_id_is_refused_naming_both_lines(workshop: Any, tmp_path: Path) -> None:
    workshop.add(*NAMES)
    table = tmp_path / "items.csv"
    table.write_text("photo_id,n\na,1\nb,2\na,3\n")
    with pytest.raises(GalleryError, match=r"Line 4 .*'a' of line 2"):
        workshop.build(metadata=table)
    assert workshop.num_encoded == 0


def test_a_crash_anywhere_before_current_leaves_the_old_generation_served(workshop: Any, monkeypatch: Any) -> None:
    workshop.add(*NAMES)
    workshop.build()
    before, content = current_generation(workshop.out), workshop.content()
    workshop.add("new.png", first_seed=50)
    steps = [
        (release, "write_generation"),
        (release, "check_gallery"),
        (release, "publish"),
        (publish.shutil, "rmtree"),
        (Path, "rename"),
        (Path, "replace"),
    ]
    for place, name in steps:

        def crash(*_: Any, **__: Any) -> None:
            raise RuntimeError("power cut")

        with monkeypatch.context() as patch:
            patch.setattr(place, name, crash)
            with pytest.raises(RuntimeError, match="power cut"):
                workshop.build()
        assert current_generation(workshop.out) == before
        assert workshop.content() == content
    assert workshop.build().published
    assert workshop.num_encoded == 0
    assert "new" in workshop.ids()
    assert len(generations(workshop)) == 2


def test_current_is_replaced_after_everything_else_is_complete(workshop: Any, monkeypatch: Any) -> None:
    workshop.add(*NAMES)
    replace = Path.replace
    seen: list[set[str]] = []

    def watched(self: Path, target: Path) -> Path:
        folder = generation_folder(workshop.out, self.read_text().strip())
        seen.append({path.name for path in folder.iterdir()})
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    workshop.build()
    assert seen == [{"index.faiss", "items.sqlite", "thumbnails.sqlite", "errors.jsonl", "manifest.json"}]


def test_the_previous_generation_is_kept_and_older_ones_go(workshop: Any) -> None:
    names = []
    for number in range(4):
        workshop.add(f"{number}.png", first_seed=number)
        names.append(workshop.build().generation)
    assert generations(workshop) == set(names[-2:])


def test_an_open_reader_answers_while_generations_come_and_go(workshop: Any) -> None:
    workshop.add(*NAMES)
    workshop.build()
    with workshop.open() as old:
        for number in range(3):
            workshop.add(f"{number}.png", first_seed=10 + number)
            workshop.build()
        assert not old.folder.exists()
        assert [hit.photo_id for hit in old.search(old.embedding("b"), k=1)] == ["b"]
        assert old.size == 4
        assert old.item("a") is not None
        assert old.thumbnail("a") is not None


def test_a_damaged_generation_is_said_replaced_and_not_reused(workshop: Any) -> None:
    workshop.add(*NAMES)
    workshop.build()
    content = workshop.content()
    index = generation_folder(workshop.out, current_generation(workshop.out)) / "index.faiss"
    data = bytearray(index.read_bytes())
    data[-3] ^= 0x40
    index.write_bytes(data)
    assert workshop.build().published
    assert workshop.num_encoded == 4
    assert "index.faiss is damaged" in workshop.lines[0]
    assert workshop.content() == content


def test_a_work_file_that_is_no_database_is_started_over(workshop: Any, fake: Any) -> None:
    workshop.add(*NAMES)
    fingerprint = fake.fake_model(fake.FakeEncoder()).fingerprint
    path = workshop.out / work_path(fingerprint)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"garbage " * 1000)
    assert workshop.build().published


def work_path(fingerprint: str) -> Path:
    return Path("work") / f"{fingerprint[:16]}-fp32" / "work.sqlite"


@pytest.mark.parametrize("values", [{"max_error_rate": 1.5}, {"max_error_rate": -0.1}, {"num_workers": -1}])
def test_settings_out_of_range_are_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    with pytest.raises(GalleryError, match=r"--(max-error-rate|workers) is"):
        BuildSettings(tmp_path, tmp_path / "out", **values)


def test_an_out_folder_with_other_things_in_it_is_refused(workshop: Any) -> None:
    workshop.add(*NAMES)
    with pytest.raises(GalleryError, match="holds files that are not a gallery"):
        workshop.build(out=workshop.photos)


def test_photos_found_in_a_thousand_small_steps_are_all_read(workshop: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(work, "_PAGE_ROWS", 3)
    workshop.add(*(f"{number:02}.png" for number in range(20)))
    assert workshop.build(num_workers=1).counts.indexed == 20
    assert workshop.num_encoded == 20


def test_an_index_that_the_disk_does_not_take_is_an_error_of_the_disk(workshop: Any, monkeypatch: Any) -> None:
    def fails(*_: Any) -> None:
        raise RuntimeError(
            "Error in faiss::write_index at x.cpp:9: Error: write error in a: 0 != 4 (No space left on it)"
        )

    workshop.add(*NAMES)
    monkeypatch.setattr("faiss.write_index", fails)
    with pytest.raises(OSError, match=r"index\.faiss could not be written \(No space left on it\)"):
        workshop.build()


class JumpingClock:
    """A clock that shows another time at every look: back to 1970, far ahead, twice the same."""

    times = iter(datetime(year, 1, 1, tzinfo=UTC) for year in (2026, 1970, 1970, 2199, 2025))

    @classmethod
    def now(cls, _zone: Any) -> datetime:
        return next(cls.times)


def test_a_clock_that_jumps_does_not_mix_up_generations(workshop: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(release, "datetime", JumpingClock)
    workshop.add(*NAMES)
    names = []
    for number in range(5):
        workshop.add("changing.png", first_seed=100 + number % 2)
        assert workshop.build().published
        assert workshop.num_encoded == (len(NAMES) + 1 if number == 0 else 1)
        names.append(current_generation(workshop.out))
        assert sorted(generations(workshop)) == sorted(names[-2:])
    assert len(set(names)) == 5
    assert not workshop.build().published


def test_photos_from_the_future_and_from_before_1970_are_indexed_once(workshop: Any) -> None:
    workshop.add(*NAMES)
    for name, seconds in zip(NAMES, (-86_400, 0, 7_000_000_000), strict=False):
        os.utime(workshop.photos / name, (seconds, seconds))
    assert workshop.build().published
    assert not workshop.build().published
    assert workshop.num_encoded == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_said(workshop: Any) -> None:
    workshop.add(*NAMES)
    workshop.build()
    content = workshop.content()
    workshop.out.chmod(0o555)
    try:
        with pytest.raises(OSError, match="Permission denied"):
            workshop.build()
    finally:
        workshop.out.chmod(0o755)
    assert workshop.content() == content


def test_a_gallery_of_another_format_version_is_built_anew_with_a_sentence(workshop: Any) -> None:
    workshop.add(*NAMES)
    workshop.build()
    manifest = generation_folder(workshop.out, current_generation(workshop.out)) / "manifest.json"
    values = json.loads(manifest.read_text())
    break_seal(values)
    manifest.write_text(sealed_text({**values, "format_version": 1}))
    assert workshop.build().published
    assert workshop.num_encoded == 4
    assert any("everything is embedded anew: " in line and "format version 1" in line for line in workshop.lines)


def test_a_folder_that_cannot_be_listed_counts_by_the_photos_it_had(workshop: Any, monkeypatch: Any) -> None:
    workshop.add(*(f"open/{number}.png" for number in range(20)), "locked/a.png", first_seed=0)
    workshop.build()
    scandir = os.scandir

    def refuse(path: Path) -> Any:
        if not isinstance(path, int) and Path(path).name == "locked":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    report = workshop.build(is_followed=True)
    assert (report.counts.indexed, report.counts.skipped) == (20, 1)
    assert errors(workshop)["locked/a.png"]["reason"] == "cannot_list"
    monkeypatch.undo()
    workshop.add(*(f"locked/{number}.png" for number in range(20)), first_seed=50)
    workshop.build()
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(TooManyUnreadableError, match="21 of 41 photos cannot be read"):
        workshop.build()


def test_excluded_photos_leave_the_gallery(workshop: Any) -> None:
    workshop.add("a.png", "drafts/b.png")
    workshop.build()
    workshop.build(exclude=("drafts/",))
    assert workshop.ids() == ["a"]


def test_a_jpeg_without_its_end_marker_is_indexed_and_counted_with_a_warning(workshop: Any) -> None:
    workshop.add("a.jpg", "b.jpg", first_seed=1)
    (workshop.photos / "b.jpg").write_bytes((workshop.photos / "b.jpg").read_bytes()[:-2])
    workshop.build()
    assert workshop.ids() == ["a", "b"]
    assert "Read with a warning: 1 photos, such as b.jpg: the file has no end marker" in workshop.lines


def test_heic_photos_that_are_ignored_say_what_they_need(workshop: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(scan, "PHOTO_SUFFIXES", frozenset({".png"}))
    workshop.add("a.png")
    (workshop.photos / "b.HEIC").write_bytes(b"x")
    workshop.build()
    assert any(
        line.endswith("ignored 1 file that is not an image: b.HEIC; HEIC photos need the extra heif")
        for line in workshop.lines
    )
