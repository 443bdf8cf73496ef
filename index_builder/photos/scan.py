"""Finds the photos below a folder and gives each its stable, external id. No file is opened here."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from index_builder.gallery.errors import GalleryError
from index_builder.gallery.ids import normalise_id
from index_builder.photos.exclusions import Exclusions
from model.images import PHOTO_SUFFIXES

_NUM_EXAMPLES = 5
_BAD_NAME, _NOT_A_FILE, _NOT_LISTED = "bad_name", "not_a_file", "cannot_list"
FINAL = frozenset({_BAD_NAME, _NOT_A_FILE, _NOT_LISTED})  # reasons that stay whatever is written into the file


@dataclass(frozen=True)
class Problem:
    """Why a photo cannot be indexed: a short, stable slug for programs and a sentence for people."""

    reason: str
    sentence: str


@dataclass(frozen=True)
class FoundPhoto:
    """A file that claims to be a photo.

    Attributes:
        photo_id: path below the photos folder without its extension, "/" between folders, Unicode form NFC. Where two
            files of a folder would share an id, the later one in name order keeps its extension; a file that was in the
            gallery before keeps the id it had.
        path: path below the photos folder as the file system spells it, "/" between folders.
        size_bytes: size when it was found.
        mtime_ns: time of last change when it was found.
        problem: set when the file cannot even be opened.
    """

    photo_id: str
    path: str
    size_bytes: int = 0
    mtime_ns: int = 0
    problem: Problem | None = None


class PhotoScan:
    """One walk through a folder, in a fixed order, folder by folder.

    Links to files are followed. A link to a folder is followed once the real folders are done, unless it leads to one
    that was already seen, so loops end and no folder is read twice.

    Attributes:
        num_ignored: files whose extension is not that of a photo, seen so far.
        ignored: the first few of them.
    """

    def __init__(
        self,
        root: Path,
        *,
        exclude: Path | None = None,
        exclusions: Exclusions | None = None,
        previous_id: Callable[[str], str | None] = lambda _: None,
        previous_below: Callable[[str], list[tuple[str, str]]] = lambda _: [],
    ) -> None:
        """Prepares a walk.

        Args:
            root: the folder of photos.
            exclude: a folder below it that is not looked into: the gallery that is being built.
            exclusions: what else is left out; None for hidden names and system folders alone.
            previous_id: path -> the id that the file had in an earlier generation, or None for a new file.
            previous_below: folder, ending in "/" -> path and id of the photos below it in an earlier generation.

        Raises:
            GalleryError: there is no such folder.
        """
        if not root.is_dir():
            what = "is a file" if root.exists() else "does not exist"
            raise GalleryError(f"The photos folder {root} {what}; give the folder that holds the photos.")
        self._root = root
        self._seen: set[tuple[int, int]] = set()
        self._links: list[str] = []
        self._exclude = exclude
        self._exclusions = exclusions or Exclusions()
        self._previous_id = previous_id
        self._previous_below = previous_below
        self.num_ignored = 0
        self.ignored: list[str] = []

    def __iter__(self) -> Iterator[FoundPhoto]:
        self._first_visit(self._root)
        if self._exclude is not None and self._exclude.is_dir():
            self._first_visit(self._exclude)
        yield from self._walk("")
        while self._links:
            folder = self._links.pop(0)
            if self._first_visit(self._root / folder):
                yield from self._walk(folder + "/")

    def _walk(self, top: str) -> Iterator[FoundPhoto]:
        # An explicit stack: a tree may be deeper than Python's recursion limit.
        stack = [top]
        while stack:
            prefix = stack.pop()
            try:
                files, folders = self._list(prefix)
            except OSError as error:
                yield from self._unlisted(prefix, error)
                continue
            yield from self._name(prefix, files)
            stack.extend(prefix + name + "/" for name in reversed(folders))

    def _list(self, prefix: str) -> tuple[list[str], list[str]]:
        """The sorted names of the visible files and of the real folders not seen before."""
        files, folders = [], []
        with os.scandir(self._root / prefix) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            path = _printable(prefix + entry.name)
            if not _is_folder(entry):
                if not self._exclusions.leaves_out_file(path):
                    files.append(entry.name)
            elif not self._exclusions.leaves_out_folder(path):
                if entry.is_symlink():
                    self._links.append(prefix + entry.name)
                elif self._first_visit(self._root / prefix / entry.name):
                    folders.append(entry.name)
        return files, folders

    def _unlisted(self, prefix: str, error: OSError) -> Iterator[FoundPhoto]:
        """The photos that a folder held before, else the folder itself, as problems that count as unreadable photos.

        Passed over in silence, all of them would be dropped from the gallery, for instance when a mount is gone.
        """
        where, path = _printable(str(self._root / prefix)), _printable(prefix)
        sentence = f"The folder {where} cannot be listed ({error.strerror}); make it readable or move it out."
        if not prefix:
            raise GalleryError(sentence) from error
        for known, photo_id in self._previous_below(path) or [(path, path)]:
            yield FoundPhoto(photo_id, known, problem=Problem(_NOT_LISTED, sentence))

    def _first_visit(self, folder: Path) -> bool:
        try:
            status = folder.stat()
        except OSError:
            return True  # listing it will fail, too, and say why
        key = (status.st_dev, status.st_ino)
        if key in self._seen:
            return False
        self._seen.add(key)
        return True

    def _name(self, prefix: str, files: list[str]) -> Iterator[FoundPhoto]:
        photos = [name for name in files if is_photo_name(name)]
        ids = self._choose_ids(prefix, photos)
        for name in photos:
            yield self._photo(prefix + name, ids[name])
        self.num_ignored += len(files) - len(photos)
        for name in files:
            if len(self.ignored) < _NUM_EXAMPLES and name not in ids:
                self.ignored.append(_printable(prefix + name))

    def _choose_ids(self, prefix: str, names: list[str]) -> dict[str, str]:
        """Name -> id. Who had an id keeps it; only then do new files choose, in the order of their names."""
        previous = {name: self._previous_id(_printable(prefix + name)) for name in names}
        ids = {name: photo_id for name, photo_id in previous.items() if photo_id is not None}
        taken = set(ids.values())
        for name in names:
            if name not in ids:
                ids[name] = _free_id(_printable(prefix), _printable(name), taken)
        return ids

    def _photo(self, path: str, photo_id: str) -> FoundPhoto:
        if _printable(path) != path:
            sentence = "The file name is not valid UTF-8, so it cannot be an id; rename the file."
            return FoundPhoto(photo_id, _printable(path), problem=Problem(_BAD_NAME, sentence))
        try:
            status = (self._root / path).stat()
        except OSError as error:
            sentence = f"The file cannot be opened ({error.strerror}); check its permissions, or the link's target."
            return FoundPhoto(photo_id, path, problem=Problem("cannot_open", sentence))
        if not stat.S_ISREG(status.st_mode):
            # Opening a pipe would wait for ever.
            sentence = "This is a pipe, a socket or a device, not a file; move it out of the photos folder."
            return FoundPhoto(photo_id, path, problem=Problem(_NOT_A_FILE, sentence))
        return FoundPhoto(photo_id, path, status.st_size, status.st_mtime_ns)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself; opening it as a file will say so
        return False


def is_photo_name(name: str) -> bool:
    """Returns True if a file of this name claims to be a photo."""
    return PurePosixPath(name).suffix.lower() in PHOTO_SUFFIXES


def _free_id(prefix: str, name: str, taken: set[str]) -> str:
    folder = normalise_id(prefix)
    candidates = [folder + normalise_id(text) for text in (PurePosixPath(name).stem, name)]
    chosen = next((candidate for candidate in candidates if candidate not in taken), None)
    number = 2
    while chosen is None:  # two names that differ only in their Unicode form
        numbered = folder + normalise_id(f"{name}~{number}")
        chosen = None if numbered in taken else numbered
        number += 1
    taken.add(chosen)
    return chosen


def _printable(text: str) -> str:
    """Undecodable bytes of a file name as backslash escapes; every other text as it is."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
