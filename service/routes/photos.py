"""The routes that send photos and thumbnails, with validators for caches and byte ranges. Ids only, never paths."""

import hashlib
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send

from service.http.errors import Refusal
from service.routes.schemas import documented_errors
from service.routes.state import PHOTO_ID, PhotoId, ServingNow
from service.search.engine import SearchEngine
from service.search.errors import PhotoFileMissingError

# A photo may be replaced under the same id, so a cache may use its copy for an hour and must then ask by ETag.
_CACHE_CONTROL = "public, max-age=3600, stale-while-revalidate=86400"
_IMAGE: dict[int | str, dict[str, Any]] = {
    200: {"description": "the image", "content": {"image/*": {}}},
    304: {"description": "the image has not changed since the ETag in If-None-Match"},
}
_PART: dict[int | str, dict[str, Any]] = {206: {"description": "the requested range", "content": {"image/*": {}}}}

router = APIRouter(tags=["photos"])


class PhotoResponse(FileResponse):
    """A file whose refusal of a Range header has the form of all other errors."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the file or a part of it."""

        async def send_unless_refused(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in (400, 416):
                size = self.headers["content-length"]
                text = (
                    f"The Range header asks for bytes that the photo does not have; ask for a part of its {size} bytes."
                )
                raise Refusal(416, "range_not_satisfiable", text, headers={"Content-Range": f"bytes */{size}"})
            await send(message)

        await super().__call__(scope, receive, send_unless_refused)


@router.head(f"/photos/{PHOTO_ID}", include_in_schema=False)
@router.get(
    f"/photos/{PHOTO_ID}",
    summary="A photo, as it is on disk",
    response_class=PhotoResponse,
    responses={
        **_IMAGE,
        **_PART,
        **documented_errors(401, 404, 416, 429, 500, 503),
        "default": {"description": "any other error"},
    },
)
async def photo(request: Request, serving: ServingNow, photo_id: PhotoId) -> Response:
    """The ETag is the photo's content hash; byte ranges are supported."""
    response = await serving.look_up(lambda: _photo_response(serving.engine, photo_id))
    return _not_modified(response) if _client_has(request, response) else response


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
    response = Response(data, media_type=_thumbnail_type(data), headers=headers)
    return _not_modified(response) if _client_has(request, response) else response


def _photo_response(engine: SearchEngine, photo_id: str) -> PhotoResponse:
    item = engine.photo(photo_id)
    try:
        stat_result = Path(item.path).stat()
    except OSError as error:
        raise PhotoFileMissingError(photo_id) from error
    headers = _caching_headers(item.content_sha256)
    return PhotoResponse(item.path, media_type=item.media_type, headers=headers, stat_result=stat_result)


def _caching_headers(content_sha256: str) -> dict[str, str]:
    return {"ETag": f'"{content_sha256}"', "Cache-Control": _CACHE_CONTROL}


def _client_has(request: Request, response: Response) -> bool:
    known = request.headers.get("if-none-match", "")
    tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
    return "*" in tags or response.headers["etag"] in tags


def _not_modified(response: Response) -> Response:
    kept = {name: response.headers[name] for name in ("etag", "cache-control")}
    return Response(status_code=304, headers=kept)


def _thumbnail_type(data: bytes) -> str:
    return "image/webp" if data[:4] == b"RIFF" else "image/jpeg"
