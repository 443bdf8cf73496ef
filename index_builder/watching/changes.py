"""Follows the changes in a folder of photos: by events of the file system, or by looking again and again."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

from watchfiles import watch

from index_builder.gallery.errors import GalleryError
from index_builder.photos.scan import is_photo_name

_TICK_SECONDS = 0.25


def follow_folder(
    root: Path, *, exclude: Path, poll_seconds: float = 0.0, stop: threading.Event | None = None
) -> Iterator[set[Path]]:
    """Yields the paths that changed, and an empty set a few times a second while nothing does.

    When the folder itself goes, comes back or is replaced, as a mount may, `root` is yielded and the new one followed.

    Args:
        root: the folder, absolute.
        exclude: what happens below this folder is left out: the gallery that is being built.
        poll_seconds: looks again every so many seconds, for drives that send no events; 0 relies on events.
        stop: ends the iteration once it is set.

    Raises:
        GalleryError: the system cannot send events for so many folders.
        KeyboardInterrupt: a signal asked for the end.
    """
    identity = _identity(root)
    while stop is None or not stop.is_set():
        if identity is None:
            time.sleep(_TICK_SECONDS)
            yield set()
        else:
            for changes in _events(root, poll_seconds, stop):
                if _identity(root) != identity:
                    break
                yield {path for path in changes if _concerns(path, root, exclude)}
        now = _identity(root)
        if now != identity:
            identity = now
            yield {root}


def _events(root: Path, poll_seconds: float, stop: threading.Event | None) -> Iterator[set[Path]]:
    try:
        # None leaves the choice to the library, which polls by itself where it knows that events do not arrive.
        for changes in watch(
            root,
            watch_filter=None,
            debounce=int(_TICK_SECONDS * 1000),
            rust_timeout=int(_TICK_SECONDS * 1000),
            yield_on_timeout=True,
            stop_event=stop,
            force_polling=True if poll_seconds else None,
            poll_delay_ms=max(1, int(poll_seconds * 1000)) if poll_seconds else 300,
            ignore_permission_denied=True,
        ):
            yield {Path(path) for _, path in changes}
    except FileNotFoundError:
        return  # the folder went away between two looks
    except (OSError, RuntimeError) as error:
        raise GalleryError(
            f"The folder {root} cannot be followed by events ({error}); raise the system's limit of watched folders, "
            "or give --poll-seconds 5."
        ) from error


def _concerns(path: Path, root: Path, exclude: Path) -> bool:
    """True if a change may matter: photos do, and so may anything that is or was a folder."""
    if path == exclude or exclude in path.parents or not path.is_relative_to(root):
        return False
    if any(part.startswith(".") for part in path.relative_to(root).parts):
        return False
    return is_photo_name(path.name) or not path.is_file()


def _identity(root: Path) -> tuple[int, int] | None:
    try:
        status = root.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
