"""The reading side of a gallery: open a generation, search it, look up its items. Needs only FAISS and SQLite."""

import shlex
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.errors import GalleryError
from index_builder.gallery.indexes.gpu import Gpu
from index_builder.gallery.interface import Closing, Hit, Item, checked_query
from index_builder.gallery.opened_files import open_files
from model.bundle import Bundle

CURRENT = "CURRENT"
GENERATIONS = "generations"
_NUM_OPEN_ATTEMPTS = 3


class Gallery(Closing):
    """One generation, opened for reading. It never changes, and may be used from several threads at once.

    Its files stay open, so it keeps answering when the generation is replaced, and even when its folder is removed.
    """

    def __init__(self, folder: Path, *, hashed: Collection[str] | None = None) -> None:
        """Opens the folder of one generation; `open_gallery` is the usual way.

        Args:
            folder: of the generation.
            hashed: which files are compared with their hashes; None takes those that nothing checks later.

        Raises:
            GalleryError: the generation is damaged or of another format version.
        """
        self._files = open_files(folder, hashed=hashed)
        self.folder = folder
        self.manifest = self._files.manifest
        self.generation = self.manifest.generation
        self.size = self.manifest.count
        self.dimension = self.manifest.dimension
        self.columns = self.manifest.columns
        self.bundle_name = self.manifest.bundle.name
        self.bundle_fingerprint = self.manifest.bundle.fingerprint
        self.lists = self._files.lists
        self._photos_root = Path(self.manifest.photos_root)
        self._thread = threading.local()

    @property
    def device(self) -> str:
        """Where searches over all photos run: "cpu" or "cuda". Filtered ones run on the CPU in either case."""
        return self._files.exact.device

    def search_on(self, gpu: Gpu) -> None:
        """Searches on a GPU from now on, with the same answers; called once. GpuError leaves the CPU in charge."""
        self._files.exact.search_on(gpu)

    def select(self, filters: Sequence[str]) -> NDArray[np.int64] | None:
        """Returns the rows, rising, of the photos that match all of the filters; None, for all photos, without any."""
        return self._files.items.select(filters) if filters else None

    def search(self, embedding: NDArray[np.float32], *, k: int, rows: NDArray[np.int64] | None = None) -> list[Hit]:
        """Finds the photos nearest to a query, as `PhotoGallery.search` says."""
        query = checked_query(embedding, k=k, dimension=self.dimension)
        self._use_one_thread()
        size = self.size if rows is None else len(rows)
        if not size:
            return []
        wanted = min(k, size)
        is_exact = self.lists is None or (rows is None and self.device == "cuda")
        searched = self._files.exact if is_exact or self.lists is None else self.lists
        scores, found = searched.search(query, wanted, rows)
        best = np.lexsort((found, -scores))[:wanted]
        stored = self._files.items.photos_in(found[best].tolist())
        return [Hit(*stored[int(found[i])], float(scores[i])) for i in best]

    def item(self, photo_id: str) -> Item | None:
        """Returns what is known about a photo; None for an unknown id."""
        return self.items([photo_id]).get(photo_id)

    def items(self, photo_ids: Iterable[str]) -> dict[str, Item]:
        """Returns what is known about several photos; unknown ids are left out."""
        return self._files.items.items(photo_ids, root=self._photos_root)

    def embedding(self, photo_id: str) -> NDArray[np.float32] | None:
        """The stored embedding, (D,) float32 of unit norm; None for an unknown id."""
        row = self._files.items.row(photo_id)
        return None if row is None else self.embedding_at(row)

    def thumbnail(self, photo_id: str) -> bytes | None:
        """A JPEG of the photo, longer side at most 256 px; None for an unknown id."""
        row = self._files.items.row(photo_id)
        return None if row is None else self.thumbnail_at(row)

    def embedding_at(self, row: int) -> NDArray[np.float32]:
        """The stored embedding of a row of the index, (D,) float32."""
        return np.asarray(self._files.vectors.between(row, row + 1)[0])

    def embeddings_between(self, first_row: int, last_row: int) -> NDArray[np.float32]:
        """The stored embeddings of rows from `first_row` to before `last_row`, (rows, D) float32."""
        return self._files.vectors.between(first_row, last_row)

    def embeddings_of(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The stored embeddings of some rows in their order, (rows, D) float32."""
        return self._files.vectors.rows(rows)

    def thumbnail_at(self, row: int) -> bytes:
        """Returns the thumbnail of a row of the index; GalleryError when it is damaged."""
        return self._files.thumbnails.image(row, content_sha256=self._files.items.content_sha256(row))

    def perceptual_hash_at(self, row: int) -> bytes:
        """The 32 bytes by which near-duplicates of a row's photo are found."""
        return self._files.thumbnails.perceptual_hash(row)

    def query(self, sql: str, values: tuple[object, ...] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of a read-only query over the table `items`, fetched in pages."""
        return self._files.items.query(sql, values)

    def num_thumbnails(self) -> int:
        """Counts the thumbnails one by one."""
        return self._files.thumbnails.count()

    def close(self) -> None:
        """Closes the files and frees the GPU; the gallery cannot be used afterwards."""
        self._files.close()

    def _use_one_thread(self) -> None:
        # OpenMP keeps its thread count per calling thread, so the one set at start-up does not reach web threads;
        # a second thread makes a single query slower (6 ms became 25 ms over 100,000 photos on a busy machine).
        if not hasattr(self._thread, "ready"):
            faiss.omp_set_num_threads(1)
            self._thread.ready = True


def open_gallery(path: Path, *, bundle: Bundle | None) -> Gallery:
    """Opens the current generation of a gallery.

    Its index and its items are hashed, which takes 0.6 s a gigabyte; `python -m index_builder verify` checks the rest.

    Args:
        path: the gallery's folder, as given to the index builder as `--out`.
        bundle: the bundle whose sketch embeddings will be searched for; None skips the comparison.

    Returns:
        The gallery, mapped from disk.

    Raises:
        GalleryError: there is no gallery, it is damaged, or another bundle made it; says what to do.
    """
    for attempt in range(_NUM_OPEN_ATTEMPTS):
        name = current_generation(path)
        try:
            gallery = Gallery(generation_folder(path, name))
            break
        except GalleryError:
            # A builder may have replaced, and then removed, the generation between the two steps.
            if attempt == _NUM_OPEN_ATTEMPTS - 1 or current_generation(path) == name:
                raise
    if bundle is not None and bundle.fingerprint != gallery.bundle_fingerprint:
        gallery.close()
        raise GalleryError(_other_bundle(path, gallery, bundle))
    return gallery


def current_generation(path: Path) -> str:
    """The name of the generation that a gallery serves.

    Raises:
        GalleryError: there is no gallery at the path, or its CURRENT is damaged.
    """
    try:
        name = (path / CURRENT).read_text(encoding="utf-8").strip()
    except FileNotFoundError as error:
        command = f"python -m index_builder --gallery photos/ --out {shlex.quote(str(path))}"
        raise GalleryError(f"There is no gallery at {path} (no file {CURRENT}); build one with `{command}`.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise GalleryError(f"The file {path / CURRENT} cannot be read ({error}); build the gallery again.") from error
    if not name or name != Path(name).name or name.startswith("."):
        raise GalleryError(f"The file {path / CURRENT} holds {name!r}, not a generation; build the gallery again.")
    return name


def generation_folder(path: Path, name: str) -> Path:
    """Where a gallery keeps a generation."""
    return path / GENERATIONS / name


def _other_bundle(path: Path, gallery: Gallery, bundle: Bundle) -> str:
    options = f"--gallery {shlex.quote(gallery.manifest.photos_root)} --out {shlex.quote(str(path))}"
    command = f"python -m index_builder {options} --bundle {shlex.quote(str(bundle.path))}"
    return (
        f"The gallery {path} was made by bundle {gallery.bundle_name} ({gallery.bundle_fingerprint[:12]}), not by "
        f"bundle {bundle.name} ({bundle.fingerprint[:12]}), and their embeddings cannot be compared; rebuild it with "
        f"`{command}`."
    )
