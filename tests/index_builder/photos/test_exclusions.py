from pathlib import Path

import pytest

from index_builder.gallery.errors import GalleryError
from index_builder.photos.exclusions import Exclusions
from index_builder.photos.scan import PhotoScan


def found(root: Path, *patterns: str) -> list[str]:
    return sorted(photo.path for photo in PhotoScan(root, exclusions=Exclusions(patterns)))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a.jpg", "drafts/b.jpg", "chairs/drafts/c.jpg", "chairs/d.tmp.jpg", "chairs/keep.tmp.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        ((), ["a.jpg", "chairs/d.tmp.jpg", "chairs/drafts/c.jpg", "chairs/keep.tmp.jpg", "drafts/b.jpg"]),
        (("drafts/",), ["a.jpg", "chairs/d.tmp.jpg", "chairs/keep.tmp.jpg"]),
        (("/drafts/",), ["a.jpg", "chairs/d.tmp.jpg", "chairs/drafts/c.jpg", "chairs/keep.tmp.jpg"]),
        (("*.tmp.jpg", "!keep.tmp.jpg"), ["a.jpg", "chairs/drafts/c.jpg", "chairs/keep.tmp.jpg", "drafts/b.jpg"]),
    ],
)
def test_patterns_leave_out_what_gitignore_would(root: Path, patterns: tuple[str, ...], left: list[str]) -> None:
    assert found(root, *patterns) == left


@pytest.mark.parametrize(
    "folder",
    [
        "#recycle",
        "@Recycle",
        "@Recently-Snapshot",
        "#snapshot",
        "$RECYCLE.BIN",
        "System Volume Information",
        ".Trash-1000",
        "@eaDir",
    ],
)
def test_trash_and_snapshots_are_left_out_wherever_they_lie(root: Path, folder: str) -> None:
    before = found(root)
    for parent in (root, root / "chairs"):
        (parent / folder / "2024").mkdir(parents=True)
        (parent / folder / "2024" / "old.jpg").write_bytes(b"x")
    assert found(root) == before


def test_a_pattern_that_is_not_valid_is_refused_with_the_option() -> None:
    with pytest.raises(GalleryError, match=r"--exclude is wrong: .*'!'"):
        Exclusions(("!",))
