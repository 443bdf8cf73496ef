"""The requirements of the index: how much it has to find, and how much memory it may take."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.errors import GalleryError

DEFAULT_RECALL = 0.95
DEFAULT_MEMORY_BYTES = 1_000_000_000


@dataclass(frozen=True)
class IndexRequirements:
    """The requirements that the index has to meet.

    Attributes:
        recall: the recall@10 that searches have to reach, above 0 and at most 1.
        memory_bytes: what searches may keep in memory.
        sketches: embeds sketches to measure recall with, (Q, D) float32 of unit norm; None when there are none.
        is_searched_here: False when another store is searched instead of the files, which then need no lists.
    """

    recall: float = DEFAULT_RECALL
    memory_bytes: int = DEFAULT_MEMORY_BYTES
    sketches: Callable[[], NDArray[np.float32]] | None = None
    is_searched_here: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.recall <= 1:
            raise GalleryError(f"--recall is {self.recall:g}; give a share above 0 and at most 1, such as 0.95.")
        if self.memory_bytes <= 0:
            raise GalleryError(f"--memory is {self.memory_bytes} bytes; give a size such as 300MB.")


def parse_bytes(text: str | int) -> int:
    """Reads a size such as 300MB, 1.5GB, 512MiB or a number of bytes; GalleryError when the text is not a size."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(I?)B?", str(text).strip().upper())
    if found is None:
        raise GalleryError(f"--memory is {text!r}; give a size such as 300MB or 2GB.")
    number, prefix, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** " KMGT".index(prefix or " "))
