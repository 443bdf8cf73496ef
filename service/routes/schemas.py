"""The JSON that the service answers with, as typed models; OpenAPI is generated from these."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.search.errors import shown

Milliseconds = Annotated[float, Field(ge=0, description="milliseconds")]
PHOTO_EXAMPLE: dict[str, Any] = {
    "rank": 1,
    "photo_id": "chairs/chair-0012",
    "score": 0.83,
    "photo_url": "/photos/chairs/chair-0012",
    "thumbnail_url": "/thumbnails/chairs/chair-0012",
    "metadata": {"category": "chairs"},
}
ERROR_EXAMPLE: dict[str, Any] = {
    "code": "invalid_parameter",
    "message": f"k is {shown('abc')}; expected a whole number from 1 to 100.",
}


class _Answer(BaseModel):
    # Answers are built by the service itself: a field that is not declared is a mistake, not an extension.
    model_config = ConfigDict(extra="forbid", frozen=True)


class ErrorDetail(_Answer):
    """The error of a request."""

    code: str = Field(description="stable slug for programs")
    message: str = Field(description="one sentence for people: what was given, what was expected, what to do")


class ErrorAnswer(_Answer):
    """Every answer with a status of 400 or above has this form."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"error": ERROR_EXAMPLE}]})
    error: ErrorDetail


class ModelIdentity(_Answer):
    """The encoder that answered."""

    name: str = Field(description="the bundle's name", examples=["demo"])
    fingerprint: str = Field(description="first 12 hex characters of the bundle's sha256", examples=["3f9a0c51d2be"])
    provider: str = Field(description="where sketches are encoded", examples=["CPUExecutionProvider"])
    precision: str = Field(description="the encoder's precision", examples=["int8"])


class GalleryIdentity(_Answer):
    """The generation of the gallery that answered."""

    generation: str = Field(description="name of the generation", examples=["20261103-101502-1f3a"])
    size: int = Field(ge=0, description="how many photos it holds", examples=[600])


class SearchTimings(_Answer):
    """Milliseconds spent in each stage of a search by sketch."""

    decode: Milliseconds
    prepare: Milliseconds
    wait: Milliseconds = Field(description="waiting for the encoder while it works for others")
    encode: Milliseconds
    search: Milliseconds
    total: Milliseconds


class SimilarTimings(_Answer):
    """Milliseconds spent in each stage of a search by photo, which needs no encoder."""

    search: Milliseconds
    total: Milliseconds


class PhotoResult(_Answer):
    """One photo of an answer."""

    model_config = ConfigDict(json_schema_extra={"examples": [PHOTO_EXAMPLE]})
    rank: int = Field(ge=1, description="1 is the best")
    photo_id: str = Field(description="stable id of the photo; may hold slashes and any Unicode")
    score: float = Field(description="cosine between query and photo, from -1 to 1")
    photo_url: str = Field(description="path of the photo on this server, percent-encoded")
    thumbnail_url: str = Field(description="path of its thumbnail, percent-encoded")
    metadata: dict[str, Any] = Field(description="what was stored beside the photo when the gallery was built")


class SearchAnswer(_Answer):
    """Photos ranked by likeness to a sketch."""

    model: ModelIdentity
    gallery: GalleryIdentity
    timings_ms: SearchTimings
    results: list[PhotoResult] = Field(description="best first")


class SimilarAnswer(_Answer):
    """Photos ranked by likeness to another photo, which is left out itself."""

    model: ModelIdentity
    gallery: GalleryIdentity
    timings_ms: SimilarTimings
    results: list[PhotoResult] = Field(description="best first")


class BatchResult(_Answer):
    """The answer for one sketch of a batch."""

    index: int = Field(ge=0, description="which of the sketches, in the order they were sent")
    timings_ms: SearchTimings
    results: list[PhotoResult] = Field(description="best first")


class BatchError(_Answer):
    """The refusal of one sketch of a batch; the others are answered all the same."""

    index: int = Field(ge=0, description="which of the sketches, in the order they were sent")
    error: ErrorDetail


class BatchTimings(_Answer):
    """Milliseconds spent on the whole batch."""

    total: Milliseconds


class BatchAnswer(_Answer):
    """One answer for each sketch, in the order they were sent, all from the same generation."""

    model: ModelIdentity
    gallery: GalleryIdentity
    timings_ms: BatchTimings
    answers: list[BatchResult | BatchError]


class AliveAnswer(_Answer):
    """The process is running."""

    status: Literal["ok"] = "ok"


class ReadyAnswer(_Answer):
    """A sketch has just been encoded and searched for."""

    status: Literal["ready"] = "ready"
    gallery: GalleryIdentity
    timings_ms: SearchTimings


class FeedbackAnswer(_Answer):
    """A drawing was marked as meaning a photo."""

    kept: bool = Field(description="false when the same drawing was kept for the same photo before")


class ServiceInfo(_Answer):
    """This process and what it runs on."""

    version: str = Field(description="of this project")
    python: str
    libraries: dict[str, str] = Field(description="library -> version")
    uptime_seconds: float = Field(ge=0)


class ModelInfo(ModelIdentity):
    """The encoder bundle."""

    embedding_dim: int = Field(ge=1)
    image_size_px: int = Field(ge=1, description="side of the encoder's square input")
    arithmetic: str = Field(description="what matrix products multiply: the precision, or uint8 where int8 is inexact")
    info: dict[str, Any] = Field(description="where and how it was trained and its measured accuracy")


class ColumnInfo(_Answer):
    """A column of the photos' metadata, for filters such as `price>=10`."""

    name: str = Field(examples=["brand"])
    type: Literal["number", "boolean", "text"]
    photos: int = Field(ge=0, description="how many photos have a value")
    values: dict[str, int] | None = Field(description="value -> photos, the most frequent first; null for many values")
    minimum: float | None = Field(description="of a column of numbers")
    maximum: float | None = Field(description="of a column of numbers")


class GalleryInfo(GalleryIdentity):
    """The gallery being served."""

    dimension: int = Field(ge=1)
    index_device: str = Field(
        description="where it is searched: cpu, cuda (filtered searches run on the CPU) or milvus", examples=["cpu"]
    )
    problem: str | None = Field(description="why a newer generation is not being served; null when all is well")
    columns: list[ColumnInfo] = Field(description="what searches can be filtered by")


class Limits(_Answer):
    """The limits of a request."""

    formats: list[str] = Field(examples=[["PNG", "JPEG", "WEBP"]])
    default_k: int
    max_k: int
    max_upload_bytes: int
    max_pixels: int
    max_batch_sketches: int
    max_batch_bytes: int


class InfoAnswer(_Answer):
    """The running service, its encoder, its gallery and its limits."""

    service: ServiceInfo
    model: ModelInfo
    gallery: GalleryInfo
    key: str | None = Field(description="name of the API key that asked; null where none is needed")
    limits: Limits
    feedback: bool = Field(description="whether a drawing is kept when a person marks a photo as the one they meant")


_ERROR_MEANINGS = {
    400: "the file is empty or damaged, or the body cannot be read",
    401: "the service asks for an API key, and there is none or a wrong one",
    403: "the API key is not one for this, or the page of another site asks",
    404: "there is no such photo",
    408: "the request came too slowly; the connection is closed",
    409: "the photo's file has changed since it was indexed",
    413: "the upload has too many bytes or the image too many pixels",
    415: "not an image of an accepted format, or not a multipart form",
    416: "the range lies outside the file",
    422: "the sketch is blank, or a parameter or filter is missing, unknown or out of range",
    429: "too many requests from this address or with this key; Retry-After says when to come back",
    500: "the service failed; the log has the details under the request id of the answer",
    503: "more is waiting or coming in than can be answered soon, or nothing can be; Retry-After says when to retry",
    507: "the folder for feedback is full",
}


def documented_errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that can answer with these errors."""
    return {status: {"model": ErrorAnswer, "description": _ERROR_MEANINGS[status]} for status in statuses}
