"""build → self-check → publish: turns what a run has recorded into the next generation."""

import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index_builder.embedding.photo_encoder import PhotoModel
from index_builder.gallery.check import check_gallery
from index_builder.gallery.folder_gallery import GENERATIONS, Gallery, generation_folder
from index_builder.gallery.manifest import ERRORS, FORMAT_VERSION, MANIFEST, BundleStamp, Counts, Duplicates, Manifest
from index_builder.indexing.choose import PreviousIndex, choose_index
from index_builder.indexing.requirements import IndexRequirements
from index_builder.progress import Progress
from index_builder.publishing.previous import PreviousGeneration
from index_builder.publishing.swap import file_facts, new_staging, publish, remove_old
from index_builder.publishing.write import find_near_duplicates, write_generation
from index_builder.work.queries import digest_content, find_duplicates
from model.sessions.exact_int8 import arithmetic_of

_NUM_EXAMPLES = 3


@dataclass(frozen=True)
class BuildReport:
    """Describes how a build went.

    Attributes:
        generation: the one that is served now.
        published: False when nothing had changed.
        counts: of photos.
        num_encoded: how many contents were encoded in this run.
        duplicates: photos with equal content.
        held: paths of photos that were being written and are left to the next build.
    """

    generation: str
    published: bool
    counts: Counts
    num_encoded: int
    duplicates: Duplicates
    held: tuple[str, ...] = ()


@dataclass(frozen=True)
class Staged:
    """A generation that is written but not served yet.

    Attributes:
        folder: its files, beside the generations.
        manifest: as written there.
    """

    folder: Path
    manifest: Manifest


@dataclass(frozen=True)
class NextGeneration:
    """A run whose photos are all recorded: from here to the published generation.

    Attributes:
        out: the gallery's folder.
        photos_root: the photos folder, absolute.
        database: of the work store.
        model: what made the embeddings.
        previous: the generation served so far.
        requirements: what is asked of the index.
        metadata: the table that the metadata were read from, or None.
    """

    out: Path
    photos_root: Path
    database: sqlite3.Connection
    model: PhotoModel
    previous: PreviousGeneration | None
    requirements: IndexRequirements = field(default_factory=IndexRequirements)
    metadata: Path | None = None

    @cached_property
    def duplicates(self) -> Duplicates:
        """The photos with equal content."""
        return find_duplicates(self.database)

    @cached_property
    def is_up_to_date(self) -> bool:
        """True if the previous generation answers the same, notes the same metadata table and is tuned as well.

        Inverted lists that were tuned with photos alone are tuned anew once there are sketches to measure them with.
        """
        if self.previous is None:
            return False
        manifest = self.previous.manifest
        has_new_queries = self.requirements.sketches is not None and manifest.tuning.was_tuned_without_sketches
        is_same = (manifest.content_digest, manifest.metadata_file) == (self._digest, self._metadata_file())
        return is_same and not has_new_queries

    def build(self, counts: Counts, progress: Progress) -> Staged:
        """Writes the files, the index that meets the requirements, and the manifest, where nobody reads them yet."""
        folder, dimension = new_staging(self.out), self.model.embedding_dim
        columns = write_generation(self.database, folder, previous=self.previous, dimension=dimension)
        tuning = choose_index(
            folder,
            count=counts.indexed,
            dimension=dimension,
            requirements=self.requirements,
            previous=self._previous_index(),
            progress=progress,
        )
        near_duplicates = find_near_duplicates(folder)
        _say_examples("Near-duplicates", "look like another", near_duplicates, " ~ ", progress)
        created = datetime.now(UTC)
        hashes, sizes = file_facts(folder)
        manifest = Manifest(
            generation=_free_name(self.out, f"{created:%Y%m%dT%H%M%SZ}-{self._digest[:8]}"),
            created=created.isoformat(timespec="seconds"),
            count=counts.indexed,
            dimension=dimension,
            index_type=tuning.factory,
            tuning=tuning,
            photos_root=str(self.photos_root),
            bundle=self._stamp,
            counts=counts,
            duplicates=self.duplicates,
            columns=columns,
            metadata_file=self._metadata_file(),
            near_duplicates=near_duplicates,
            content_digest=self._digest,
            files=hashes,
            file_sizes=sizes,
        )
        (folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
        return Staged(folder, manifest)

    def self_check(self, staged: Staged) -> None:
        """Opens what was written and lets photos find themselves with the embeddings that were made for them."""
        with Gallery(staged.folder, hashed=()) as written:  # the files were hashed for the manifest a moment ago
            check_gallery(written, made=self._embedding)

    def publish(self, staged: Staged, progress: Progress) -> None:
        """Makes the checked generation the served one; the one before it stays for those who have it open."""
        name, counts = staged.manifest.generation, staged.manifest.counts
        publish(self.out, staged.folder, name=name)
        remove_old(self.out, keep={name} if self.previous is None else {name, self.previous.manifest.generation})
        if counts.skipped:
            progress.say(f"The skipped photos and their reasons: {generation_folder(self.out, name) / ERRORS}")
        progress.say(f"Published generation {name} in {self.out}")

    @property
    def _stamp(self) -> BundleStamp:
        return BundleStamp(
            self.model.name, self.model.fingerprint, self.model.precision, arithmetic_of(self.model.precision)
        )

    @cached_property
    def _digest(self) -> str:
        return digest_content(
            self.database,
            format_version=str(FORMAT_VERSION),
            photos_root=str(self.photos_root),
            fingerprint=self.model.fingerprint,
            precision=self.model.precision,
            index=f"recall {self.requirements.recall} in {self.requirements.memory_bytes} bytes",
        )

    def _metadata_file(self) -> str | None:
        return None if self.metadata is None else str(self.metadata.resolve())

    def _previous_index(self) -> PreviousIndex | None:
        """The index of the generation served so far; None when there is none."""
        if self.previous is None:
            return None
        folder = generation_folder(self.out, self.previous.manifest.generation)
        return PreviousIndex(folder, self.previous.manifest.tuning, self.previous.reuse_embeddings)

    def _embedding(self, photo_id: str) -> NDArray[np.float32]:
        """The embedding that was made for a photo, independent of the files just written."""
        query = "SELECT vector, previous_row FROM indexed WHERE photo_id = ?"
        vector, previous_row = self.database.execute(query, (photo_id,)).fetchone()
        if vector is not None:
            return np.frombuffer(vector, np.float32)
        assert self.previous is not None
        return self.previous.embedding(previous_row)


def say_counts(counts: Counts, duplicates: Duplicates, progress: Progress) -> None:
    """Says how many photos were found, are indexed and are skipped, and which of them repeat another."""
    progress.say(f"Found {counts.found:,} = indexed {counts.indexed:,} + skipped {counts.skipped:,}")
    _say_examples("Duplicates", "repeat the content of another", duplicates, " = ", progress)


def _say_examples(title: str, what: str, duplicates: Duplicates, sign: str, progress: Progress) -> None:
    if duplicates.photos:
        examples = "; ".join(sign.join(group[:_NUM_EXAMPLES]) for group in duplicates.groups[:_NUM_EXAMPLES])
        progress.say(f"{title}: {duplicates.photos:,} photos {what} ({examples})")


def _free_name(out: Path, name: str) -> str:
    candidate, number = name, 2
    while (out / GENERATIONS / candidate).exists():
        candidate, number = f"{name}-{number}", number + 1
    return candidate
