"""A gallery of made-up vectors that lie like those of a real one, by `benchmarks.large_index`; made once and kept."""

import subprocess
import sys
from pathlib import Path

from benchmarks.serving.environments import ROOT
from model.bundle import Bundle


def synthetic_gallery(bundle: Bundle, number: int, *, like: Path, cache: Path) -> Path:
    """A gallery of so many photos that do not exist, fit for the bundle.

    Args:
        bundle: whose fingerprint and dimension it gets.
        number: of photos.
        like: a real gallery of the same bundle.
        cache: folder to keep it in.

    Returns:
        The gallery's folder.
    """
    folder = cache / f"synthetic-{number}-{bundle.fingerprint[:12]}"
    gallery = folder / "gallery"
    if not (gallery / "CURRENT").exists():
        folder.mkdir(parents=True, exist_ok=True)
        module = [sys.executable, "-m", "benchmarks.large_index"]
        places = ["--folder", str(folder), "--bundle", str(bundle.path.resolve())]
        made_up = ["--like", str(like.resolve()), "--vectors", str(number)]
        subprocess.run([*module, "make", *places, *made_up], check=True, cwd=ROOT)
        subprocess.run([*module, "build", *places], check=True, cwd=ROOT)
    return gallery
