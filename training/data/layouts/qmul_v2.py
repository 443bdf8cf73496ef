"""The layout of Shoe-V2 and Chair-V2: a folder for the photos and one for the sketches of each split."""

from pathlib import Path

from training.data.dataset import Item
from training.data.layouts.pair_by_name import FoundData, add_left_out, list_images, pair_by_name


def read_qmul_v2(source: Path, *, name: str, category: str) -> FoundData:
    """Reads `trainA|trainB|testA|testB` (A sketches, B photos), sketches called `<photo id>_<number>`.

    Args:
        source: the folder that holds the four.
        name: of the dataset.
        category: of everything in it.

    Raises:
        ValueError: a folder is missing, or a photo is in both splits.
    """
    missing = [part for part in ("trainA", "trainB", "testA", "testB") if not (source / part).is_dir()]
    if missing:
        raise ValueError(
            f"{source} has no {', '.join(missing)}; {name} is expected as the folders trainA, trainB, testA and testB "
            "(A sketches, B photos)."
        )
    splits: dict[str, tuple[Item, ...]] = {}
    left_out: dict[str, tuple[Path, ...]] = {}
    found = 0
    for split in ("train", "test"):
        sketches, odd_sketches = list_images(source / f"{split}A")
        photos, odd_photos = list_images(source / f"{split}B")
        pairing = pair_by_name(photos, sketches, separator="_", category=category)
        splits[split] = pairing.items
        found += len(sketches)
        add_left_out(left_out, pairing, [*odd_sketches, *odd_photos])
    return FoundData(name, splits, "as published, by folder", left_out, found)
