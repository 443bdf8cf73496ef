"""Follows the changes in a folder of photos: by events of the file system, or by looking again and again."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from watchfiles import watch

from index_builder.gallery.errors import GalleryError
from index_builder.photos.exclusions import Exclusions
from index_builder.photos.scan import is_photo_name

FALLBACK_SECONDS = 5.0  # between two looks where events cannot be had
_TICK_SECONDS = 0.25


def follow_folder(
    root: Path,
    *,
    exclude: Path,
    exclusions: Exclusions | None = None,
    poll_seconds: float = 0.0,
    say: Callable[[str], None] = lambda _: None,
    stop: threading.Event | None = None,
) -> Iterator[set[Path]]:
    """Yields the paths that changed, and an empty set a few times a second while nothing does.

    When the folder itself goes, comes back or is replaced, as a mount or the target of a link may, the folder that is
    there now is yielded and followed.

    Args:
        root: the folder, absolute; may be a link.
        exclude: what happens below this folder is left out: the gallery that is being built.
        exclusions: what else is left out; None for hidden names and system folders alone.
        poll_seconds: looks again every so many seconds, for drives that send no events; 0 relies on events.
        say: told when events cannot be had, for instance because the system's watches have run out, and polling takes
            over.
        stop: ends the iteration once it is set.

    Raises:
        GalleryError: the folder cannot be followed at all.
        KeyboardInterrupt: a signal asked for the end.
    """
    identity, exclusions = _identity(root), exclusions or Exclusions()
    while stop is None or not stop.is_set():
        if identity is None:
            time.sleep(_TICK_SECONDS)
            yield set()
        else:
            target = root.resolve()
            for changes in _events(target, poll_seconds, stop, say):
                if _identity(root) != identity:
                    break
                yield {path for path in changes if _concerns(path, target, exclude, exclusions)}
        now = _identity(root)
        if now != identity:
            identity = now
            yield {root.resolve()}


def _events(
    root: Path, poll_seconds: float, stop: threading.Event | None, say: Callable[[str], None]
) -> Iterator[set[Path]]:
    try:
        if not poll_seconds:
            try:
                yield from _watched(root, 0.0, stop)
                return
            except (RuntimeError, OSError) as error:
                if isinstance(error, FileNotFoundError):
                    raise
                poll_seconds = FALLBACK_SECONDS
                reason = str(error).partition(" about [")[0].rstrip(".")
                say(f"{root} cannot be followed by events ({reason}); looking every {poll_seconds:g} s instead")
        yield from _watched(root, poll_seconds, stop)
    except FileNotFoundError:
        return  # the folder went away between two looks
    except (OSError, RuntimeError) as error:
        raise GalleryError(f"The folder {root} cannot be followed ({error}); check that it can be listed.") from error


def _watched(root: Path, poll_seconds: float, stop: threading.Event | None) -> Iterator[set[Path]]:
    # None leaves the choice to the library, which polls by itself where it knows that events do not arrive. Told to
    # ignore denied permissions, it would also ignore that watches ran out, and follow a part of the folders only.
    for changes in watch(
        root,
        watch_filter=None,
        debounce=int(_TICK_SECONDS * 1000),
        rust_timeout=int(_TICK_SECONDS * 1000),
        yield_on_timeout=True,
        stop_event=stop,
        force_polling=True if poll_seconds else None,
        poll_delay_ms=max(1, int(poll_seconds * 1000)) if poll_seconds else 300,
        ignore_permission_denied=bool(poll_seconds),
    ):
        yield {Path(path) for _, path in changes}


def _concerns(path: Path, root: Path, exclude: Path, exclusions: Exclusions) -> bool:
    """True if a change may matter: photos do, and so may anything that is or was a folder."""
    if path == exclude or exclude in path.parents or not path.is_relative_to(root):
        return False
    if path != root and exclusions.leaves_out_path(PurePosixPath(path.relative_to(root))):
        return False
    return is_photo_name(path.name) or not path.is_file()


def _identity(root: Path) -> tuple[int, int] | None:
    try:
        status = root.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
