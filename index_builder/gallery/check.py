"""Checks that a generation is intact: counts against each other, stored vectors against the index."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.errors import GalleryError
from index_builder.gallery.folder_gallery import Gallery
from index_builder.gallery.indexes.lists import encoded, list_codes, list_ids

_CHUNK_ROWS = 16384
_MAX_PROBES = 256
_NORM_TOLERANCE = 1e-3
_SCORE_TOLERANCE = 1e-5
# Another processor may round a code differently here and there; a code of another embedding differs almost everywhere.
_DIFFERING_CODE = 0.5


def check_gallery(gallery: Gallery, *, made: Callable[[str], NDArray[np.float32]] | None = None) -> None:
    """Compares what a generation's files say about each other.

    Args:
        gallery: the generation.
        made: photo id -> the embedding that was made for it, while the builder still knows; else the stored one.

    Raises:
        GalleryError: counts differ, an embedding is not finite and of unit norm, or one does not find itself.
    """
    counts = gallery.manifest.counts
    ((num_items,),) = gallery.query("SELECT count(*) FROM items")
    numbers = (num_items, gallery.num_thumbnails(), counts.indexed)
    if any(number != gallery.size for number in numbers) or counts.found != counts.indexed + counts.skipped:
        raise GalleryError(
            f"The gallery {gallery.folder} does not add up: {gallery.size} items stated, {num_items} items and "
            f"{numbers[1]} thumbnails held; found {counts.found}, indexed {counts.indexed}, skipped {counts.skipped}."
        )
    _check_norms(gallery)
    _check_lists(gallery)
    _check_probes(gallery, made)


def _check_norms(gallery: Gallery) -> None:
    for first in range(0, gallery.size, _CHUNK_ROWS):
        vectors = gallery.embeddings_between(first, min(first + _CHUNK_ROWS, gallery.size))
        norms = np.linalg.norm(vectors, axis=1)
        wrong = np.flatnonzero(~(np.abs(norms - 1) < _NORM_TOLERANCE))  # written so that NaN is wrong
        if len(wrong):
            raise GalleryError(
                f"The embedding in row {first + int(wrong[0])} of {gallery.folder} has norm "
                f"{norms[wrong[0]]}, expected 1; build the gallery again."
            )


def _check_lists(gallery: Gallery) -> None:
    """Every photo must be in one inverted list, with a code that its embedding gives."""
    if gallery.lists is None:
        return
    index = gallery.lists.index
    places = np.zeros(gallery.size, np.int64)
    for number in range(index.nlist):
        rows = list_ids(index, number)
        known = rows[(rows >= 0) & (rows < gallery.size)]
        np.add.at(places, known, 1)
        codes = list_codes(index, number)[np.isin(rows, known)]
        differing = np.mean(codes != encoded(index, number, gallery.embeddings_of(known)), axis=1)
        wrong = np.flatnonzero(differing > _DIFFERING_CODE)
        if len(wrong) or len(known) < len(rows):
            row = known[wrong[0]] if len(wrong) else rows[~np.isin(rows, known)][0]
            raise GalleryError(
                f"The index of {gallery.folder} does not fit the embedding in row {row}; build it again."
            )
    if (places != 1).any():
        row = int(np.flatnonzero(places != 1)[0])
        raise GalleryError(
            f"The index of {gallery.folder} holds row {row} {places[row]} times, expected once; build it again."
        )


def _check_probes(gallery: Gallery, made: Callable[[str], NDArray[np.float32]] | None) -> None:
    """Photos spread over the gallery must come first when searched for, or share the first place with their equals."""
    step = max(1, -(-gallery.size // _MAX_PROBES))
    probes = gallery.query("SELECT row, photo_id FROM items WHERE row % ? = 0 ORDER BY row", (step,))
    for row, photo_id in list(probes):
        vector = gallery.embedding_at(row) if made is None else made(photo_id)
        (best,) = gallery.search(vector, k=1)
        own = float(vector @ gallery.embedding_at(row))
        if best.photo_id != photo_id and abs(best.score - own) > _SCORE_TOLERANCE:
            raise GalleryError(
                f"The photo {photo_id!r} of {gallery.folder} does not find itself: {best.photo_id!r} "
                f"scores {best.score:.6f}, itself {own:.6f}; build the gallery again."
            )
