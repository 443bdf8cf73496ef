"""The files of one generation, checked and opened: what a gallery searches and looks up, before it answers anything."""

from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from index_builder.gallery.errors import GalleryError
from index_builder.gallery.generation_files import check_sizes, hashed_at_opening, verify_files
from index_builder.gallery.indexes.exact import ExactIndex
from index_builder.gallery.indexes.lists import ApproximateIndex
from index_builder.gallery.indexes.vectors import VectorFile
from index_builder.gallery.items import ItemTable
from index_builder.gallery.manifest import APPROXIMATE, INDEX, ITEMS, THUMBNAILS, Manifest, read_manifest
from index_builder.gallery.thumbnails import Thumbnails


@dataclass(frozen=True)
class OpenedFiles:
    """Everything of a generation that is open. It stays readable when the folder is removed.

    Attributes:
        manifest: what the files were checked against.
        exact: the index of all embeddings.
        lists: the inverted lists; None where searches are exact.
        vectors: the embeddings, row by row.
        items: what is known about the photos.
        thumbnails: their small pictures.
    """

    manifest: Manifest
    exact: ExactIndex
    lists: ApproximateIndex | None
    vectors: VectorFile
    items: ItemTable
    thumbnails: Thumbnails

    def close(self) -> None:
        """Closes the files and frees the GPU."""
        self.exact.close()
        self.items.close()
        self.thumbnails.close()
        self.vectors.close()


def open_files(folder: Path, *, hashed: Collection[str] | None = None) -> OpenedFiles:
    """Checks and opens the files of a generation; when one of them is not right, none is left open.

    Args:
        folder: of the generation.
        hashed: which files are compared with their hashes; None takes those that nothing checks later.

    Raises:
        GalleryError: the generation is damaged, of another format version, or was removed meanwhile.
    """
    manifest = read_manifest(folder)
    check_sizes(folder, manifest)
    verify_files(folder, manifest, names=hashed_at_opening(manifest) if hashed is None else hashed)
    with ExitStack() as stack:
        try:
            exact = ExactIndex(folder / INDEX)
            stack.callback(exact.close)
            vectors = VectorFile(folder / INDEX, count=manifest.count, dimension=manifest.dimension)
            stack.callback(vectors.close)
            lists = _open_lists(folder, manifest, vectors)
            items = ItemTable(folder / ITEMS, num_rows=manifest.count)
            stack.callback(items.close)
            thumbnails = Thumbnails(folder)
            stack.callback(thumbnails.close)
        except OSError as error:
            raise GalleryError(f"The gallery {folder} cannot be opened ({error}); build it again.") from error
        opened = OpenedFiles(manifest, exact, lists, vectors, items, thumbnails)
        _check_counts(folder, opened)
        stack.pop_all()
    return opened


def _open_lists(folder: Path, manifest: Manifest, vectors: VectorFile) -> ApproximateIndex | None:
    tuning = manifest.tuning
    if tuning.is_exact:
        return None
    path, factor = folder / APPROXIMATE, tuning.candidates_per_result
    return ApproximateIndex(path, vectors, nprobe=tuning.nprobe, candidates_per_result=factor)


def _check_counts(folder: Path, opened: OpenedFiles) -> None:
    manifest, exact = opened.manifest, opened.exact
    counts = {
        "manifest": manifest.count,
        INDEX: exact.index.ntotal,
        ITEMS: opened.items.expected_count(),
        THUMBNAILS: opened.thumbnails.expected_count(),
    }
    if opened.lists is not None:
        counts[APPROXIMATE] = opened.lists.index.ntotal
    if len(set(counts.values())) > 1 or exact.index.d != manifest.dimension:
        stated = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise GalleryError(
            f"The gallery {folder} does not add up ({stated}; dimension {exact.index.d} in the index, "
            f"{manifest.dimension} in the manifest); build it again."
        )
