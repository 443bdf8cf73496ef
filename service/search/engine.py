"""From the bytes of a sketch to ranked photos. Knows nothing of HTTP; safe to call from several threads."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from index_builder.gallery.interface import Hit, Item, PhotoGallery, Selection
from model.bundle import Bundle
from model.errors import BlankSketchError, UnreadableImageError
from service.search.errors import SketchError, UnknownPhotoError
from service.search.live_gallery import LiveGallery
from service.uploads.reader import LocalReader, SketchReader


class SketchEncoder(Protocol):
    """Prepared sketches in, embeddings out; called from several threads."""

    @property
    def bundle(self) -> Bundle:
        """The bundle the encoder came from."""

    @property
    def provider(self) -> str:
        """The ONNX Runtime provider that really runs."""

    @property
    def precision(self) -> str:
        """Such as "fp32" or "int8"."""

    def encode(self, images: NDArray[np.float32], /) -> NDArray[np.float32]:
        """(B, 3, S, S) float32 to (B, D) float32 of unit norm."""


@dataclass(frozen=True)
class Ranking:
    """An answer, from one generation of the gallery throughout.

    Attributes:
        generation: name of the generation that was searched.
        gallery_size: how many photos it holds.
        photos: best first.
        timings_ms: stage -> milliseconds, in the order the stages ran; "total" covers them all.
    """

    generation: str
    gallery_size: int
    photos: tuple[Hit, ...]
    timings_ms: Mapping[str, float]


@dataclass(frozen=True)
class BatchRanking:
    """The answers for several sketches, in their order, all from one generation.

    Attributes:
        generation: name of the generation that was searched.
        gallery_size: how many photos it holds.
        answers: a ranking for each sketch, or the error of one that cannot be used.
    """

    generation: str
    gallery_size: int
    answers: tuple[Ranking | SketchError, ...]


class SearchEngine:
    """Searches a gallery by sketch or by one of its own photos."""

    def __init__(
        self,
        encoder: SketchEncoder,
        gallery: LiveGallery,
        *,
        max_pixels: int,
        concurrent_encodes: int = 1,
        reader: SketchReader | None = None,
    ) -> None:
        """Wires an encoder to a gallery.

        Args:
            encoder: turns prepared sketches into embeddings.
            gallery: must have been built with the encoder's bundle.
            max_pixels: larger sketches are refused before they are decoded.
            concurrent_encodes: how many sketches may be in the encoder at once; one encode already uses all cores.
            reader: decodes and prepares sketches; None does so in this process. Closed with the engine.
        """
        self.encoder = encoder
        self.gallery = gallery
        self.reader = reader or LocalReader(encoder.bundle.preprocessing, max_pixels=max_pixels)
        self.concurrent_encodes = concurrent_encodes
        self._encoder_slots = threading.BoundedSemaphore(concurrent_encodes)

    def search(
        self,
        sketch: bytes,
        *,
        k: int,
        min_score: float | None = None,
        filters: Sequence[str] = (),
        waited_seconds: float = 0.0,
    ) -> Ranking:
        """Ranks the gallery's photos by likeness to a sketch.

        Args:
            sketch: a PNG, JPEG or WebP file.
            k: at most this many photos; at least 1.
            min_score: photos that score lower are left out.
            filters: over the metadata, such as "price>=10"; all must hold.
            waited_seconds: how long the request waited for its turn; counts as part of the stage "wait".

        Raises:
            FilterError: a filter does not fit the gallery's metadata.
            UnreadableImageError: the bytes are not such a file, or too large.
            BlankSketchError: nothing is drawn.
        """
        with self.gallery.lease() as gallery:
            stages = _Stages(waited_seconds)
            return self._search(gallery, sketch, stages, k=k, min_score=min_score, rows=gallery.select(filters))

    def search_each(
        self, sketches: Sequence[bytes], *, k: int, min_score: float | None = None, filters: Sequence[str] = ()
    ) -> BatchRanking:
        """Searches for several sketches; one that cannot be used yields its error and the others are answered."""
        answers: list[Ranking | SketchError] = []
        with self.gallery.lease() as gallery:
            rows = gallery.select(filters)
            for sketch in sketches:
                try:
                    answers.append(self._search(gallery, sketch, _Stages(), k=k, min_score=min_score, rows=rows))
                except (UnreadableImageError, BlankSketchError) as error:
                    answers.append(error)
            return BatchRanking(gallery.generation, gallery.size, tuple(answers))

    def similar(self, photo_id: str, *, k: int, min_score: float | None = None, filters: Sequence[str] = ()) -> Ranking:
        """Ranks the other photos by likeness to one of the gallery's photos, from its stored vector.

        Raises:
            UnknownPhotoError: the gallery has no such photo.
            FilterError: a filter does not fit the gallery's metadata.
        """
        stages = _Stages()
        with self.gallery.lease() as gallery:
            with stages.time("search"):
                vector = gallery.embedding(photo_id)
                if vector is None:
                    raise UnknownPhotoError(photo_id)
                found = gallery.search(vector, k=k + 1, rows=gallery.select(filters))
                hits = [hit for hit in found if hit.photo_id != photo_id][:k]
                photos = _ranked(hits, min_score)
            return Ranking(gallery.generation, gallery.size, photos, stages.finish())

    def photo(self, photo_id: str) -> Item:
        """Looks up a photo.

        Raises:
            UnknownPhotoError: the gallery has no such photo.
        """
        with self.gallery.lease() as gallery:
            item = gallery.item(photo_id)
        if item is None:
            raise UnknownPhotoError(photo_id)
        return item

    def thumbnail(self, photo_id: str) -> bytes:
        """A photo's thumbnail, WebP or JPEG.

        Raises:
            UnknownPhotoError: the gallery has no such photo.
        """
        with self.gallery.lease() as gallery:
            thumbnail = gallery.thumbnail(photo_id)
        if thumbnail is None:
            raise UnknownPhotoError(photo_id)
        return thumbnail

    def close(self) -> None:
        """Releases the gallery and the reader."""
        self.gallery.close()
        self.reader.close()

    def _search(
        self,
        gallery: PhotoGallery,
        sketch: bytes,
        stages: "_Stages",
        *,
        k: int,
        min_score: float | None,
        rows: Selection | None,
    ) -> Ranking:
        prepared = self.reader.read(sketch)
        stages.add("decode", prepared.decode_ms)
        stages.add("prepare", prepared.prepare_ms)
        embedding = self._encode(prepared.pixels, stages)
        with stages.time("search"):
            photos = _ranked(gallery.search(embedding, k=k, rows=rows), min_score)
        return Ranking(gallery.generation, gallery.size, photos, stages.finish())

    def _encode(self, prepared: NDArray[np.float32], stages: "_Stages") -> NDArray[np.float32]:
        with stages.time("wait", before_ms=stages.waited_ms):
            self._encoder_slots.acquire()
        try:
            with stages.time("encode"):
                return np.asarray(self.encoder.encode(prepared[None])[0])
        finally:
            self._encoder_slots.release()


class _Stages:
    """Measures named stages and the time from creation to `finish`, in milliseconds, and counts a wait before it."""

    def __init__(self, waited_seconds: float = 0.0) -> None:
        self.waited_ms = waited_seconds * 1000
        self._start = time.perf_counter() - waited_seconds
        self._milliseconds: dict[str, float] = {}

    @contextmanager
    def time(self, stage: str, *, before_ms: float = 0.0) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.add(stage, before_ms + (time.perf_counter() - start) * 1000)

    def add(self, stage: str, milliseconds: float) -> None:
        self._milliseconds[stage] = milliseconds

    def finish(self) -> dict[str, float]:
        return {**self._milliseconds, "total": (time.perf_counter() - self._start) * 1000}


def _ranked(hits: Sequence[Hit], min_score: float | None) -> tuple[Hit, ...]:
    return tuple(hit for hit in hits if min_score is None or hit.score >= min_score)
