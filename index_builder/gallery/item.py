"""What a gallery answers: hits of a search, and what it knows about a photo."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Hit:
    """One answer: a photo, its metadata, and its score, the cosine between its embedding and the query's."""

    photo_id: str
    metadata: dict[str, Any]
    score: float


@dataclass(frozen=True)
class Item:
    """What the gallery knows about one photo.

    Attributes:
        photo_id: stable, external id.
        path: absolute path of the file when the gallery was built.
        width_px: width of the upright photo.
        height_px: height of the upright photo.
        content_sha256: hex digest of the file.
        media_type: such as "image/jpeg", by content.
        metadata: the person's own columns, typed.
    """

    photo_id: str
    path: Path
    width_px: int
    height_px: int
    content_sha256: str
    media_type: str
    metadata: dict[str, Any]
