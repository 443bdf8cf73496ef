"""Builds a gallery, then follows the folder of photos and publishes a new generation whenever something changed."""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from index_builder.gallery.errors import GalleryBusyError, GalleryError, GalleryUnavailableError
from index_builder.photos.exclusions import Exclusions
from index_builder.photos.scan import FoundPhoto, PhotoScan
from index_builder.progress import Progress
from index_builder.publishing.generation import BuildReport
from index_builder.publishing.swap import locked
from index_builder.settings import BuildSettings
from index_builder.watching.stable_files import StableFiles

PATIENCE_SECONDS = 60.0
RETRY_SECONDS = 30.0
_NUM_EXAMPLES = 3


@dataclass(frozen=True)
class WatchSettings:
    """Says how to follow a folder.

    Attributes:
        settle_seconds: a file is complete once it has stayed the same for so long.
        poll_seconds: look again every so many seconds instead of relying on events; 0 relies on them.
    """

    settle_seconds: float = 2.0
    poll_seconds: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.settle_seconds < PATIENCE_SECONDS:
            raise GalleryError(
                f"--settle-seconds is {self.settle_seconds}; give seconds above 0 and below {PATIENCE_SECONDS:g}."
            )
        if self.poll_seconds < 0:
            raise GalleryError(f"--poll-seconds is {self.poll_seconds}; give seconds, or 0 to rely on events.")


class Watcher:
    """Turns changes into builds, one after the other. What goes wrong in one is said, and the next one follows."""

    def __init__(
        self,
        settings: BuildSettings,
        watch: WatchSettings,
        build: Callable[[BuildSettings], BuildReport],
        progress: Progress,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepares; nothing is built yet.

        Args:
            settings: of every build.
            watch: how to follow.
            build: builds the gallery.
            progress: told what happens.
            clock: seconds that only grow.
        """
        self._settings = replace(settings, is_followed=True)
        self._watch = watch
        self._exclusions = Exclusions(settings.exclude)
        self._build = build
        self._progress = progress
        self._clock = clock
        self._stable_files = StableFiles(
            settle_seconds=watch.settle_seconds, patience_seconds=PATIENCE_SECONDS, clock=self._clock
        )
        self._metadata = self._metadata_status()
        self._retry_at: float | None = None
        self._is_first = True

    @property
    def _root(self) -> Path:
        """The folder of photos; another one once a link has been switched."""
        return self._settings.photos.resolve()

    def run(self, changes: Iterable[set[Path]]) -> None:
        """Builds, and goes on as long as `changes` does, which yields now and then even when nothing changed.

        Raises:
            GalleryError: there is no such folder of photos, or the gallery's folder cannot be used.
        """
        PhotoScan(self._root)  # refuses what is not a folder
        with locked(self._settings.out):
            pass
        self._stable_files.note(self._recent_files())
        for changed in changes:
            self._stable_files.note(self._files_of(changed))
            self._note_metadata()
            due = self._stable_files.is_due()
            retry = self._retry_at is not None and self._clock() >= self._retry_at
            if due or retry or (self._is_first and not self._stable_files.is_waiting):
                self._build_once()

    def _build_once(self) -> None:
        settled, unsettled = self._stable_files.take()
        self._retry_at = None
        if settled and not self._is_first:
            self._say_changed(settled)
        below = {path.relative_to(self._root).as_posix() for path in unsettled if path.is_relative_to(self._root)}
        try:
            report = self._build(replace(self._settings, unsettled=frozenset(below)))
            self._stable_files.note(self._root / path for path in report.held)
        except GalleryError as error:
            self._progress.say(str(error))
            if isinstance(error, GalleryBusyError | GalleryUnavailableError):
                self._retry_at = self._clock() + RETRY_SECONDS
        except (OSError, sqlite3.Error) as error:
            self._progress.say(
                f"The files could not be read or written: {error}; trying again in {RETRY_SECONDS:g} seconds."
            )
            self._retry_at = self._clock() + RETRY_SECONDS
        if self._is_first:
            how = f", looking every {self._watch.poll_seconds:g} s" if self._watch.poll_seconds else ""
            self._progress.say(f"Watching {self._settings.photos} for changes{how}")
        self._is_first = False

    def _say_changed(self, paths: list[Path]) -> None:
        names = [path.relative_to(self._root) if path.is_relative_to(self._root) else path for path in sorted(paths)]
        shown = ", ".join(str(name) for name in names[:_NUM_EXAMPLES])
        self._progress.say(f"Changed: {len(names):,} ({shown}{', …' if len(names) > _NUM_EXAMPLES else ''})")

    def _files_of(self, changed: set[Path]) -> Iterator[Path]:
        """The changed paths and, for a folder, the photos in it: of those no event may have told."""
        for path in changed:
            yield path
            if path == self._root:
                yield from self._recent_files()
            elif path.is_dir():
                yield from (path / photo.path for photo in self._photos_below(path))

    def _recent_files(self) -> Iterator[Path]:
        """Photos that somebody may still be writing: what was before the watch began is not known."""
        now = time.time()
        for photo in self._photos_below(self._root):
            if abs(now - photo.mtime_ns / 1e9) < self._watch.settle_seconds:
                yield self._root / photo.path

    def _photos_below(self, folder: Path) -> Iterator[FoundPhoto]:
        with suppress(GalleryError):  # the folder went away; the build will say what it meets
            for photo in PhotoScan(folder, exclude=self._settings.out):
                below = folder.relative_to(self._root) if folder.is_relative_to(self._root) else Path()
                if not self._exclusions.leaves_out_path(PurePosixPath(below, photo.path)):
                    yield photo

    def _note_metadata(self) -> None:
        status = self._metadata_status()
        if status != self._metadata and self._settings.metadata is not None:
            self._metadata = status
            self._stable_files.note([self._settings.metadata])

    def _metadata_status(self) -> tuple[int, int] | None:
        try:
            status = self._settings.metadata.stat() if self._settings.metadata is not None else None
        except OSError:
            return None
        return None if status is None else (status.st_size, status.st_mtime_ns)
