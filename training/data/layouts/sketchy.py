"""The layout of Sketchy (SIGGRAPH 2016): items are photos, never categories; sketches marked invalid are left out."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from training.data.dataset import Item
from training.data.layouts.pair_by_name import FoundData, add_left_out, list_images, pair_by_name

TEST_SHARE = 0.1
DEFAULT_TRANSFORM = "tx_000000000000"
# The package's own README: error, ambiguous, pose and context are the reviewers' four reasons.
INVALID_LISTS = tuple(f"invalid-{reason}.txt" for reason in ("error", "ambiguous", "pose", "context"))
TEST_LIST = "testset.txt"
INVALID = "sketch marked invalid"


def read_sketchy(source: Path, *, transform: str | None = None) -> FoundData:
    """Reads `photo/<transform>/<category>/<id>.jpg` and `sketch/<transform>/<category>/<id>-<number>.png`.

    `info/invalid-*.txt` (one sketch a line, `<id>-<number>`) names the invalid sketches. The test photos are those of
    `info/testset.txt` (`<category>/<id>.jpg` a line) where it exists; otherwise a tenth of each category's photos, the
    first by the digest of their names: the same ones on every machine.

    Args:
        source: the folder that holds `photo` and `sketch`; `info` is looked for in it and beside it.
        transform: which rendering to read, of photos and sketches alike. By default `tx_000000000000`, or the only one.

    Raises:
        ValueError: a folder is missing, or it is not clear which rendering is meant.
    """
    photo_root, sketch_root = (_rendering(source / part, transform) for part in ("photo", "sketch"))
    info = next((place for place in (source / "info", source.parent / "info") if place.is_dir()), None)
    invalid = _read_lists(info, INVALID_LISTS)
    items: list[Item] = []
    left_out: dict[str, tuple[Path, ...]] = {INVALID: ()}
    found = 0
    for category in sorted(
        {path.name for root in (photo_root, sketch_root) for path in root.iterdir() if path.is_dir()}
    ):
        photos, odd_photos = _images(photo_root / category)
        sketches, odd_sketches = _images(sketch_root / category)
        found += len(sketches)
        valid = [sketch for sketch in sketches if sketch.stem not in invalid]
        left_out[INVALID] += tuple(sketch for sketch in sketches if sketch.stem in invalid)
        pairing = pair_by_name(photos, valid, separator="-", category=category, id_prefix=f"{category}/")
        items += pairing.items
        add_left_out(left_out, pairing, [*odd_photos, *odd_sketches])
    listed = _read_lists(info, (TEST_LIST,))
    held_out = {name.removesuffix(".jpg") for name in listed} if listed else _hold_out(items)
    splits = {
        "train": tuple(item for item in items if item.id not in held_out),
        "test": tuple(item for item in items if item.id in held_out),
    }
    rule = f"the package's {TEST_LIST}" if listed else f"ours: {TEST_SHARE:.0%} of each category's photos by digest"
    notes = _notes(photo_root, sketch_root, info, held_out - {item.id for item in items})
    return FoundData("Sketchy", splits, rule, left_out, found, notes)


def _rendering(folder: Path, transform: str | None) -> Path:
    present = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if not present:
        raise ValueError(
            f"There is no folder {folder} with renderings; Sketchy is expected as "
            "photo/<transform>/<category>/<id>.jpg and sketch/<transform>/<category>/<id>-<number>.png."
        )
    wanted = transform or (DEFAULT_TRANSFORM if DEFAULT_TRANSFORM in present else present[0])
    if wanted not in present or (transform is None and wanted != DEFAULT_TRANSFORM and len(present) > 1):
        missing = transform or DEFAULT_TRANSFORM
        raise ValueError(f"{folder} has no {missing}; choose one with --transform: {', '.join(present)[:300]}.")
    return folder / wanted


def _images(folder: Path) -> tuple[list[Path], list[Path]]:
    return list_images(folder) if folder.is_dir() else ([], [])


def _read_lists(info: Path | None, names: Iterable[str]) -> set[str]:
    files = [info / name for name in names] if info else []
    lines = (line.strip() for file in files if file.is_file() for line in file.read_text(encoding="utf-8").splitlines())
    return {line for line in lines if line}


def _hold_out(items: Iterable[Item]) -> set[str]:
    """The ids of a tenth of each category, but at least one where a category has two."""
    by_category: dict[str, list[str]] = {}
    for item in items:
        by_category.setdefault(item.category, []).append(item.id)
    held_out: set[str] = set()
    for ids in by_category.values():
        count = max(round(TEST_SHARE * len(ids)), int(len(ids) > 1))
        held_out |= set(sorted(ids, key=lambda name: hashlib.sha256(name.encode()).digest())[:count])
    return held_out


def _notes(photo_root: Path, sketch_root: Path, info: Path | None, unusable: set[str]) -> tuple[str, ...]:
    notes = [f"photos are rendered as {photo_root.name}, sketches as {sketch_root.name}"]
    absent = [name for name in INVALID_LISTS if info is None or not (info / name).is_file()]
    if absent:
        notes.append(f"no {', '.join(absent)} in an info folder: sketches marked invalid there could not be left out")
    if unusable:
        notes.append(
            f"{len(unusable)} photos of {TEST_LIST} are not here or have no valid sketch, e.g. {min(unusable)}"
        )
    return tuple(notes)
