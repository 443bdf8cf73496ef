"""Photos paired with their sketches by file name, and everything that a layout's files come to."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from model.images import PHOTO_SUFFIXES
from training.data.dataset import Item

NO_SKETCH = "photo without sketch"
NO_PHOTO = "sketch without photo"
NOT_AN_IMAGE = "not an image"


@dataclass(frozen=True)
class FoundData:
    """What was found in a layout: every file of it is either in a split or in `left_out`.

    Attributes:
        name: of the dataset.
        splits: the items of each split, sorted by id.
        split_rule: in words, how the splits came about.
        left_out: reason -> files that are in no split for that reason.
        num_sketches_found: sketches on disk, those left out included.
        notes: what else the reader of the numbers must know.
    """

    name: str
    splits: Mapping[str, tuple[Item, ...]]
    split_rule: str
    left_out: Mapping[str, tuple[Path, ...]]
    num_sketches_found: int
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Pairing:
    """Photos joined with their sketches.

    Attributes:
        items: photos with at least one sketch, sorted by id, their sketches by number.
        photos_without_sketch: they cannot be items.
        sketches_without_photo: no photo has the name that theirs begins with.
    """

    items: tuple[Item, ...]
    photos_without_sketch: tuple[Path, ...]
    sketches_without_photo: tuple[Path, ...]


def pair_by_name(
    photos: Iterable[Path], sketches: Iterable[Path], *, separator: str, category: str, id_prefix: str = ""
) -> Pairing:
    """Joins sketches with photos by file name.

    Args:
        photos: files called `<photo id>.<suffix>`.
        sketches: files called `<photo id><separator><number>.<suffix>`; the number has any number of digits.
        separator: between photo id and number.
        category: of all these items.
        id_prefix: put before the photo id to give the item's id.

    Raises:
        ValueError: two photos share an id.
    """
    by_id: dict[str, Path] = {}
    for photo in sorted(photos):
        if by_id.setdefault(photo.stem, photo) is not photo:
            raise ValueError(f"{by_id[photo.stem]} and {photo} are two photos of one id; keep one of them.")
    numbered: dict[str, list[tuple[int, Path]]] = {photo_id: [] for photo_id in by_id}
    orphans = []
    for sketch in sorted(sketches):
        named = re.fullmatch(rf"(.+){re.escape(separator)}(\d+)", sketch.stem)
        if named is None or named[1] not in by_id:
            orphans.append(sketch)
        else:
            numbered[named[1]].append((int(named[2]), sketch))
    items = tuple(
        Item(id_prefix + photo_id, category, by_id[photo_id], tuple(sketch for _, sketch in sorted(drawn)))
        for photo_id, drawn in numbered.items()
        if drawn
    )
    lonely = tuple(by_id[photo_id] for photo_id, drawn in numbered.items() if not drawn)
    return Pairing(items, lonely, tuple(orphans))


def list_images(folder: Path) -> tuple[list[Path], list[Path]]:
    """The images of one folder and its other files, both sorted; hidden files count as other files."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    images = [path for path in files if path.suffix.lower() in PHOTO_SUFFIXES and not path.name.startswith(".")]
    return images, [path for path in files if path not in set(images)]


def add_left_out(left_out: dict[str, tuple[Path, ...]], pairing: Pairing, not_images: Iterable[Path]) -> None:
    """Adds what a pairing could not use to the reasons collected so far."""
    for reason, files in (
        (NO_SKETCH, pairing.photos_without_sketch),
        (NO_PHOTO, pairing.sketches_without_photo),
        (NOT_AN_IMAGE, tuple(not_images)),
    ):
        left_out[reason] = (*left_out.get(reason, ()), *files)
