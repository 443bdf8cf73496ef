"""Photos that somebody is still writing: a build leaves them as they were, and the next one takes them."""

from collections.abc import Iterable
from pathlib import Path

from index_builder.progress import Progress
from index_builder.work.store import WorkStore

_NUM_EXAMPLES = 3


def hold_photos(store: WorkStore, paths: Iterable[str], progress: Progress) -> list[str]:
    """Leaves these photos as the previous generation has them, and says so; returns those that were found."""
    held = store.hold(paths)
    if held:
        names = ", ".join(held[:_NUM_EXAMPLES]) + (", …" if len(held) > _NUM_EXAMPLES else "")
        progress.say(f"Still being written, left to the next build: {len(held):,} photos ({names})")
    return held


def hold_changing_photos(store: WorkStore, root: Path, progress: Progress) -> list[str]:
    """Holds the unreadable photos that changed or went since the scan: a later build sees them."""
    changing = []
    for path, size_bytes, mtime_ns, changed in store.suspects():
        try:
            status = (root / path).stat()
            changed = changed or (status.st_size, status.st_mtime_ns) != (size_bytes, mtime_ns)
        except FileNotFoundError:
            changed = not (root / path).is_symlink()
        except OSError:
            changed = False
        if changed:
            changing.append(path)
    return hold_photos(store, changing, progress)
