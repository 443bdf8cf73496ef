import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from index_builder.build import build_gallery
from index_builder.gallery.errors import GalleryBusyError, GalleryError
from index_builder.gallery.manifest import ERRORS
from index_builder.photos.exclusions import Exclusions
from index_builder.progress import SilentProgress
from index_builder.settings import BuildSettings
from index_builder.watching import changes as changes_module
from index_builder.watching.changes import follow_folder
from index_builder.watching.watcher import PATIENCE_SECONDS, RETRY_SECONDS, Watcher, WatchSettings

DEADLINE_SECONDS = 60.0  # only ends a test that hangs


class Rig:
    """A watcher over a workshop with the fake model, a clock that a test moves, and all that was said and raised."""

    def __init__(self, workshop: Any, fake: Any, **settings: Any) -> None:
        self.photos, self.fake = workshop.photos, fake
        self.progress = SilentProgress()
        self.now, self.num_builds, self.num_encoded = 0.0, 0, 0
        self.error: BaseException | None = None
        self.during_build: Callable[[], None] = lambda: None
        build_settings = BuildSettings(workshop.photos, workshop.out, num_workers=1, **settings)
        self.watcher = Watcher(build_settings, WatchSettings(), self._build, self.progress, clock=lambda: self.now)

    def _build(self, settings: BuildSettings) -> Any:
        self.num_builds += 1
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        encoder = self.fake.FakeEncoder(lambda _: self.during_build())
        report = build_gallery(settings, model=self.fake.fake_model(encoder), progress=self.progress)
        self.num_encoded = encoder.num_encoded
        return report

    def run(self, *steps: Callable[[], set[Path]]) -> None:
        """Runs through the steps, each of which returns what changed; the clock goes on by 1.5 s after each."""

        def changes() -> Iterator[set[Path]]:
            for step in steps:
                changed = step()
                yield changed
                self.now += 1.5

        self.watcher.run(changes())

    def said(self, text: str) -> bool:
        return any(text in line for line in self.progress.lines)


@pytest.fixture
def rig(workshop: Any, fake: Any) -> Rig:
    return Rig(workshop, fake)


def old(path: Path) -> Path:
    """Makes a file look as if it had been written long ago."""
    os.utime(path, (1, 1))
    return path


def nothing() -> set[Path]:
    return set()


def test_it_builds_at_once_and_again_when_a_change_has_settled(workshop: Any, rig: Rig, photo: Any) -> None:
    old(photo(workshop.photos / "a.png", 1))

    def add() -> set[Path]:
        assert workshop.ids() == ["a"]
        return {photo(workshop.photos / "b.png", 2)}

    def not_yet() -> set[Path]:
        assert workshop.ids() == ["a"]
        return set()

    rig.run(nothing, add, not_yet, nothing, nothing)
    assert workshop.ids() == ["a", "b"]
    assert (rig.num_builds, rig.num_encoded) == (2, 1)
    assert rig.said("Watching")
    assert rig.said("Changed: 1 (b.png)")


def test_removed_and_renamed_photos_are_followed_without_encoding(workshop: Any, rig: Rig, photo: Any) -> None:
    a, b = old(photo(workshop.photos / "a.png", 1)), old(photo(workshop.photos / "b.png", 2))

    def change() -> set[Path]:
        a.unlink()
        b.rename(workshop.photos / "c.png")
        return {a, b, workshop.photos / "c.png"}

    rig.run(nothing, change, nothing, nothing)
    assert workshop.ids() == ["c"]
    assert rig.num_encoded == 0


def test_a_file_that_is_still_being_written_when_the_watch_begins_is_waited_for(
    workshop: Any, rig: Rig, photo: Any
) -> None:
    old(photo(workshop.photos / "a.png", 1))
    whole = photo(workshop.photos / "b.png", 2).read_bytes()
    (workshop.photos / "b.png").write_bytes(whole[:60])

    def complete() -> set[Path]:
        assert rig.num_builds == 0
        (workshop.photos / "b.png").write_bytes(whole)
        return {workshop.photos / "b.png"}

    rig.run(complete, nothing, nothing)
    assert workshop.ids() == ["a", "b"]
    assert rig.said("indexed 2 + skipped 0")


def test_a_folder_that_was_moved_in_counts_by_the_photos_in_it(workshop: Any, rig: Rig, photo: Any) -> None:
    old(photo(workshop.photos / "a.png", 1))
    whole = photo(workshop.photos.parent / "new" / "b.png", 2).read_bytes()

    def move_in() -> set[Path]:
        (workshop.photos.parent / "new").rename(workshop.photos / "new")
        (workshop.photos / "new" / "b.png").write_bytes(whole[:60])
        return {workshop.photos / "new"}

    def complete() -> set[Path]:  # without an event
        (workshop.photos / "new" / "b.png").write_bytes(whole)
        return set()

    rig.run(nothing, move_in, complete, nothing, nothing)
    assert workshop.ids() == ["a", "new/b"]
    assert not rig.said("skipped 1")


def test_a_changed_photo_that_never_rests_stays_as_it_was_while_the_others_go_on(
    workshop: Any, rig: Rig, photo: Any
) -> None:
    busy = old(photo(workshop.photos / "busy.png", 1))

    def begin() -> set[Path]:
        busy.write_bytes(b"half")
        return {busy, photo(workshop.photos / "quiet.png", 2)}

    def write_on() -> set[Path]:
        busy.write_bytes(busy.read_bytes() + b".")
        return {busy}

    steps = [write_on] * int(PATIENCE_SECONDS / 1.5 + 1)
    rig.run(nothing, begin, *steps)
    assert workshop.ids() == ["busy", "quiet"]
    assert rig.said("Still being written, left to the next build: 1 photos (busy.png)")
    assert not rig.said("skipped 1")


def test_a_photo_that_changes_while_it_is_read_is_not_reported_as_broken(workshop: Any, rig: Rig, photo: Any) -> None:
    for number in range(12):  # more than a batch, so that the last is read after the first are encoded
        old(photo(workshop.photos / f"{number:02}.png", number))
    last = workshop.photos / "zz.png"
    whole = photo(last, 50).read_bytes()
    last.write_bytes(b"")
    old(last)

    def write_on() -> None:
        last.write_bytes(whole[:60])

    rig.during_build = write_on

    def complete() -> set[Path]:
        assert rig.num_builds == 1
        assert "zz" not in workshop.ids()
        rig.during_build = lambda: None
        last.write_bytes(whole)
        return {last}

    rig.run(nothing, complete, nothing, nothing)
    assert "zz" in workshop.ids()
    assert not rig.said("skipped 1")


def test_what_can_never_be_a_photo_is_listed_at_once_and_the_watch_rests(workshop: Any, rig: Rig, photo: Any) -> None:
    for number in range(3):
        old(photo(workshop.photos / f"{number}.png", number))
    os.mkfifo(workshop.photos / "pipe.jpg")
    with open(os.fsencode(workshop.photos) + b"/bad\xff.jpg", "wb"):  # noqa: PTH123  pathlib takes no bytes
        pass

    def listed() -> set[Path]:
        with workshop.open() as gallery:
            lines = (gallery.folder / ERRORS).read_text().splitlines()
        assert {json.loads(line)["reason"] for line in lines} == {"bad_name", "not_a_file"}
        return set()

    rig.run(nothing, listed, *[nothing] * int(PATIENCE_SECONDS / 1.5 + 2))
    assert not rig.said("Still being written")
    assert rig.num_builds == 1


def test_a_failing_build_is_said_and_the_next_change_is_built(workshop: Any, rig: Rig, photo: Any) -> None:
    old(photo(workshop.photos / "a.png", 1))
    broken = workshop.photos / "broken.png"
    broken.write_text("not a picture")
    old(broken)

    def mend() -> set[Path]:
        assert rig.said("1 of 2 photos cannot be read")
        return {photo(broken, 2)}

    rig.run(nothing, mend, nothing, nothing)
    assert workshop.ids() == ["a", "broken"]


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left"), sqlite3.OperationalError("disk I/O error"), GalleryBusyError("busy.")]
)
def test_what_may_pass_by_itself_is_tried_again(workshop: Any, rig: Rig, photo: Any, error: Exception) -> None:
    old(photo(workshop.photos / "a.png", 1))
    rig.error = error
    rig.run(*[nothing] * int(RETRY_SECONDS / 1.5 + 2))
    assert rig.num_builds == 2
    assert workshop.ids() == ["a"]


def test_an_empty_folder_is_watched_until_photos_come(workshop: Any, rig: Rig, photo: Any) -> None:
    rig.run(nothing, lambda: {photo(workshop.photos / "a.png", 1)}, nothing, nothing)
    assert rig.said("There are no photos")
    assert workshop.ids() == ["a"]


def test_changed_metadata_is_a_change(workshop: Any, fake: Any, photo: Any, tmp_path: Path) -> None:
    table = tmp_path / "items.csv"
    table.write_text("photo_id,n\na,1\n")
    rig = Rig(workshop, fake, metadata=table)
    old(photo(workshop.photos / "a.png", 1))

    def change() -> set[Path]:
        table.write_text("photo_id,n\na,22\n")
        return set()

    rig.run(nothing, change, nothing, nothing)
    with workshop.open() as gallery:
        assert gallery.item("a").metadata == {"n": 22}


def test_a_folder_that_is_not_there_is_refused_at_once(workshop: Any, rig: Rig) -> None:
    workshop.photos.rmdir()
    with pytest.raises(GalleryError, match="does not exist"):
        rig.run(nothing)
    assert not workshop.out.exists()


@pytest.mark.parametrize("values", [{"settle_seconds": 0}, {"settle_seconds": 90}, {"poll_seconds": -1}])
def test_settings_out_of_range_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(GalleryError, match=r"--(settle|poll)-seconds is"):
        WatchSettings(**values)


@pytest.mark.parametrize("poll_seconds", [0.0, 0.1], ids=["events", "polling"])
def test_a_real_folder_is_followed(workshop: Any, fake: Any, photo: Any, poll_seconds: float) -> None:
    stop, published = threading.Event(), threading.Semaphore(0)
    progress = SilentProgress()

    def build(settings: BuildSettings) -> Any:
        report = build_gallery(settings, model=fake.fake_model(fake.FakeEncoder()), progress=progress)
        if report.published:
            published.release()
        return report

    settings = BuildSettings(workshop.photos, workshop.out, num_workers=1)
    watcher = Watcher(settings, WatchSettings(settle_seconds=0.3), build, progress)
    changes = follow_folder(
        workshop.photos.resolve(), exclude=workshop.out.resolve(), poll_seconds=poll_seconds, stop=stop
    )
    photo(workshop.photos / "a.png", 1)
    thread = threading.Thread(target=watcher.run, args=(changes,), daemon=True)
    thread.start()
    try:
        assert published.acquire(timeout=DEADLINE_SECONDS), progress.lines
        photo(workshop.photos / "chairs" / "b.png", 2)
        assert published.acquire(timeout=DEADLINE_SECONDS), progress.lines
        assert workshop.ids() == ["a", "chairs/b"]
        (workshop.photos / "a.png").unlink()
        assert published.acquire(timeout=DEADLINE_SECONDS), progress.lines
        assert workshop.ids() == ["chairs/b"]
    finally:
        stop.set()
        thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()


def test_a_folder_that_goes_away_and_comes_back_is_followed_again(tmp_path: Path, photo: Any) -> None:
    root, away = tmp_path / "photos", tmp_path / "away"
    root.mkdir()
    stop = threading.Event()
    timer = threading.Timer(DEADLINE_SECONDS, stop.set)
    timer.start()
    changes = follow_folder(root, exclude=tmp_path / "gallery", stop=stop)
    next(changes)
    root.rename(away)
    assert any(root in changed for changed in changes)
    away.rename(root)
    assert any(root in changed for changed in changes)
    next(changes)
    path = photo(root / "a.png", 1)
    assert any(path in changed for changed in changes)
    timer.cancel()


def test_neither_the_gallery_nor_hidden_or_other_files_are_changes(tmp_path: Path, photo: Any) -> None:
    root = tmp_path / "photos"
    (root / "gallery").mkdir(parents=True)
    stop = threading.Event()
    timer = threading.Timer(DEADLINE_SECONDS, stop.set)
    timer.start()
    changes = follow_folder(root, exclude=root / "gallery", stop=stop)
    next(changes)
    photo(root / "gallery" / "x.png", 1)
    photo(root / ".hidden.png", 1)
    (root / "notes.txt").write_text("x")
    path = photo(root / "a.png", 1)
    seen: set[Path] = set()
    for changed in changes:
        seen |= changed
        if path in seen:
            break
    timer.cancel()
    assert seen == {path}


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    """Ends what would otherwise follow for ever, after the deadline at the latest."""
    event = threading.Event()
    timer = threading.Timer(DEADLINE_SECONDS, event.set)
    timer.start()
    yield event
    timer.cancel()


@pytest.mark.parametrize("error", [OSError("OS file watch limit reached"), PermissionError("denied"), RuntimeError()])
def test_polling_takes_over_and_says_so_when_events_cannot_be_had(
    tmp_path: Path, photo: Any, stop: threading.Event, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    real = changes_module.watch

    def limited(*paths: Path, **options: Any) -> Any:
        if not options["force_polling"] and not options["ignore_permission_denied"]:
            raise error
        return real(*paths, **options) if options["force_polling"] else iter(())  # as the library, it swallows it

    monkeypatch.setattr(changes_module, "watch", limited)
    monkeypatch.setattr(changes_module, "FALLBACK_SECONDS", 0.1)
    said: list[str] = []
    changes = follow_folder(tmp_path, exclude=tmp_path / "gallery", say=said.append, stop=stop)
    next(changes)
    path = photo(tmp_path / "a.png", 1)
    assert any(path in changed for changed in changes)
    assert [line.partition("; ")[2] for line in said] == ["looking every 0.1 s instead"]


def test_a_link_that_is_switched_to_another_folder_is_followed(
    tmp_path: Path, photo: Any, stop: threading.Event
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    link = tmp_path / "photos"
    link.symlink_to("one")
    changes = follow_folder(link, exclude=tmp_path / "gallery", stop=stop)
    next(changes)
    link.unlink()
    link.symlink_to("two")
    assert any(tmp_path / "two" in changed for changed in changes)
    next(changes)
    path = photo(tmp_path / "two" / "a.png", 1)
    assert any(path in changed for changed in changes)


def test_excluded_and_deleted_photos_are_no_changes(tmp_path: Path, photo: Any, stop: threading.Event) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    exclusions = Exclusions(("drafts/",))
    changes = follow_folder(root, exclude=tmp_path / "gallery", exclusions=exclusions, stop=stop)
    next(changes)
    photo(root / "drafts" / "x.png", 1)
    photo(root / "#recycle" / "x.png", 1)
    path = photo(root / "a.png", 1)
    seen: set[Path] = set()
    for changed in changes:
        seen |= changed
        if path in seen:
            break
    assert seen == {path}
