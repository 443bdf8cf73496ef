"""Decides whether enough photos could be read for a generation to be published."""

from pathlib import Path

from index_builder.gallery.errors import GalleryError, TooManyUnreadableError
from index_builder.gallery.manifest import ERRORS, Counts
from index_builder.publishing.swap import WORK
from index_builder.settings import DEFAULT_ERROR_RATE, FEW_ERRORS
from index_builder.work.queries import count_photos, write_errors
from index_builder.work.store import WorkStore


def checked_counts(store: WorkStore, *, out: Path, max_error_rate: float | None) -> Counts:
    """Counts the photos that were found, are indexed and are skipped.

    Raises:
        TooManyUnreadableError: more photos are skipped than allowed; `errors.jsonl` in the work folder says why.
    """
    counts = count_photos(store.database)
    if counts.found != counts.indexed + counts.skipped:
        raise GalleryError(f"The counts do not add up ({counts}); nothing was published, please report this.")
    if counts.indexed and few_enough(counts, max_error_rate):
        return counts
    errors = out / WORK / ERRORS
    write_errors(store.database, errors)
    if not counts.indexed:
        raise TooManyUnreadableError(f"None of the {counts.found:,} photos can be read; {errors} says why for each.")
    allowed = DEFAULT_ERROR_RATE if max_error_rate is None else max_error_rate
    raise TooManyUnreadableError(
        f"{counts.skipped:,} of {counts.found:,} photos cannot be read ({counts.skipped / counts.found:.1%}, at most "
        f"{allowed:.1%} is allowed), so nothing was published; {errors} lists them: mend or remove "
        "them, or raise --max-error-rate."
    )


def few_enough(counts: Counts, max_error_rate: float | None) -> bool:
    """True if so few photos are skipped that a generation may be published."""
    rate = counts.skipped / counts.found
    if max_error_rate is not None:
        return rate <= max_error_rate
    return rate <= DEFAULT_ERROR_RATE or counts.skipped <= min(FEW_ERRORS, counts.indexed - 1)
