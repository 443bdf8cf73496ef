"""A folder of photos without a manifest: the files that the index builder would index too."""

from pathlib import Path

from model.images import PHOTO_SUFFIXES


def photo_files(folder: Path) -> tuple[Path, ...]:
    """Every image below a folder, sorted by path.

    Raises:
        ValueError: the folder holds no photo.
    """
    files = tuple(sorted(path for path in folder.rglob("*") if path.suffix.lower() in PHOTO_SUFFIXES))
    if not files:
        raise ValueError(f"There is no photo below {folder}; give a folder of JPEG, PNG, WebP, GIF, TIFF or BMP files.")
    return files
