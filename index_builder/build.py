"""scan → decode → embed → build → self-check → publish: a folder of photos becomes the next generation of a gallery."""

from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from index_builder.embedding.engines import embed_with_engine
from index_builder.embedding.photo_encoder import PhotoModel
from index_builder.gallery.errors import GalleryError, TooManyUnreadableError
from index_builder.gallery.manifest import ERRORS, Counts
from index_builder.metadata.match import choose_metadata, match_metadata, note_metadata, say_metadata
from index_builder.photos.scan import PhotoScan
from index_builder.progress import Progress
from index_builder.publishing.generation import BuildReport, NextGeneration
from index_builder.publishing.previous import PreviousGeneration, open_previous
from index_builder.publishing.swap import WORK, locked, remove_work
from index_builder.settings import DEFAULT_ERROR_RATE, FEW_ERRORS, BuildSettings
from index_builder.work.queries import count_photos, write_errors
from index_builder.work.store import WorkStore

_NUM_EXAMPLES = 3


def build_gallery(settings: BuildSettings, *, model: PhotoModel, progress: Progress) -> BuildReport:
    """Builds or refreshes a gallery. The generation served so far stays served until the new one is complete.

    Args:
        settings: what to build from what.
        model: what embeds the photos.
        progress: told what happens.

    Returns:
        How it went; found = indexed + skipped.

    Raises:
        TooManyUnreadableError: more photos are unreadable than allowed; nothing was published.
        GalleryError: there are no photos, the metadata is wrong, another builder is at work, ...
    """
    root = settings.photos.resolve()
    with ExitStack() as stack:
        stack.enter_context(locked(settings.out))
        settings = with_metadata(settings, progress)
        previous = _open_previous(settings.out, model, progress)
        if previous is not None:
            stack.enter_context(closing(previous))
        store = WorkStore(settings.out / WORK / f"{model.fingerprint[:16]}-{model.precision}" / "work.sqlite")
        with closing(store):
            scan = PhotoScan(root, exclude=settings.out, previous_id=store.previous_id)
            held = _take_stock(store, scan, settings, previous, root, progress)
            num_encoded = embed_with_engine(store, settings, model, root, progress)
            if settings.is_followed:
                held = [*held, *_hold_changing(store, root, progress)]
            counts = _checked_counts(store, settings)
            if settings.metadata is not None:
                say_metadata(store, settings.metadata, progress)
            next_generation = NextGeneration(
                settings.out, root, store.database, model, previous, settings.index, metadata=settings.metadata
            )
            report = next_generation.finish(counts, num_encoded=num_encoded, progress=progress)
        remove_work(settings.out)
    return replace(report, held=tuple(held))


def with_metadata(settings: BuildSettings, progress: Progress) -> BuildSettings:
    """The settings with the table of metadata that is to be read; raises GalleryError when the last one is gone."""
    chosen = choose_metadata(
        settings.metadata,
        is_dropped=settings.is_metadata_dropped,
        out=settings.out,
        root=settings.photos.resolve(),
        progress=progress,
    )
    return replace(settings, metadata=chosen)


def _open_previous(out: Path, model: PhotoModel, progress: Progress) -> PreviousGeneration | None:
    try:
        return open_previous(out, fingerprint=model.fingerprint, precision=model.precision)
    except GalleryError as error:
        progress.say(f"The present generation is not reused, everything is embedded anew: {error}")
        return None


def _take_stock(
    store: WorkStore,
    scan: PhotoScan,
    settings: BuildSettings,
    previous: PreviousGeneration | None,
    root: Path,
    progress: Progress,
) -> list[str]:
    """Notes the metadata, what is known already, and what the folder holds; returns what is left as it was."""
    if settings.metadata is not None:
        note_metadata(store, settings.metadata, progress)
    if previous is not None:
        store.remember(previous.photos(), same_root=previous.manifest.photos_root == str(root))
    store.add_photos(scan)
    if settings.metadata is not None:
        match_metadata(store, settings.metadata)
    held = store.hold(settings.unsettled)
    _say_held(held, progress)
    found = count_photos(store.database).found
    ignored = ""
    if scan.num_ignored:
        more = ", …" if scan.num_ignored > len(scan.ignored) else ""
        files = "file that is not an image" if scan.num_ignored == 1 else "files that are not images"
        ignored = f"; ignored {scan.num_ignored:,} {files}: {', '.join(scan.ignored)}{more}"
    progress.say(f"Found {found:,} photos in {settings.photos}{ignored}")
    if not found:
        raise GalleryError(
            f"There are no photos in {settings.photos}; expected JPEG, PNG, WebP, GIF, TIFF or BMP files."
        )
    return held


def _hold_changing(store: WorkStore, root: Path, progress: Progress) -> list[str]:
    """Leaves unreadable photos out of account that changed since the scan, or have gone: a later build sees them."""
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
    held = store.hold(changing)
    _say_held(held, progress)
    return held


def _say_held(held: list[str], progress: Progress) -> None:
    if held:
        names = ", ".join(held[:_NUM_EXAMPLES]) + (", …" if len(held) > _NUM_EXAMPLES else "")
        progress.say(f"Still being written, left to the next build: {len(held):,} photos ({names})")


def _checked_counts(store: WorkStore, settings: BuildSettings) -> Counts:
    counts = count_photos(store.database)
    if counts.found != counts.indexed + counts.skipped:
        raise GalleryError(f"The counts do not add up ({counts}); nothing was published, please report this.")
    if counts.indexed and _few_enough(counts, settings.max_error_rate):
        return counts
    errors = settings.out / WORK / ERRORS
    write_errors(store.database, errors)
    if not counts.indexed:
        raise TooManyUnreadableError(f"None of the {counts.found:,} photos can be read; {errors} says why for each.")
    allowed = DEFAULT_ERROR_RATE if settings.max_error_rate is None else settings.max_error_rate
    raise TooManyUnreadableError(
        f"{counts.skipped:,} of {counts.found:,} photos cannot be read ({counts.skipped / counts.found:.1%}, at most "
        f"{allowed:.1%} is allowed), so nothing was published; {errors} lists them: mend or remove "
        "them, or raise --max-error-rate."
    )


def _few_enough(counts: Counts, max_error_rate: float | None) -> bool:
    rate = counts.skipped / counts.found
    if max_error_rate is not None:
        return rate <= max_error_rate
    return rate <= DEFAULT_ERROR_RATE or counts.skipped <= min(FEW_ERRORS, counts.indexed - 1)
