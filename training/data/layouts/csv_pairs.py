"""A user's own pairs as a CSV: one row a pair, columns photo, sketch, split and, if wanted, category and id."""

import csv
from dataclasses import dataclass, field
from pathlib import Path

from training.data.dataset import Item
from training.data.layouts.pair_by_name import NO_PHOTO, NO_SKETCH, FoundData

REQUIRED = ("photo", "sketch", "split")
OPTIONAL = ("category", "id")


def read_csv_pairs(source: Path) -> FoundData:
    """Reads pairs; rows of one photo become one item.

    A row without a sketch names a photo that cannot be an item, a row without a photo a sketch that cannot be used:
    both are listed as left out.

    Args:
        source: the CSV, UTF-8; its paths are relative to it. `id` is by default the photo's path without suffix.

    Raises:
        ValueError: no such file, a column or file is missing, a row contradicts an earlier one, or an id occurs twice.
    """
    rows = _read_rows(source)
    photos: dict[Path, _Photo] = {}
    left_out: dict[str, tuple[Path, ...]] = {NO_SKETCH: (), NO_PHOTO: ()}
    seen: dict[Path, int] = {}
    for line, row in rows:
        sketch = source.parent / row["sketch"] if row["sketch"] else None
        if sketch in seen:
            raise ValueError(
                f"{source} names the sketch {sketch} in lines {seen[sketch]} and {line}; keep one of them."
            )
        if sketch is not None:
            seen[sketch] = line
        if row["photo"]:
            _add(photos, row, sketch, source=source, line=line)
        elif sketch is not None:
            left_out[NO_PHOTO] += (sketch,)
    left_out[NO_SKETCH] = tuple(path for path, photo in photos.items() if not photo.sketches)
    _refuse_missing([*photos, *seen], source)
    splits: dict[str, tuple[Item, ...]] = {}
    for path, photo in sorted(photos.items(), key=lambda pair: pair[1].id):
        if photo.sketches:
            item = Item(photo.id, photo.category, path, tuple(photo.sketches))
            splits[photo.split] = (*splits.get(photo.split, ()), item)
    return FoundData(source.stem, splits, "the column split", left_out, len(seen))


@dataclass
class _Photo:
    id: str
    category: str
    split: str
    line: int
    sketches: list[Path] = field(default_factory=list)


def _read_rows(source: Path) -> list[tuple[int, dict[str, str]]]:
    """(line number, all columns stripped of surrounding space) of every row that is not empty."""
    if not source.is_file():
        raise ValueError(
            f"There is no CSV at {source}; write one with the columns {', '.join(REQUIRED)} and, if wanted, "
            f"{' and '.join(OPTIONAL)}."
        )
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            missing = [name for name in REQUIRED if name not in (reader.fieldnames or ())]
            if missing:
                raise ValueError(
                    f"{source} has no column {', '.join(missing)}; its first line must name {', '.join(REQUIRED)}."
                )
            wanted = (*REQUIRED, *OPTIONAL)
            rows = [(reader.line_num, {name: (row.get(name) or "").strip() for name in wanted}) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{source} cannot be read as a CSV in UTF-8 ({error}); save it as one.") from error
    return [(line, row) for line, row in rows if any(row.values())]


def _add(photos: dict[Path, _Photo], row: dict[str, str], sketch: Path | None, *, source: Path, line: int) -> None:
    if not row["split"]:
        raise ValueError(f"Line {line} of {source} has no split; expected one such as train or test.")
    path = source.parent / row["photo"]
    new = _Photo(row["id"] or Path(row["photo"]).with_suffix("").as_posix(), row["category"], row["split"], line)
    photo = photos.setdefault(path, new)
    for name in ("id", "category", "split"):
        before, after = getattr(photo, name), getattr(new, name)
        if before != after:
            raise ValueError(
                f"{source} gives {path.name} the {name} {before!r} in line {photo.line} and {after!r} in line {line}; "
                "all rows of a photo must agree."
            )
    if sketch is not None:
        photo.sketches.append(sketch)


def _refuse_missing(files: list[Path], source: Path) -> None:
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise ValueError(
            f"{len(missing)} files named in {source} do not exist, first {missing[0]}; paths are relative to the CSV."
        )
