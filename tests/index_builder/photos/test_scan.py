import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from index_builder.gallery.errors import GalleryError
from index_builder.photos.scan import FoundPhoto, PhotoScan


def make(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def scan(root: Path, **options: Path) -> list[FoundPhoto]:
    return sorted(PhotoScan(root, **options), key=lambda photo: photo.photo_id)


def ids(root: Path, **options: Path) -> list[str]:
    return [photo.photo_id for photo in scan(root, **options)]


def test_an_id_is_the_path_below_the_folder_without_extension(tmp_path: Path) -> None:
    make(tmp_path, "chairs/old/Chair-0012.JPG", "a.tar.png", "Größe 日本.webp")
    assert ids(tmp_path) == ["Größe 日本", "a.tar", "chairs/old/Chair-0012"]


@pytest.mark.parametrize("extension", ["jpg", "JPEG", "png", "PNG", "webp", "gif", "tif", "TIFF", "bmp", "jfif"])
def test_photo_extensions_count_in_any_case(tmp_path: Path, extension: str) -> None:
    make(tmp_path, f"a.{extension}")
    assert ids(tmp_path) == ["a"]


def test_of_two_files_with_one_stem_the_later_keeps_its_extension(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "a.png", "a.png.jpg", "b/a.jpg")
    assert {photo.path: photo.photo_id for photo in scan(tmp_path)} == {
        "a.jpg": "a",
        "a.png": "a.png",
        "a.png.jpg": "a.png.jpg",
        "b/a.jpg": "b/a",
    }


def test_names_that_differ_only_in_unicode_form_get_different_ids(tmp_path: Path) -> None:
    names = [unicodedata.normalize(form, "é") + suffix for form in ("NFC", "NFD") for suffix in (".jpg", ".png")]
    make(tmp_path, *names)
    found = ids(tmp_path)
    assert len(set(found)) == 4
    assert all(unicodedata.is_normalized("NFC", photo_id) for photo_id in found)


def test_hidden_files_and_system_folders_are_passed_over_in_silence(tmp_path: Path) -> None:
    make(tmp_path, ".a.jpg", ".git/b.jpg", "__MACOSX/c.jpg", "lost+found/d.jpg", "e.jpg")
    walk = PhotoScan(tmp_path)
    assert [photo.photo_id for photo in walk] == ["e"]
    assert walk.num_ignored == 0


def test_other_files_are_counted_and_named(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "notes.txt", "sub/list.csv", "noextension")
    walk = PhotoScan(tmp_path)
    assert len(list(walk)) == 1
    assert walk.num_ignored == 3
    assert walk.ignored == ["noextension", "notes.txt", "sub/list.csv"]


def test_the_gallery_below_the_photos_is_not_scanned(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "gallery/b.jpg")
    assert ids(tmp_path, exclude=tmp_path / "gallery") == ["a"]


def test_loops_of_links_end_and_no_folder_is_read_twice(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    make(root, "z/a.jpg", "z/y/b.jpg")
    (root / "z" / "up").symlink_to(root)
    (root / "alias").symlink_to(root / "z" / "y")
    assert ids(root) == ["z/a", "z/y/b"]


def test_a_link_to_a_folder_elsewhere_is_followed(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "photos", tmp_path / "elsewhere"
    make(root, "a.jpg")
    make(elsewhere, "deep/b.jpg")
    (root / "more").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(elsewhere)
    assert ids(root) == ["a", "more/deep/b"]


def test_the_order_does_not_depend_on_the_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, *(f"{folder}/{name}.jpg" for folder in "cab" for name in "zxy"))
    forwards = list(PhotoScan(tmp_path))
    scandir = os.scandir

    class Reversed:
        def __init__(self, path: Path) -> None:
            with scandir(path) as entries:
                self.entries = sorted(entries, key=lambda entry: entry.name, reverse=True)

        def __enter__(self) -> list["os.DirEntry[str]"]:
            return self.entries

        def __exit__(self, *error: object) -> None:
            pass

    monkeypatch.setattr(os, "scandir", Reversed)
    assert list(PhotoScan(tmp_path)) == forwards


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.symlink_to("nowhere"), "cannot_open"),
        (lambda path: os.mkfifo(path), "not_a_file"),
        (lambda path: path.symlink_to(path.name), "cannot_open"),
    ],
)
def test_a_name_without_a_readable_file_is_found_with_a_problem(
    tmp_path: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    spoil(tmp_path / "a.jpg")
    (photo,) = scan(tmp_path)
    assert photo.problem is not None
    assert photo.problem.reason == reason


def test_a_name_that_is_not_utf8_is_a_problem_and_not_a_crash(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/bad\xff.jpg", "wb"):  # noqa: PTH123  pathlib takes no bytes
        pass
    (photo,) = scan(tmp_path)
    assert photo.problem is not None
    assert photo.problem.reason == "bad_name"
    photo.path.encode("utf-8")


def test_a_missing_folder_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="nothing-here does not exist"):
        PhotoScan(tmp_path / "nothing-here")


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg")
    with pytest.raises(GalleryError, match="is a file"):
        PhotoScan(tmp_path / "a.jpg")


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of photos in which the folder "locked" cannot be listed, not even by root."""
    make(tmp_path, "a.jpg", "locked/b.jpg", "open/c.jpg")
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    return tmp_path


def test_a_folder_that_cannot_be_listed_is_a_problem_and_the_others_are_found(locked: Path) -> None:
    a, folder, c = scan(locked)
    assert (a.photo_id, folder.path, c.photo_id) == ("a", "locked/", "open/c")
    assert folder.problem is not None
    assert folder.problem.reason == "cannot_list"
    assert "locked cannot be listed (Permission denied)" in folder.problem.sentence


def test_photos_known_below_a_folder_that_cannot_be_listed_are_problems_one_by_one(locked: Path) -> None:
    known = {"locked/": [("locked/b.jpg", "locked/b"), ("locked/x.jpg", "locked/x")]}
    found = {photo.photo_id: photo.problem for photo in PhotoScan(locked, previous_below=known.__getitem__)}
    assert [photo_id for photo_id, problem in found.items() if problem] == ["locked/b", "locked/x"]


def test_a_photos_folder_that_cannot_be_listed_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "scandir", lambda path: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
        with pytest.raises(GalleryError, match="locked cannot be listed"):
            list(PhotoScan(tmp_path / "locked"))
