"""The settings of a build."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from index_builder.gallery.errors import GalleryError
from index_builder.indexing.requirements import IndexRequirements

DEFAULT_ERROR_RATE = 0.05
# One torn file among ten photos is no reason to publish nothing: so many are accepted while most photos can be read.
FEW_ERRORS = 5


@dataclass(frozen=True)
class BuildSettings:
    """Says what to build from what.

    Attributes:
        photos: the folder of photos.
        out: the gallery's folder; made if needed.
        metadata: a CSV or JSONL file with a photo_id per row; None reads the one again that the present generation
            was built with.
        is_metadata_dropped: the gallery is to have none, whatever the present generation has.
        max_error_rate: share of unreadable photos, from 0 to 1, above which nothing is published; None takes
            DEFAULT_ERROR_RATE, and accepts FEW_ERRORS at any rate as long as more photos can be read than not.
        num_workers: threads that decode and, on a CPU, encode; 0 takes one per core.
        exclude: patterns of files and folders below `photos` that are left out, by the rules of .gitignore.
        is_followed: another build follows when the folder changes, so a file that is being written is left to that
            one instead of being reported.
        index: what is asked of the index: recall, memory, sketches to measure with.
        unsettled: paths below `photos` of files that are known to be being written.
        engine: what embeds: threads of this process, or Ray, which may have many machines.
        ray_address: of the Ray cluster; None starts one on this machine.
        shards: an fsspec URL below which Ray's workers leave what they have finished until it is committed, or None.
    """

    photos: Path
    out: Path
    metadata: Path | None = None
    is_metadata_dropped: bool = False
    max_error_rate: float | None = None
    num_workers: int = 0
    exclude: tuple[str, ...] = ()
    is_followed: bool = False
    index: IndexRequirements = field(default_factory=IndexRequirements)
    unsettled: frozenset[str] = frozenset()
    engine: Literal["local", "ray"] = "local"
    ray_address: str | None = None
    shards: str | None = None

    def __post_init__(self) -> None:
        for option, value in (("--ray-address", self.ray_address), ("--shards", self.shards)):
            if value is not None and self.engine != "ray":
                raise GalleryError(f"{option} is {value}, but --engine is {self.engine}; give --engine ray.")
        if self.metadata is not None and self.is_metadata_dropped:
            raise GalleryError(f"Both --metadata {self.metadata} and --no-metadata are given; give one of them.")
        if self.max_error_rate is not None and not 0 <= self.max_error_rate <= 1:
            raise GalleryError(f"--max-error-rate is {self.max_error_rate}; give a share from 0 to 1, such as 0.05.")
        if self.num_workers < 0:
            raise GalleryError(f"--workers is {self.num_workers}; give a number of threads, or 0 for one per core.")
