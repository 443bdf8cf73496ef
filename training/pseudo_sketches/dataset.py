"""A dataset out of photos alone: every photo with pseudo-sketches of it, in the layout that all recipes read."""

import json
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

from index_builder.photos.near_duplicates import HASH_BYTES, near_duplicates_of, perceptual_hash
from index_builder.photos.read import MAX_PHOTO_PIXELS
from model.bundle import file_sha256
from model.images import decode_image, photo_draft_size
from training.config.sketch_style import SketchStyle
from training.data.dataset import relative_to_manifest
from training.data.photos import photo_files
from training.pseudo_sketches.draw import SIDE_PX, drawable, pseudo_sketch

HELD_OUT_SHARE = 0.05
_REPORT = "made.json"
_HELD_OUT_LEAST, _HELD_OUT_MOST = 10, 0.1  # of a small folder: ten photos, but no more than a tenth of them


@dataclass(frozen=True)
class PhotoDataset:
    """What `write_photo_dataset` made.

    Attributes:
        path: the dataset's folder.
        photos: photos in it.
        near_duplicates: photos left out because they nearly equal one that must not be trained on.
        unreadable: photos left out because they cannot be decoded, with the reason.
    """

    path: Path
    photos: int
    near_duplicates: tuple[Path, ...]
    unreadable: tuple[tuple[Path, str], ...]

    def summary(self) -> dict[str, Any]:
        """Counts as plain JSON values."""
        return {
            "photos": self.photos,
            "near_duplicates_left_out": len(self.near_duplicates),
            "unreadable": {str(path): reason for path, reason in self.unreadable},
        }


def write_photo_dataset(
    photos: Path,
    out: Path,
    *,
    sketches: int,
    seed: int,
    style: SketchStyle | None = None,
    exclude: Sequence[Path] = (),
    workers: int = 2,
) -> PhotoDataset:
    """Draws every photo below a folder several times and writes manifest.json; reuses a finished dataset in `out`.

    One photo in twenty, of a small folder one in ten, goes to split "test" with its pseudo-sketches, the others to
    "train".

    Args:
        photos: folder of photos.
        out: the dataset's folder; the manifest, written last, points to the photos where they are.
        sketches: pseudo-sketches of each photo.
        seed: the same seed gives the same drawings.
        style: of the drawings; None for the default style.
        exclude: photos of a test set: they and their near-duplicates are left out.
        workers: processes that draw.

    Returns:
        What was made, with everything that was left out.

    Raises:
        ValueError: there is no photo, or `out` holds a dataset of other photos or settings.
    """
    files = photo_files(photos)
    style = style or SketchStyle()
    names = [os.path.relpath(file, photos) for file in files]
    made_of = {
        "photos": names,
        "sketches": sketches,
        "seed": seed,
        "style": asdict(style),
        "exclude": sorted(map(file_sha256, exclude)),
    }
    report = out / _REPORT
    if report.is_file():
        return _read_report(report, out, made_of)
    (out / "sketches").mkdir(parents=True, exist_ok=True)
    jobs = [_Job(file, out / "sketches", row, sketches, seed, style) for row, file in enumerate(files)]
    with ProcessPoolExecutor(workers) as pool:
        drawn = list(track(pool.map(_draw, jobs, chunksize=8), description="drawing photos", total=len(jobs)))
    near = _near_duplicates({file: one.hash for file, one in zip(files, drawn, strict=True) if one.hash}, exclude)
    kept = [(row, file) for row, file in enumerate(files) if drawn[row].hash and file not in near]
    if not kept:
        raise ValueError(f"None of the {len(files)} photos below {photos} can be used; see that they are photos.")
    held_out = set(np.random.default_rng(seed).permutation(len(kept))[: _num_held_out(len(kept))].tolist())
    items = [
        _item(row, file, out, sketches, split="test" if place in held_out else "train")
        for place, (row, file) in enumerate(kept)
    ]
    drawn_with = {"sketches": sketches, "seed": seed, "style": asdict(style)}
    values = {"name": photos.name, "pseudo_sketches": drawn_with, "items": items}
    made = PhotoDataset(
        path=out,
        photos=len(kept),
        near_duplicates=tuple(sorted(near)),
        unreadable=tuple((file, one.problem) for file, one in zip(files, drawn, strict=True) if not one.hash),
    )
    (out / "manifest.json").write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    report.write_text(json.dumps({"of": made_of, "made": _plain(made)}, indent=1) + "\n", encoding="utf-8")
    return made


def is_photo_dataset(data: Path) -> bool:
    """Whether a folder holds what `write_photo_dataset` made: photos and nobody's sketches."""
    return (data / _REPORT).is_file()


def _num_held_out(photos: int) -> int:
    return max(1, round(HELD_OUT_SHARE * photos), min(_HELD_OUT_LEAST, round(_HELD_OUT_MOST * photos)))


@dataclass(frozen=True)
class _Job:
    file: Path
    folder: Path
    row: int
    sketches: int
    seed: int
    style: SketchStyle


@dataclass(frozen=True)
class _Drawn:
    hash: bytes
    problem: str = ""


def _draw(job: _Job) -> _Drawn:
    try:
        photo = _read_photo(job.file)
    except (OSError, ValueError) as error:
        return _Drawn(b"", str(error))
    styles = [job.style.of_drawing(number) for number in range(job.sketches)]
    seen = {style: drawable(photo, style) for style in set(styles)}
    for number, style in enumerate(styles):
        sketch = pseudo_sketch(seen[style], np.random.default_rng([job.seed, job.row, number]), style)
        if sketch.getextrema()[0] == 255:
            return _Drawn(b"", "the photo shows no edge to draw")
        sketch.save(job.folder / f"{job.row:06d}-{number}.png")
    return _Drawn(perceptual_hash(photo))


def _read_photo(file: Path) -> Image.Image:
    return decode_image(file.read_bytes(), max_pixels=MAX_PHOTO_PIXELS, draft_size_px=photo_draft_size(SIDE_PX))


def _near_duplicates(hashes: dict[Path, bytes], exclude: Iterable[Path]) -> set[Path]:
    """The files whose perceptual hash nearly equals that of an excluded photo."""
    files, others = list(hashes), [perceptual_hash(_read_photo(file)) for file in exclude]
    return {files[row] for row in near_duplicates_of(_as_rows(list(hashes.values())), _as_rows(others))}


def _as_rows(hashes: Sequence[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, HASH_BYTES)


def _item(row: int, file: Path, out: Path, sketches: int, *, split: str) -> dict[str, Any]:
    return {
        "id": f"{row:06d}",
        "category": "",
        "split": split,
        "photo": relative_to_manifest(file, out),
        "sketches": [f"sketches/{row:06d}-{number}.png" for number in range(sketches)],
    }


def _plain(made: PhotoDataset) -> dict[str, Any]:
    return {
        "photos": made.photos,
        "near_duplicates": [str(path) for path in made.near_duplicates],
        "unreadable": [[str(path), reason] for path, reason in made.unreadable],
    }


def _read_report(report: Path, out: Path, made_of: dict[str, Any]) -> PhotoDataset:
    values = json.loads(report.read_text(encoding="utf-8"))
    if values["of"] != made_of:
        raise ValueError(
            f"{out} holds pseudo-sketches of other photos or settings; give another folder, or delete it to start anew."
        )
    made = values["made"]
    return PhotoDataset(
        path=out,
        photos=made["photos"],
        near_duplicates=tuple(map(Path, made["near_duplicates"])),
        unreadable=tuple((Path(path), reason) for path, reason in made["unreadable"]),
    )
