"""Reads a dataset: `manifest.json` says which sketch shows which photo, and to which split each pair belongs."""

import hashlib
import json
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from index_builder.photos.read import MAX_PHOTO_PIXELS
from model.bundle import Modality
from model.images import decode_image, photo_draft_size
from model.preprocess import Preprocessing, normalise_sketch, square_photo


@dataclass(frozen=True)
class Item:
    """One photo and every sketch of it.

    Attributes:
        id: unique in the manifest.
        category: of the thing shown; "" when the manifest has none.
        photo: path of the photo.
        sketches: paths of its sketches, at least one.
    """

    id: str
    category: str
    photo: Path
    sketches: tuple[Path, ...]


@dataclass(frozen=True)
class Split:
    """The items of one split, in the manifest's order.

    Attributes:
        dataset: the manifest's name.
        name: "train", "test", ...
        items: at least one.
    """

    dataset: str
    name: str
    items: tuple[Item, ...]

    @property
    def num_sketches(self) -> int:
        """How many sketches the split holds, all photos together."""
        return sum(len(item.sketches) for item in self.items)

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories of the items, sorted."""
        return tuple(sorted({item.category for item in self.items}))

    @property
    def sha256(self) -> str:
        """Hex digest over ids and file names: two runs with equal digests used the same split."""
        lines = [f"{item.id} {item.photo.name} {[sketch.name for sketch in item.sketches]}" for item in self.items]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def summary(self) -> dict[str, Any]:
        """Counts and digest, for logs and reports."""
        return {
            "dataset": self.dataset,
            "split": self.name,
            "photos": len(self.items),
            "sketches": self.num_sketches,
            "sha256": self.sha256,
        }


def read_split(data: Path, split: str) -> Split:
    """Reads one split of a dataset and makes sure that every file of it exists.

    Args:
        data: a manifest, or the folder that holds `manifest.json`: an object with "items", a list of
            {"id", "category", "split", "photo", "sketches": [...]}, paths relative to the manifest. If it records a
            sha256 of its splits ("splits": {name: {"sha256": ...}}), the items must have that digest.
        split: the split's name.

    Returns:
        The split.

    Raises:
        ValueError: no manifest, a malformed one, an unknown split, an id or file twice, a missing file, a photo without
            a sketch, or items that are not those whose digest the manifest records. Nothing is left out silently:
            numbers over different sets cannot be compared.
    """
    path = data if data.is_file() else data / "manifest.json"
    values = _read_json(path)
    rows = values["items"]
    chosen = [row for row in rows if row.get("split") == split]
    if not chosen:
        present = ", ".join(sorted({str(row.get("split")) for row in rows})) or "none"
        raise ValueError(f"{path} has no item of split {split!r}; it has: {present}.")
    items = tuple(_read_item(row, path) for row in chosen)
    _refuse_twice((item.id for item in items), what="id", path=path)
    _refuse_twice((str(item.photo) for item in items), what="photo", path=path)
    _refuse_twice((str(sketch) for item in items for sketch in item.sketches), what="sketch", path=path)
    missing = [file for item in items for file in (item.photo, *item.sketches) if not file.is_file()]
    if missing:
        raise ValueError(
            f"{len(missing)} files of split {split!r} named in {path} do not exist, first {missing[0]}; "
            "complete the dataset or correct the manifest."
        )
    chosen_split = Split(dataset=str(values.get("name", path.parent.name)), name=split, items=items)
    _refuse_changed(chosen_split, values.get("splits"), path)
    return chosen_split


def read_image(modality: Modality, path: Path, preprocessing: Preprocessing) -> Image.Image:
    """Reads a file of a dataset exactly as index builder and service do, up to mean and std.

    Returns:
        A photo of mode "RGB" or a sketch of mode "L" (255 paper, 0 ink), S × S.

    Raises:
        ValueError: the file cannot be used; the message names it.
    """
    try:
        if modality == "sketch":
            return normalise_sketch(decode_image(path.read_bytes(), max_pixels=MAX_PHOTO_PIXELS), preprocessing)
        draft_size_px = photo_draft_size(preprocessing.image_size_px)
        photo = decode_image(path.read_bytes(), max_pixels=MAX_PHOTO_PIXELS, draft_size_px=draft_size_px)
        return square_photo(photo, preprocessing)
    except (OSError, ValueError) as error:
        raise ValueError(f"The {modality} {path} cannot be used: {error}") from error


def relative_to_manifest(file: Path, folder: Path) -> str:
    """A file's path as the manifest in a folder names it, with "/".

    Links on the way are followed first, because "../" climbs from where a link leads, not from where it lies.
    """
    return Path(os.path.relpath(file.parent.resolve() / file.name, folder.resolve())).as_posix()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(f"There is no dataset at {path}; give the folder that holds manifest.json.") from error
    except ValueError as error:
        raise ValueError(f"{path} is not valid JSON ({error}); write it again.") from error
    if not isinstance(values, dict) or not isinstance(values.get("items"), list):
        raise ValueError(f'{path} is not a dataset manifest: expected an object with a list "items".')
    return values


def _read_item(row: Any, path: Path) -> Item:  # noqa: ANN401 - a row of foreign JSON may be anything
    try:
        sketches = tuple(path.parent / sketch for sketch in row["sketches"])
        item = Item(str(row["id"]), str(row.get("category", "")), path.parent / row["photo"], sketches)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f'An item of {path} is malformed ({error}): expected "id", "split", "photo", "sketches", got {row!r:.120}.'
        ) from error
    if not sketches:
        raise ValueError(f"Item {item.id} of {path} has no sketch; add one or take it out of the manifest.")
    return item


def _refuse_changed(split: Split, recorded: Any, path: Path) -> None:  # noqa: ANN401
    expected = recorded.get(split.name) if isinstance(recorded, dict) else None
    digest = expected.get("sha256") if isinstance(expected, dict) else None
    if digest is not None and digest != split.sha256:
        raise ValueError(
            f"Split {split.name!r} of {path} has sha256 {split.sha256[:12]}…, but the manifest records "
            f"{str(digest)[:12]}…: its items were changed by hand; write the manifest again."
        )


def _refuse_twice(values: Any, *, what: str, path: Path) -> None:  # noqa: ANN401
    value, count = Counter(values).most_common(1)[0]
    if count > 1:
        raise ValueError(f"The {what} {value} occurs {count} times in {path}; each must occur once in a split.")
