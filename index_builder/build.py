"""scan → decode → embed → build → self-check → publish: a folder of photos becomes the next generation of a gallery."""

from contextlib import ExitStack, closing
from dataclasses import replace

from index_builder.embedding.engines import decode_and_embed
from index_builder.embedding.photo_encoder import PhotoModel
from index_builder.gallery.errors import GalleryError
from index_builder.metadata.match import choose_metadata, match_metadata, note_metadata, say_metadata
from index_builder.photos.exclusions import Exclusions
from index_builder.photos.scan import PhotoScan
from index_builder.progress import Progress
from index_builder.publishing.counts import checked_counts
from index_builder.publishing.generation import BuildReport, NextGeneration, say_counts
from index_builder.publishing.previous import PreviousGeneration, open_previous
from index_builder.publishing.swap import WORK, locked, remove_work
from index_builder.settings import BuildSettings
from index_builder.work.held import hold_changing_photos, hold_photos
from index_builder.work.queries import count_photos
from index_builder.work.store import WorkStore


def build_gallery(settings: BuildSettings, *, model: PhotoModel, progress: Progress) -> BuildReport:
    """Builds or refreshes a gallery. The generation served so far stays served until the new one is complete.

    Args:
        settings: what to build from what.
        model: what embeds the photos.
        progress: told what happens.

    Returns:
        A report, in which found = indexed + skipped.

    Raises:
        TooManyUnreadableError: more photos are unreadable than allowed; nothing was published.
        GalleryError: there are no photos, the metadata is wrong, another builder is at work, ...
    """
    root, out = settings.photos.resolve(), settings.out
    with ExitStack() as stack:
        stack.enter_context(locked(out))
        settings = with_metadata(settings, progress)
        previous = _open_previous(settings, model, progress)
        if previous is not None:
            stack.enter_context(closing(previous))
        work = out / WORK / f"{model.fingerprint[:16]}-{model.precision}" / "work.sqlite"
        store = stack.enter_context(closing(WorkStore(work)))
        held = _scan(store, settings, previous, progress)
        num_encoded = decode_and_embed(store, settings, model, root, progress)
        _say_warnings(store.warnings, progress)
        if settings.is_followed:
            held += hold_changing_photos(store, root, progress)
        counts = checked_counts(store, out=out, max_error_rate=settings.max_error_rate)
        if settings.metadata is not None:
            say_metadata(store, settings.metadata, progress)
        following = NextGeneration(out, root, store.database, model, previous, settings.index, settings.metadata)
        say_counts(counts, following.duplicates, progress)
        if previous is not None and following.is_up_to_date:
            name = previous.manifest.generation
            progress.say(f"Nothing to do: generation {name} is up to date")
        else:
            staged = following.build(counts, progress)
            following.self_check(staged)
            following.publish(staged, progress)
            name = staged.manifest.generation
        report = BuildReport(
            name, not following.is_up_to_date, counts, num_encoded, following.duplicates, held=tuple(held)
        )
    remove_work(out)
    return report


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


def _open_previous(settings: BuildSettings, model: PhotoModel, progress: Progress) -> PreviousGeneration | None:
    try:
        return open_previous(settings.out, fingerprint=model.fingerprint, precision=model.precision)
    except GalleryError as error:
        progress.say(f"The present generation is not reused, everything is embedded anew: {error}")
        return None


def _scan(
    store: WorkStore, settings: BuildSettings, previous: PreviousGeneration | None, progress: Progress
) -> list[str]:
    """Notes the metadata, what is known already, and what the folder holds; returns what is left as it was."""
    root = settings.photos.resolve()
    scan = PhotoScan(
        root,
        exclude=settings.out,
        exclusions=Exclusions(settings.exclude),
        previous_id=store.previous_id,
        previous_below=store.previous_below,
    )
    if settings.metadata is not None:
        note_metadata(store, settings.metadata, progress)
    if previous is not None:
        store.remember(previous.photos(), same_root=previous.manifest.photos_root == str(root))
    store.add_photos(scan)
    if settings.metadata is not None:
        match_metadata(store, settings.metadata)
    held = hold_photos(store, settings.unsettled, progress)
    found = count_photos(store.database).found
    ignored = ""
    if scan.num_ignored:
        more = ", …" if scan.num_ignored > len(scan.ignored) else ""
        files = "file that is not an image" if scan.num_ignored == 1 else "files that are not images"
        ignored = f"; ignored {scan.num_ignored:,} {files}: {', '.join(scan.ignored)}{more}"
    if any(name.lower().endswith((".heic", ".heif")) for name in scan.ignored):
        ignored += "; HEIC photos need the extra heif"
    progress.say(f"Found {found:,} photos in {settings.photos}{ignored}")
    if not found:
        raise GalleryError(
            f"There are no photos in {settings.photos}; expected JPEG, PNG, WebP, AVIF, GIF, TIFF or BMP files."
        )
    return held


def _say_warnings(warnings: dict[str, str], progress: Progress) -> None:
    if warnings:
        path, reason = next(iter(warnings.items()))
        progress.say(f"Read with a warning: {len(warnings):,} photos, such as {path}: {reason}")
