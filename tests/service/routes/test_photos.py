import hashlib
import io
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from service.app import create_app
from service.search import photo_files
from service.search.engine import SearchEngine
from service.search.errors import PhotoUnavailableError
from service.search.photo_files import OpenPhoto, PhotoFiles
from service.settings import Settings

PHOTO = "/photos/shapes/star-dotted"
THUMBNAIL = "/thumbnails/shapes/star-dotted"


@pytest.fixture
def photo_file(gallery_folder: Path) -> Path:
    return gallery_folder.parent / "photos" / "shapes" / "star-dotted.jpg"


def test_a_photo_is_sent_as_it_is_on_disk_with_its_content_hash_as_etag(client: TestClient, photo_file: Path) -> None:
    response = client.get(PHOTO)
    content = photo_file.read_bytes()
    assert response.content == content
    assert response.headers["content-type"] == "image/jpeg"
    assert response.headers["etag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    assert response.headers["accept-ranges"] == "bytes"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "max-age" in response.headers["cache-control"]


def test_a_thumbnail_is_a_small_jpeg_with_an_etag_of_its_own(client: TestClient) -> None:
    response = client.get(THUMBNAIL)
    assert response.headers["content-type"] == "image/jpeg"
    assert max(Image.open(io.BytesIO(response.content)).size) <= 256
    assert response.headers["etag"] == f'"{hashlib.sha256(response.content).hexdigest()}"'


@pytest.mark.parametrize("path", [PHOTO, THUMBNAIL])
@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_a_client_that_has_the_image_is_told_so_without_a_body(client: TestClient, path: str, form: str) -> None:
    etag = client.get(path).headers["etag"]
    response = client.get(path, headers={"If-None-Match": form.format(etag)})
    assert response.status_code == 304
    assert response.content == b""
    assert response.headers["etag"] == etag


def test_a_client_that_has_another_version_gets_the_photo(client: TestClient) -> None:
    assert client.get(PHOTO, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    ("asked", "part"), [("bytes=0-9", slice(0, 10)), ("bytes=100-", slice(100, None)), ("bytes=-5", slice(-5, None))]
)
def test_a_range_of_a_photo_is_sent_as_partial_content(
    client: TestClient, photo_file: Path, asked: str, part: slice
) -> None:
    response = client.get(PHOTO, headers={"Range": asked})
    assert response.status_code == 206
    assert response.content == photo_file.read_bytes()[part]
    assert response.headers["content-range"].endswith(f"/{photo_file.stat().st_size}")


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0"])
def test_a_range_that_cannot_be_sent_is_refused_like_any_other_error(client: TestClient, asked: str) -> None:
    response = client.get(PHOTO, headers={"Range": asked})
    assert response.status_code == 416
    assert response.json()["error"]["code"] == "range_not_satisfiable"
    assert response.headers["content-range"].startswith("bytes */")


@pytest.mark.parametrize("asked", ["bytes=9-2", "lines=1-2", "bytes=", "rubbish", "bytes=0-1,5-6"])
def test_a_range_of_another_form_is_answered_with_the_whole_photo(client: TestClient, asked: str) -> None:
    response = client.get(PHOTO, headers={"Range": asked})
    assert (response.status_code, response.content) == (200, client.get(PHOTO).content)


def test_a_range_of_another_version_is_answered_with_the_whole_photo(client: TestClient) -> None:
    response = client.get(PHOTO, headers={"Range": "bytes=0-1", "If-Range": '"other"'})
    assert (response.status_code, response.content) == (200, client.get(PHOTO).content)


def _other_photo(path: Path) -> None:
    path.write_bytes((path.parent / "star-striped.jpg").read_bytes())


def _link_to_another_photo(path: Path) -> None:
    path.symlink_to(path.parent / "star-striped.jpg")


@pytest.mark.parametrize(
    "change",
    [_other_photo, _link_to_another_photo, Path.touch, Path.mkdir, os.mkfifo, lambda path: path.write_text("<html>")],
    ids=["another photo", "a link", "empty", "a folder", "a pipe", "a page"],
)
def test_a_file_that_is_not_what_was_indexed_is_not_sent(
    client: TestClient, photo_file: Path, change: Callable[[Path], None]
) -> None:
    assert client.get(PHOTO).status_code == 200
    aside = photo_file.rename(photo_file.with_suffix(".aside"))
    try:
        change(photo_file)
        response = client.get(PHOTO)
    finally:
        photo_file.rmdir() if photo_file.is_dir() else photo_file.unlink()
        aside.rename(photo_file)
    assert response.status_code == 409
    assert response.json()["error"]["code"] == "photo_changed"
    assert client.get(PHOTO).status_code == 200


def test_a_disk_that_hangs_refuses_photos_and_nothing_else(
    settings: Settings, engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = threading.Event()
    monkeypatch.setattr(PhotoFiles, "_open", lambda *_: hanging.wait())
    with TestClient(create_app(settings, engine=engine)) as client:
        client.app.state.serving.photo_files._deadline_seconds = 0.05  # type: ignore[attr-defined]
        for _ in range(12):  # more than there are threads for photos
            response = client.get(PHOTO)
            assert response.status_code == 503
            assert response.json()["error"]["code"] == "photo_unavailable"
            assert response.headers["retry-after"] == "5"
        for path in (THUMBNAIL, "/metrics", "/info", "/readyz", "/similar/shapes/star-dotted"):
            assert client.get(path).status_code == 200
        hanging.set()


def test_a_disk_that_fails_behind_the_head_breaks_the_answer_off_and_counts_as_a_failure(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(client.get(PHOTO).content)
    monkeypatch.setattr(photo_files, "_CHUNK_BYTES", size // 2 + 1)
    read = OpenPhoto.read

    def fail_later(photo: OpenPhoto, start: int, length: int) -> bytes:
        if start:
            raise PhotoUnavailableError(photo.photo_id)
        return read(photo, start, length)

    monkeypatch.setattr(OpenPhoto, "read", fail_later)
    with pytest.raises(RuntimeError, match="response already started"):
        client.get(PHOTO)
    assert 'method="GET",route="/photos/{photo_id:text}",status="500"' in client.get("/metrics").text


def test_head_sends_the_headers_only(client: TestClient, photo_file: Path) -> None:
    for path in (PHOTO, THUMBNAIL):
        response = client.head(path)
        assert response.status_code == 200
        assert response.content == b""
        assert response.headers["etag"] == client.get(path).headers["etag"]
    assert client.head(PHOTO).headers["content-length"] == str(photo_file.stat().st_size)


def test_a_photo_whose_file_is_gone_is_a_404_with_its_own_sentence(client: TestClient, photo_file: Path) -> None:
    aside = photo_file.rename(photo_file.with_suffix(".aside"))
    try:
        response = client.get(PHOTO)
    finally:
        aside.rename(photo_file)
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "photo_file_missing"
    assert "no longer on the server's disk" in response.json()["error"]["message"]
    assert str(photo_file.parent) not in response.text


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_photos_can_only_be_read(client: TestClient, method: str) -> None:
    response = getattr(client, method)(PHOTO)
    assert response.status_code == 405
    assert response.json()["error"]["code"] == "method_not_allowed"
    assert "GET" in response.headers["allow"]
