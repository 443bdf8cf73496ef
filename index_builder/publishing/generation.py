"""build → self-check → publish: what a run has recorded becomes the next generation, unless it would say the same."""

import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime
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

_NUM_EXAMPLES = 3


@dataclass(frozen=True)
class BuildReport:
    """How a build went.

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

    def finish(self, counts: Counts, *, num_encoded: int, progress: Progress) -> BuildReport:
        """Publishes a generation if it would differ from the present one, and says how it went."""
        stamp = BundleStamp(self.model.name, self.model.fingerprint, self.model.precision)
        digest = digest_content(
            self.database,
            format_version=str(FORMAT_VERSION),
            photos_root=str(self.photos_root),
            fingerprint=stamp.fingerprint,
            precision=stamp.precision,
            index=f"recall {self.requirements.recall} in {self.requirements.memory_bytes} bytes",
        )
        duplicates = find_duplicates(self.database)
        _say_counts(counts, duplicates, progress)
        present = self.previous.manifest if self.previous is not None else None
        if present is not None and present.content_digest == digest and self._is_up_to_date(present):
            progress.say(f"Nothing to do: generation {present.generation} is up to date")
            return BuildReport(present.generation, False, counts, num_encoded, duplicates)
        name = self._write(counts, stamp, digest, duplicates, progress)
        remove_old(self.out, keep={name, present.generation} if present is not None else {name})
        if counts.skipped:
            progress.say(f"The skipped photos and their reasons: {generation_folder(self.out, name) / ERRORS}")
        progress.say(f"Published generation {name} in {self.out}")
        return BuildReport(name, True, counts, num_encoded, duplicates)

    def _write(
        self, counts: Counts, stamp: BundleStamp, digest: str, duplicates: Duplicates, progress: Progress
    ) -> str:
        out = self.out
        staging = new_staging(out)
        dimension = self.model.embedding_dim
        columns = write_generation(self.database, staging, previous=self.previous, dimension=dimension)
        tuning = choose_index(
            staging,
            count=counts.indexed,
            dimension=dimension,
            requirements=self.requirements,
            previous=self._previous_index(),
            progress=progress,
        )
        near_duplicates = find_near_duplicates(staging)
        if near_duplicates.photos:
            examples = _examples(near_duplicates, " ~ ")
            progress.say(f"Near-duplicates: {near_duplicates.photos:,} photos look like another ({examples})")
        created = datetime.now(UTC)
        name = _free_name(out, f"{created:%Y%m%dT%H%M%SZ}-{digest[:8]}")
        hashes, sizes = file_facts(staging)
        manifest = Manifest(
            generation=name,
            created=created.isoformat(timespec="seconds"),
            count=counts.indexed,
            dimension=dimension,
            index_type=tuning.factory,
            tuning=tuning,
            photos_root=str(self.photos_root),
            bundle=stamp,
            counts=counts,
            duplicates=duplicates,
            columns=columns,
            metadata_file=self._metadata_file(),
            near_duplicates=near_duplicates,
            content_digest=digest,
            files=hashes,
            file_sizes=sizes,
        )
        (staging / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
        with Gallery(staging, hashed=()) as written:  # they were hashed for the manifest a moment ago
            check_gallery(written, made=self._embedding)
        publish(out, staging, name=name)
        return name

    def _is_up_to_date(self, present: Manifest) -> bool:
        """Whether a generation of equal content also notes the table of metadata, and was tuned as it can be now.

        Inverted lists that were tuned with photos alone are tuned anew once there are sketches to measure them with.
        """
        has_new_queries = self.requirements.sketches is not None and present.tuning.was_tuned_without_sketches
        return present.metadata_file == self._metadata_file() and not has_new_queries

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


def _say_counts(counts: Counts, duplicates: Duplicates, progress: Progress) -> None:
    progress.say(f"Found {counts.found:,} = indexed {counts.indexed:,} + skipped {counts.skipped:,}")
    if duplicates.photos:
        examples = _examples(duplicates, " = ")
        progress.say(f"Duplicates: {duplicates.photos:,} photos repeat the content of another ({examples})")


def _examples(duplicates: Duplicates, sign: str) -> str:
    return "; ".join(sign.join(group[:_NUM_EXAMPLES]) for group in duplicates.groups[:_NUM_EXAMPLES])


def _free_name(out: Path, name: str) -> str:
    candidate, number = name, 2
    while (out / GENERATIONS / candidate).exists():
        candidate, number = f"{name}-{number}", number + 1
    return candidate
