"""Drawings that a person has, as queries: an index that finds photos by photos may still miss them by drawings."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.errors import GalleryError
from model.bundle import Bundle
from model.encoder import Device, Encoder, open_encoder
from model.errors import BlankSketchError, UnreadableImageError

MAX_SKETCHES = 500
_EXTENSIONS = {".png", ".jpg", ".jpeg", ".webp"}


def find_sketches(path: Path) -> list[Path]:
    """The drawings in a folder and below it, or those that a manifest of pairs lists; at most 500, evenly chosen.

    Args:
        path: a folder, or a manifest.json whose items have "sketches" with paths relative to it.

    Raises:
        GalleryError: there is no such path, it is no manifest, or there are no drawings.
    """
    if path.is_dir():
        found = sorted(each for each in path.rglob("*") if each.suffix.lower() in _EXTENSIONS)
    else:
        found = _listed(path)
    if not found:
        raise GalleryError(f"--sketches {path} holds no drawings; give a folder of PNG, JPEG or WebP files.")
    chosen = np.linspace(0, len(found) - 1, min(MAX_SKETCHES, len(found))).round().astype(int)
    return [found[place] for place in chosen]


def embed_sketches(paths: Sequence[Path], bundle: Bundle, *, device: Device = "auto") -> NDArray[np.float32]:
    """Embeds drawings as the service does.

    Args:
        paths: of the images.
        bundle: whose sketch encoder is used.
        device: where it runs.

    Returns:
        (Q, D) float32, unit norm.

    Raises:
        GalleryError: one of them cannot be read, or is blank.
    """
    encoder = open_encoder(bundle, "sketch", device=device)
    return np.stack([_embedded(path, encoder) for path in paths])


def _embedded(path: Path, encoder: Encoder) -> NDArray[np.float32]:
    try:
        return encoder.embed(path.read_bytes())
    except (OSError, UnreadableImageError, BlankSketchError) as error:
        raise GalleryError(f"The drawing {path} of --sketches cannot be used ({error}); take it out.") from error


def _listed(path: Path) -> list[Path]:
    try:
        items = json.loads(path.read_text(encoding="utf-8"))["items"]
        return sorted(path.parent / sketch for item in items for sketch in item["sketches"])
    except OSError as error:
        raise GalleryError(
            f"--sketches {path} cannot be read ({error.strerror}); give a folder of drawings."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise GalleryError(
            f"--sketches {path} is not a manifest of pairs ({error!r}); give one with sketches, or a folder."
        ) from error
