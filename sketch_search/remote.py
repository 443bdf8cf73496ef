"""A gallery behind a running service: the same search, over HTTP."""

import io
import json
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Sequence
from os import PathLike
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from index_builder.gallery.interface import Hit
from model.errors import SketchSearchError
from sketch_search.encoder import ImageLike, image_of, read_file

_TIMEOUT_SECONDS = 60


class RemoteGallery:
    """What a service serves: each search sees the generation that is current then."""

    def __init__(self, url: str, *, api_key: str | None = None) -> None:
        """Takes the address of a service, such as http://127.0.0.1:8000; nothing is sent yet."""
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}

    def search(self, sketch: ImageLike | NDArray[np.float32], k: int = 10, filters: Sequence[str] = ()) -> list[Hit]:
        """Finds the photos that a sketch shows, as `Gallery.search` does; a service takes images only.

        Raises:
            SketchSearchError: the service cannot be reached or refuses the search, or an embedding was given.
        """
        chosen = [filters] if isinstance(filters, str) else filters
        fields = [("k", str(k)), *(("filter", each) for each in chosen)]
        body, content_type = _form(fields, _file(sketch))
        answer = json.loads(self._ask("/search", body, {"Content-Type": content_type}))
        return [Hit(each["photo_id"], each["metadata"], each["score"]) for each in answer["results"]]

    def thumbnail(self, photo_id: str) -> bytes | None:
        """A small JPEG or WebP of a photo; None for an unknown id."""
        try:
            return self._ask("/thumbnails/" + urllib.parse.quote(photo_id))
        except _NotFoundError:
            return None

    def close(self) -> None:
        """Holds nothing."""

    def __enter__(self) -> "RemoteGallery":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
        request = urllib.request.Request(self._url + path, body, self._headers | (headers or {}))  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            kind = _NotFoundError if error.code == 404 else SketchSearchError
            raise kind(f"The service at {self._url} refused: {_message(error)}") from error
        except OSError as error:
            raise SketchSearchError(
                f"The service at {self._url} cannot be reached ({error}); start it with `sketch-search serve`."
            ) from error


class _NotFoundError(SketchSearchError):
    pass


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["error"]["message"])
    except (ValueError, KeyError, TypeError, OSError):
        return f"{error.code} {error.reason}"


def _file(sketch: ImageLike | NDArray[np.float32]) -> bytes:
    if isinstance(sketch, str | PathLike):
        return read_file(sketch)
    if isinstance(sketch, bytes):
        return sketch
    if isinstance(sketch, np.ndarray) and sketch.dtype == np.float32:
        raise SketchSearchError("A service searches by images, not by embeddings; give the drawing itself.")
    stream = io.BytesIO()
    _savable(image_of(cast("Image.Image | NDArray[np.uint8]", sketch))).save(stream, "PNG")
    return stream.getvalue()


def _savable(image: Image.Image) -> Image.Image:
    return image if image.mode in ("1", "L", "LA", "P", "RGB", "RGBA") else image.convert("RGB")


def _form(fields: Sequence[tuple[str, str]], file: bytes) -> tuple[bytes, str]:
    """A form of text fields and the file `sketch`, with its content type."""
    border = uuid.uuid4().hex
    parts = [_part(border, f'name="{name}"', value.encode()) for name, value in fields]
    parts.append(_part(border, 'name="sketch"; filename="sketch"', file))
    return b"".join(parts) + f"--{border}--\r\n".encode(), f"multipart/form-data; boundary={border}"


def _part(border: str, what: str, content: bytes) -> bytes:
    return f"--{border}\r\nContent-Disposition: form-data; {what}\r\n\r\n".encode() + content + b"\r\n"
