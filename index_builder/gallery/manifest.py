"""The manifest of one generation of a gallery: what is in it, what made it, and the hash of each of its files."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError

from index_builder.gallery.columns import Column
from index_builder.gallery.errors import GalleryError
from model.seal import break_seal, sealed_text

FORMAT_VERSION = 2
MANIFEST = "manifest.json"
INDEX, ITEMS, THUMBNAILS, ERRORS = "index.faiss", "items.sqlite", "thumbnails.sqlite", "errors.jsonl"
FILES = (INDEX, ITEMS, THUMBNAILS, ERRORS)
APPROXIMATE = "approximate.faiss"  # beside the others where exact search is too slow or too large


@dataclass(frozen=True)
class BundleStamp:
    """The bundle that made the embeddings, its precision, and the numbers that the CPU multiplied for it."""

    name: str
    fingerprint: str
    precision: str
    arithmetic: str


@dataclass(frozen=True)
class Counts:
    """Numbers of photos that were found, are in the gallery and could not be read; found = indexed + skipped."""

    found: int
    indexed: int
    skipped: int


@dataclass(frozen=True)
class Duplicates:
    """Photos whose bytes repeat those of another one.

    Attributes:
        photos: how many photos repeat an earlier one.
        groups: the ids that share their content, group by group; the first hundred groups.
    """

    photos: int
    groups: list[list[str]] = field(default_factory=list)


@dataclass(frozen=True)
class IndexTuning:
    """The index that a generation is searched with, the reason, and what was measured when it was built.

    Attributes:
        factory: in the language of `faiss.index_factory`: "Flat" for exact search, or such as "IVF4000,SQ8".
        reason: why this one, in a sentence.
        memory_bytes: what searches keep in memory; embeddings that are only looked up stay on disk.
        bytes_per_vector: of these, for each photo.
        memory_limit_bytes: what was asked for.
        recall_target: the recall@10 that was asked for.
        recall: kind of query ("photos", "sketches") -> recall@10 against exact search.
        queries: kind of query -> how many were held out to measure it.
        exact_ms: the fastest exact search in one thread, in milliseconds; None where none was timed.
        search_ms: the mean of the searches as tuned, in milliseconds; None for exact search.
        nprobe: how many inverted lists a search looks into.
        candidates_per_result: how many candidates for each result are compared exactly.
        trained_on: how many photos the gallery had when the lists were trained.
        trained_nprobe: the nprobe that was enough then.
        added_since: how many photos came after that.
    """

    factory: str
    reason: str
    memory_bytes: int
    bytes_per_vector: float
    memory_limit_bytes: int
    recall_target: float
    recall: dict[str, float] = field(default_factory=dict)
    queries: dict[str, int] = field(default_factory=dict)
    exact_ms: float | None = None
    search_ms: float | None = None
    nprobe: int = 0
    candidates_per_result: int = 0
    trained_on: int = 0
    trained_nprobe: int = 0
    added_since: int = 0

    @property
    def is_exact(self) -> bool:
        """True if every search compares with every photo."""
        return self.factory == "Flat"

    @property
    def was_tuned_without_sketches(self) -> bool:
        """True if there are parameters that were chosen by searching for photos alone."""
        return not self.is_exact and "sketches" not in self.queries


@dataclass(frozen=True)
class Manifest:
    """Everything one has to know about a generation without opening its files.

    Attributes:
        generation: its name.
        created: when it was complete, ISO 8601 in UTC.
        count: items in the gallery.
        dimension: D, length of an embedding.
        index_type: the FAISS index that is searched, "Flat" for exact search.
        photos_root: absolute path of the folder of photos when it was built.
        bundle: what made the embeddings.
        counts: of photos; `counts.indexed` equals `count`.
        duplicates: photos with equal content.
        columns: of the metadata, by name.
        metadata_file: absolute path of the table that the metadata were read from; None where there is none.
        near_duplicates: photos that look like one of other content.
        tuning: the index that is searched and how well it does.
        content_digest: identifies what the generation answers; equal digests need no new generation.
        files: name -> hex sha256.
        file_sizes: name -> bytes.
    """

    generation: str
    created: str
    count: int
    dimension: int
    index_type: str
    photos_root: str
    bundle: BundleStamp
    counts: Counts
    duplicates: Duplicates
    near_duplicates: Duplicates
    columns: list[Column]
    metadata_file: str | None
    tuning: IndexTuning
    content_digest: str
    files: dict[str, str]
    file_sizes: dict[str, int]
    format_version: int = FORMAT_VERSION

    __pydantic_config__ = ConfigDict(extra="forbid")

    @property
    def file_names(self) -> tuple[str, ...]:
        """The files that belong to the generation, apart from the manifest."""
        return FILES if self.tuning.is_exact else (*FILES, APPROXIMATE)

    def to_json(self) -> str:
        """The text of manifest.json, sealed."""
        return sealed_text(asdict(self))


_ADAPTER = TypeAdapter(Manifest)


def read_manifest(generation: Path) -> Manifest:
    """Reads the manifest of a generation's folder; GalleryError when it is missing, damaged or of another format."""
    path = generation / MANIFEST
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise GalleryError(
            f"The gallery's manifest {path} cannot be read ({error}); build the gallery again."
        ) from error
    return parse_manifest(text, where=str(path))


def parse_manifest(text: str, *, where: str) -> Manifest:
    """Reads what `Manifest.to_json` wrote.

    Args:
        text: the JSON.
        where: it was found, for messages.

    Raises:
        GalleryError: it is damaged, or of another format version.
    """
    try:
        values = json.loads(text)
    except ValueError as error:
        raise GalleryError(
            f"The gallery's manifest {where} cannot be read ({error}); build the gallery again."
        ) from error
    version = values.get("format_version") if isinstance(values, dict) else None
    if version != FORMAT_VERSION:
        raise GalleryError(
            f"The gallery's manifest {where} has format version {version}, this release reads version "
            f"{FORMAT_VERSION}; build the gallery again."
        )
    if not break_seal(values):
        raise GalleryError(f"The gallery's manifest {where} is damaged; build the gallery again.")
    try:
        return _ADAPTER.validate_python(values)
    except ValidationError as error:
        (first, *_) = error.errors()
        field_name = ".".join(map(str, first["loc"]))
        raise GalleryError(
            f"The gallery's manifest {where} is incomplete ({field_name}: {first['msg']}); build the gallery again."
        ) from error
