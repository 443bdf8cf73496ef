"""Turns what the engine returns into the JSON models of the HTTP interface."""

from collections.abc import Mapping
from urllib.parse import quote

from service.http.errors import describe
from service.routes.schemas import (
    BatchAnswer,
    BatchError,
    BatchResult,
    BatchTimings,
    ErrorDetail,
    GalleryIdentity,
    ModelIdentity,
    PhotoResult,
    SearchAnswer,
    SearchTimings,
    SimilarAnswer,
    SimilarTimings,
)
from service.search.engine import BatchRanking, Ranking, SearchEngine
from service.search.errors import SketchError


def search_answer(model: ModelIdentity, ranking: Ranking) -> SearchAnswer:
    """The answer to a search by sketch."""
    return SearchAnswer(
        model=model,
        gallery=gallery_identity(ranking),
        timings_ms=search_timings(ranking),
        results=photo_results(ranking),
    )


def similar_answer(model: ModelIdentity, ranking: Ranking) -> SimilarAnswer:
    """The answer to a search by photo."""
    return SimilarAnswer(
        model=model,
        gallery=gallery_identity(ranking),
        timings_ms=SimilarTimings(**_rounded(ranking.timings_ms)),
        results=photo_results(ranking),
    )


def batch_answer(model: ModelIdentity, batch: BatchRanking, *, total_ms: float) -> BatchAnswer:
    """The answer to a search by several sketches."""
    return BatchAnswer(
        model=model,
        gallery=GalleryIdentity(generation=batch.generation, size=batch.gallery_size),
        timings_ms=BatchTimings(total=round(total_ms, 3)),
        answers=[_batch_entry(index, answer) for index, answer in enumerate(batch.answers)],
    )


def model_identity(engine: SearchEngine) -> ModelIdentity:
    """Names the encoder that answers."""
    encoder = engine.encoder
    return ModelIdentity(
        name=encoder.bundle.name,
        fingerprint=encoder.bundle.fingerprint[:12],
        provider=encoder.provider,
        precision=encoder.precision,
    )


def gallery_identity(ranking: Ranking) -> GalleryIdentity:
    """Names the generation that answered."""
    return GalleryIdentity(generation=ranking.generation, size=ranking.gallery_size)


def search_timings(ranking: Ranking) -> SearchTimings:
    """The stages of a search by sketch, rounded to microseconds."""
    return SearchTimings(**_rounded(ranking.timings_ms))


def photo_results(ranking: Ranking) -> list[PhotoResult]:
    """The ranked photos with their addresses on this server."""
    quoted = [quote(photo.photo_id, safe="/") for photo in ranking.photos]
    return [
        PhotoResult(
            rank=rank,
            photo_id=photo.photo_id,
            score=photo.score,
            photo_url="/photos/" + name,
            thumbnail_url="/thumbnails/" + name,
            metadata=dict(photo.metadata),
        )
        for rank, (photo, name) in enumerate(zip(ranking.photos, quoted, strict=True), start=1)
    ]


def server_timing(timings_ms: Mapping[str, float]) -> str:
    """The value of a Server-Timing header, which browsers show in their developer tools."""
    return ", ".join(f"{stage};dur={milliseconds:.3f}" for stage, milliseconds in timings_ms.items())


def _batch_entry(index: int, answer: Ranking | SketchError) -> BatchResult | BatchError:
    if isinstance(answer, Ranking):
        return BatchResult(index=index, timings_ms=search_timings(answer), results=photo_results(answer))
    described = describe(answer)
    return BatchError(index=index, error=ErrorDetail(code=described.code, message=described.message))


def _rounded(timings_ms: Mapping[str, float]) -> dict[str, float]:
    return {stage: round(milliseconds, 3) for stage, milliseconds in timings_ms.items()}
