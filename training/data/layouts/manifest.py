"""Writes the manifest of a dataset in a public layout or of one's own: ids, counts and digests of every split.

Photos and sketches stay where they are. Every file that is in no split is listed in `left_out.json` beside it.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.data.dataset import Item, Split, relative_to_manifest
from training.data.layouts.csv_pairs import read_csv_pairs
from training.data.layouts.feedback import read_feedback_pairs
from training.data.layouts.pair_by_name import FoundData
from training.data.layouts.qmul_v2 import read_qmul_v2
from training.data.layouts.sketchy import INVALID, read_sketchy

_SKETCHX = "It is usually requested from the SketchX group, which made it: sketchx.eecs.qmul.ac.uk/downloads."
_SKETCHY = "It is usually had from its authors (Sangkloy et al., SIGGRAPH 2016): sketchy.eye.gatech.edu."
_NAMED = 3


@dataclass(frozen=True)
class Counts:
    """What a public dataset should hold; the counts are those that papers or releases state.

    Attributes:
        photos: split -> number of photos.
        sketches: split, or "found" for all sketches on disk -> the numbers in circulation, the release's first.
        num_categories: None where there is but one.
        source: a sentence on where the data is usually requested.
    """

    photos: Mapping[str, int]
    sketches: Mapping[str, tuple[int, ...]]
    num_categories: int | None
    source: str


PUBLISHED = {
    "shoe-v2": Counts({"train": 1800, "test": 200}, {"train": (5982,), "test": (666, 679)}, None, _SKETCHX),
    "chair-v2": Counts({"train": 300, "test": 100}, {"train": (964,), "test": (311, 323, 324)}, None, _SKETCHX),
    "sketchy": Counts({"train": 11250, "test": 1250}, {"found": (75471,)}, 125, _SKETCHY),
}
LAYOUTS = (*PUBLISHED, "csv", "feedback")


def write_manifest(
    layout: str, source: Path, out: Path, *, transform: str | None = None, photos: Path | None = None
) -> dict[str, Any]:
    """Reads a dataset in one of the layouts and writes `out`/manifest.json and `out`/left_out.json.

    Args:
        layout: one of `LAYOUTS`.
        source: the dataset's folder, the CSV, or the folder of feedback.
        out: folder to write to; may be `source` itself.
        transform: of Sketchy's renderings, see `read_sketchy`.
        photos: the folder of photos that feedback is about, see `read_feedback_pairs`.

    Returns:
        Counts and sha256 of each split, counts of what was left out and why, and warnings.

    Raises:
        ValueError: the data is missing or wrong (and where such data is requested), it holds no pair, an id is in two
            splits, or `out` already has another manifest.
    """
    found = _read(layout, source.resolve(), transform, photos)
    _refuse_shared_ids(found)
    splits = {name: Split(found.name, name, items) for name, items in found.splits.items() if items}
    if not splits:
        raise ValueError(f"{source} holds no photo with a sketch in layout {layout}. {_where(layout)}".rstrip())
    root = out.resolve()
    recorded = {name: {key: split.summary()[key] for key in _RECORDED} for name, split in splits.items()}
    values = {
        "name": found.name,
        "layout": layout,
        "split_rule": found.split_rule,
        "splits": recorded,
        "items": [_row(item, split, root) for split, items in found.splits.items() for item in items],
    }
    left_out = {
        reason: [relative_to_manifest(file, root) for file in files]
        for reason, files in found.left_out.items()
        if files
    }
    _write(root, {"manifest.json": values, "left_out.json": left_out})
    return {
        "manifest": str(out / "manifest.json"),
        "dataset": found.name,
        "split_rule": found.split_rule,
        "splits": recorded,
        "categories": len({item.category for items in found.splits.values() for item in items}),
        "sketches_found": found.num_sketches_found,
        "left_out": {reason: len(files) for reason, files in left_out.items()},
        "warnings": [*_differences(layout, found), *found.notes, *_left_out_warnings(left_out, out)],
    }


_RECORDED = ("photos", "sketches", "sha256")


def _read(layout: str, source: Path, transform: str | None, photos: Path | None) -> FoundData:
    if transform is not None and layout != "sketchy":
        raise ValueError(f"--transform chooses a rendering of Sketchy; layout {layout} has none.")
    if (photos is not None) != (layout == "feedback"):
        raise ValueError("--photos is the folder of photos that feedback is about: give it with layout feedback only.")
    try:
        if layout == "sketchy":
            return read_sketchy(source, transform=transform)
        if layout == "shoe-v2":
            return read_qmul_v2(source, name="QMUL-Shoe-V2", category="shoe")
        if layout == "chair-v2":
            return read_qmul_v2(source, name="QMUL-Chair-V2", category="chair")
    except ValueError as error:
        raise ValueError(f"{error} {_where(layout)}") from error
    if layout == "csv":
        return read_csv_pairs(source)
    if layout == "feedback" and photos is not None:
        return read_feedback_pairs(source, photos.resolve())
    raise ValueError(f"There is no layout {layout!r}; choose one of {', '.join(LAYOUTS)}.")


def _where(layout: str) -> str:
    return PUBLISHED[layout].source if layout in PUBLISHED else ""


def _refuse_shared_ids(found: FoundData) -> None:
    ids = Counter(item.id for items in found.splits.values() for item in items)
    twice = sorted(id_ for id_, count in ids.items() if count > 1)
    if twice:
        raise ValueError(
            f"{len(twice)} ids of {found.name} occur twice, within a split or in two, first {twice[0]}; a test photo "
            "that is also trained on would make every number void: give each photo one id and one split."
        )


def _differences(layout: str, found: FoundData) -> list[str]:
    """Where the counts are not the published ones, in words."""
    if layout not in PUBLISHED:
        absent = [name for name in ("train", "test") if not found.splits.get(name)]
        return [f"there is no split {name}, which `python -m training run` needs" for name in absent]
    published = PUBLISHED[layout]
    sketches = {name: sum(len(item.sketches) for item in items) for name, items in found.splits.items()}
    sketches["found"] = found.num_sketches_found
    counts: list[tuple[str, int, tuple[int, ...]]] = [
        (f"{name} photos", len(found.splits[name]), (number,)) for name, number in published.photos.items()
    ]
    counts += [(f"{name} sketches", sketches[name], numbers) for name, numbers in published.sketches.items()]
    if published.num_categories is not None:
        categories = {item.category for items in found.splits.values() for item in items}
        counts.append(("categories", len(categories), (published.num_categories,)))
    return [
        f"{what}: {count}, published {' or '.join(map(str, expected))}"
        for what, count, expected in counts
        if count not in expected
    ]


def _left_out_warnings(left_out: dict[str, list[str]], out: Path) -> list[str]:
    """One for each reason but Sketchy's own invalid marks, which are meant to be left out."""
    return [
        f"{len(files)} left out as {reason}, e.g. {', '.join(files[:_NAMED])}; all are in {out / 'left_out.json'}"
        for reason, files in left_out.items()
        if reason != INVALID
    ]


def _row(item: Item, split: str, root: Path) -> dict[str, Any]:
    return {
        "id": item.id,
        "category": item.category,
        "split": split,
        "photo": relative_to_manifest(item.photo, root),
        "sketches": [relative_to_manifest(sketch, root) for sketch in item.sketches],
    }


def _write(root: Path, files: dict[str, object]) -> None:
    """Writes files aside and renames them, the manifest last; another manifest is not overwritten."""
    texts = {name: json.dumps(values, indent=1, ensure_ascii=False) + "\n" for name, values in files.items()}
    manifest = root / "manifest.json"
    if manifest.is_file() and manifest.read_text(encoding="utf-8") != texts["manifest.json"]:
        raise ValueError(f"{root} already has another manifest.json; give another --out, or take that one away first.")
    root.mkdir(parents=True, exist_ok=True)
    for name in sorted(texts):  # left_out.json before manifest.json
        partial = root / f"{name}.partial"
        partial.write_text(texts[name], encoding="utf-8")
        partial.replace(root / name)
