"""What a service kept of confirmed searches, as pairs: a folder of feedback beside the folder of photos it served."""

import hashlib
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from model.feedback import Confirmation, read_feedback
from training.data.dataset import Item
from training.data.layouts.pair_by_name import FoundData
from training.data.photos import photo_files

TEST_SHARE = 0.1
GONE = "photo no longer in the folder"
CHANGED = "photo changed since"
SUPERSEDED = "another photo was marked for the same drawing later"
NO_DRAWING = "drawing missing"


def read_feedback_pairs(source: Path, photos: Path) -> FoundData:
    """Joins the drawings that people confirmed with the photos they meant.

    A photo goes to split "test" by a digest of its id, about one in ten, so that it stays there as feedback grows; of
    several photos confirmed for one drawing the last one counts.

    Args:
        source: the folder that the service wrote, see `model.feedback`.
        photos: the folder that the gallery was built from; ids are paths below it without suffix.

    Raises:
        ValueError: there is no feedback in `source`, or no photo in `photos`.
    """
    try:
        feedback = read_feedback(source)
    except FileNotFoundError as error:
        raise ValueError(
            f"There is no feedback in {source}; give the folder that the service's setting `feedback` names."
        ) from error
    files = _by_id(photos)
    left_out: dict[str, list[Path]] = {GONE: [], CHANGED: [], SUPERSEDED: [], NO_DRAWING: []}
    last = {confirmation.sketch: confirmation for confirmation in feedback.confirmations}
    drawn: dict[str, tuple[Path, list[Path]]] = {}
    for confirmation in feedback.confirmations:
        sketch = source / confirmation.sketch
        photo, reason = _photo_of(confirmation, files)
        if last[confirmation.sketch] is not confirmation:
            reason = SUPERSEDED
        elif not sketch.is_file():
            reason = NO_DRAWING
        if photo is None or reason:
            left_out[reason].append(sketch)
        else:
            drawn.setdefault(confirmation.photo_id, (photo, []))[1].append(sketch)
    items = [Item(photo_id, "", photo, tuple(sketches)) for photo_id, (photo, sketches) in sorted(drawn.items())]
    notes = () if not feedback.damaged_lines else (f"damaged lines of the log: {len(feedback.damaged_lines)}",)
    return FoundData(
        name=source.name,
        splits=_split(items),
        split_rule="by a digest of the photo's id, about one photo in ten for test",
        left_out={reason: tuple(paths) for reason, paths in left_out.items()},
        num_sketches_found=len(last),
        notes=notes,
    )


def _by_id(photos: Path) -> dict[str, list[Path]]:
    """Every photo by its path below the folder with and without suffix, either of which may be its id; Unicode NFC."""
    found: dict[str, list[Path]] = {}
    for file in photo_files(photos):
        path = file.relative_to(photos)
        for name in {path.as_posix(), path.with_suffix("").as_posix()}:
            found.setdefault(unicodedata.normalize("NFC", name), []).append(file)
    return found


def _photo_of(confirmation: Confirmation, files: dict[str, list[Path]]) -> tuple[Path | None, str]:
    candidates = files.get(confirmation.photo_id, [])
    for file in candidates:
        if hashlib.sha256(file.read_bytes()).hexdigest() == confirmation.photo_sha256:
            return file, ""
    return None, CHANGED if candidates else GONE


def _split(items: Iterable[Item]) -> dict[str, tuple[Item, ...]]:
    """The items whose digest lies in the lowest tenth are "test"; the lowest one alone when none does."""
    digest = {item.id: int(hashlib.sha256(item.id.encode()).hexdigest()[:8], 16) / 2**32 for item in items}
    if len(digest) < 2:
        return {"train": tuple(items)}
    border = max(TEST_SHARE, min(digest.values()))
    return {
        "train": tuple(item for item in items if digest[item.id] > border),
        "test": tuple(item for item in items if digest[item.id] <= border),
    }
