"""The routes that send photos and thumbnails, with validators for caches and byte ranges. Ids only, never paths."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.types import Receive, Scope, Send

from service.http.errors import Refusal
from service.routes.schemas import documented_errors
from service.routes.state import PHOTO_ID, PhotoId, ServingNow
from service.search.photo_files import OpenPhoto, PhotoFiles

# A photo may be replaced under the same id, so a cache may use its copy for an hour and must then ask by ETag.
_CACHE_CONTROL = "public, max-age=3600, stale-while-revalidate=86400"
_RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))")
_IMAGE: dict[int | str, dict[str, Any]] = {
    200: {"description": "the image", "content": {"image/*": {}}},
    304: {"description": "the image has not changed since the ETag in If-None-Match"},
}
_PART: dict[int | str, dict[str, Any]] = {206: {"description": "the requested range", "content": {"image/*": {}}}}

router = APIRouter(tags=["photos"])


class PhotoResponse(Response):
    """A photo or a part of it. The first bytes are read before the head is sent, so that a failure has a status."""

    def __init__(self, files: PhotoFiles, photo: OpenPhoto, part: range | None, **more: Any) -> None:  # noqa: ANN401
        """Takes an open photo, which is closed when the answer ends.

        Args:
            files: reads it.
            photo: the photo.
            part: the bytes to send; None for all.
            more: of Response.
        """
        super().__init__(status_code=206 if part else 200, **more)
        self._files = files
        self._photo = photo
        self._part = part or range(photo.size)
        self.headers["accept-ranges"] = "bytes"
        self.headers["content-length"] = str(len(self._part))
        if part:
            self.headers["content-range"] = f"bytes {part.start}-{part.stop - 1}/{photo.size}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  as Starlette calls it
        """Sends it."""
        position, stop = self._part.start, self._part.stop
        try:
            data = await self._files.read(self._photo, position, stop)
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if scope["method"] == "HEAD":
                position = stop = len(data)
            while position + len(data) < stop:
                await send({"type": "http.response.body", "body": data, "more_body": True})
                position += len(data)
                data = await self._files.read(self._photo, position, stop)
            await send({"type": "http.response.body", "body": data})
        finally:
            self._files.release(self._photo)


@router.head(f"/photos/{PHOTO_ID}", include_in_schema=False)
@router.get(
    f"/photos/{PHOTO_ID}",
    summary="A photo, as it is on disk",
    response_class=Response,
    responses={
        **_IMAGE,
        **_PART,
        **documented_errors(401, 404, 409, 416, 429, 500, 503),
        "default": {"description": "any other error"},
    },
)
async def photo(request: Request, serving: ServingNow, photo_id: PhotoId) -> Response:
    """The ETag is the photo's content hash; byte ranges are supported."""
    item = await serving.look_up(lambda: serving.engine.photo(photo_id))
    headers = _caching_headers(item.content_sha256)
    if _client_has(request, headers):
        return _not_modified(headers)
    opened = await serving.photo_files.open(photo_id, item.path, item.content_sha256)
    try:
        part = _asked_part(request, opened.size, headers["ETag"])
    except Refusal:
        serving.photo_files.release(opened)
        raise
    return PhotoResponse(serving.photo_files, opened, part, media_type=item.media_type, headers=headers)


@router.head(f"/thumbnails/{PHOTO_ID}", include_in_schema=False)
@router.get(
    f"/thumbnails/{PHOTO_ID}",
    summary="A small version of a photo",
    response_class=Response,
    responses={**_IMAGE, **documented_errors(401, 404, 429, 500, 503), "default": {"description": "any other error"}},
)
async def thumbnail(request: Request, serving: ServingNow, photo_id: PhotoId) -> Response:
    """About 256 pixels on the longer side, made when the gallery was built."""
    data = await serving.look_up(lambda: serving.engine.thumbnail(photo_id))
    headers = _caching_headers(hashlib.sha256(data).hexdigest())
    if _client_has(request, headers):
        return _not_modified(headers)
    return Response(data, media_type=_thumbnail_type(data), headers=headers)


def _asked_part(request: Request, size: int, etag: str) -> range | None:
    """Returns the bytes that one Range in bytes asks for; other forms are answered with the whole photo."""
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if not asked or request.headers.get("if-range", etag) != etag:
        return None
    first, last, from_end = asked.groups()
    if from_end:
        part = range(max(0, size - int(from_end)), size)
    else:
        part = range(int(first), min(int(last) + 1, size) if last else size)
        if last and int(last) < int(first):
            return None
    if not part:
        text = f"The Range header asks for bytes that the photo does not have; ask for a part of its {size} bytes."
        raise Refusal(416, "range_not_satisfiable", text, headers={"Content-Range": f"bytes */{size}"})
    return part


def _caching_headers(content_sha256: str) -> dict[str, str]:
    return {"ETag": f'"{content_sha256}"', "Cache-Control": _CACHE_CONTROL}


def _client_has(request: Request, headers: Mapping[str, str]) -> bool:
    known = request.headers.get("if-none-match", "")
    tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
    return "*" in tags or headers["ETag"] in tags


def _not_modified(headers: Mapping[str, str]) -> Response:
    return Response(status_code=304, headers=headers)


def _thumbnail_type(data: bytes) -> str:
    return "image/webp" if data[:4] == b"RIFF" else "image/jpeg"
