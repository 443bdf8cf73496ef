import io
import struct
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from fastapi.testclient import TestClient
from PIL import Image

Sketch = Callable[[str], bytes]
RENAMED = {"circle-dotted": "Möbel & Söhne/100 % 丸?#;+", "star-plain": "shapes/%2e%2e%2f\nstar\n"}  # as in conftest


def png(width: int, height: int, *, colour: str = "white") -> bytes:
    stream = io.BytesIO()
    Image.new("L", (width, height), colour).save(stream, "PNG")
    return stream.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that announces a size and holds almost nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def in_format(data: bytes, name: str) -> bytes:
    stream = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("RGB").save(stream, name)
    return stream.getvalue()


def star() -> bytes:
    stream = io.BytesIO()
    image = Image.new("L", (64, 64), 255)
    image.paste(0, (10, 10, 50, 14))
    image.save(stream, "PNG")
    return stream.getvalue()


def sent(data: bytes, **fields: str) -> dict[str, Any]:
    return {"files": {"sketch": data}, "data": fields}


MULTIPART = {"content-type": "multipart/form-data"}
BAD_SEARCHES: dict[str, tuple[dict[str, Any], int, str, str]] = {
    "not an image": (sent(b"hello, world" * 20), 415, "not_an_image", "PNG"),
    "a 0-byte file": (sent(b""), 400, "empty_file", "empty"),
    "a truncated PNG": (sent(star()[:-30]), 400, "damaged_image", "damaged or cut short"),
    "a truncated JPEG": (sent(in_format(star(), "JPEG")[:300]), 400, "damaged_image", "damaged or cut short"),
    "only the PNG signature": (sent(star()[:8]), 415, "not_an_image", "not an image"),
    "a GIF": (sent(in_format(star(), "GIF")), 415, "unsupported_format", "GIF"),
    "a BMP named .png": ({"files": {"sketch": ("a.png", in_format(star(), "BMP"))}}, 415, "unsupported_format", "BMP"),
    "20,000 × 20,000 pixels": (sent(png_header(20_000, 20_000)), 413, "image_too_large", "pixels"),
    "just too many pixels": (sent(png(2001, 2000)), 413, "image_too_large", "2,001 × 2,000"),
    "too many bytes": (sent(bytes(250_000)), 413, "upload_too_large", "200,000 bytes"),
    "far too many bytes": (sent(bytes(5_000_000)), 413, "upload_too_large", "than 200,000 bytes"),
    "a blank page": (sent(png(200, 200)), 422, "blank_sketch", "blank"),
    "a black page": (sent(png(200, 200, colour="black")), 422, "blank_sketch", "blank"),
    "k of 0": (sent(star(), k="0"), 422, "invalid_parameter", "k is '0'; expected a whole number from 1 to 100."),
    "k of a million": (sent(star(), k="1000000"), 422, "invalid_parameter", "from 1 to 100"),
    "k that is no number": (sent(star(), k="abc"), 422, "invalid_parameter", "k is 'abc'"),
    "k with decimals": (sent(star(), k="2.5"), 422, "invalid_parameter", "whole number"),
    "k of 5,000 digits": (sent(star(), k="9" * 5000), 422, "invalid_parameter", "whole number"),
    "min_score above 1": (sent(star(), min_score="1.01"), 422, "invalid_parameter", "a number from -1 to 1"),
    "min_score of nan": (sent(star(), min_score="nan"), 422, "invalid_parameter", "min_score is"),
    "a misspelt field": (
        sent(star(), top_k="5"),
        422,
        "unknown_parameter",
        "form field 'top_k'; use sketch, k, min_score",
    ),
    "a field in the query": ({**sent(star()), "params": {"k": "5"}}, 422, "unknown_parameter", "form fields"),
    "two sketches": ({"files": [("sketch", star())] * 2}, 422, "repeated_field", "2 times"),
    "no sketch": ({"files": {"drawing": star()}}, 422, "missing_sketch", "field sketch is missing"),
    "a sketch as text": ({"data": {"sketch": "a star"}, "files": {"x": b""}}, 422, "invalid_parameter", "sketch is"),
    "JSON": ({"json": {"sketch": "a star"}}, 415, "unsupported_content_type", "'application/json'"),
    "a bare PNG": (
        {"content": star(), "headers": {"content-type": "image/png"}},
        415,
        "unsupported_content_type",
        "png",
    ),
    "a urlencoded form": ({"data": {"sketch": "a star"}}, 415, "unsupported_content_type", "multipart/form-data"),
    "no body at all": ({}, 415, "unsupported_content_type", "The request names no content type; expected"),
    "no boundary": ({"content": star(), "headers": MULTIPART}, 400, "malformed_body", "boundary"),
    "a broken body": (
        {"content": b"rubbish", "headers": {"content-type": "multipart/form-data; boundary=x"}},
        400,
        "malformed_body",
        "could not be read",
    ),
    "an exotic charset": (
        {
            "content": b'--x\r\nContent-Disposition: form-data; name="\\ud800"\r\n\r\n1\r\n--x--\r\n',
            "headers": {"content-type": "multipart/form-data; charset=unicode_escape; boundary=x"},
        },
        422,
        "missing_sketch",
        "missing",
    ),
}


def assert_one_sentence(message: str) -> None:
    assert message.endswith(".")
    assert ". " not in message
    assert "Traceback" not in message
    assert len(message) < 300


def assert_refused(response: Any, status: int, code: str, fragment: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert list(response.json()) == ["error"]
    error = response.json()["error"]
    assert error["code"] == code, error
    assert fragment in error["message"]
    assert_one_sentence(error["message"])


@pytest.mark.parametrize("name", BAD_SEARCHES)
def test_a_search_that_cannot_be_answered_is_refused_with_one_clear_sentence(client: TestClient, name: str) -> None:
    arguments, status, code, fragment = BAD_SEARCHES[name]
    start = time.perf_counter()
    assert_refused(client.post("/search", **arguments), status, code, fragment)
    assert time.perf_counter() - start < 20, "it hung"


def test_a_sketch_finds_its_photo_first(client: TestClient, sketch: Sketch) -> None:
    answer = client.post("/search", files={"sketch": sketch("house-dotted")}, data={"k": "3"}).json()
    assert [photo["rank"] for photo in answer["results"]] == [1, 2, 3]
    assert answer["results"][0]["photo_id"] == "shapes/house-dotted"
    scores = [photo["score"] for photo in answer["results"]]
    assert scores == sorted(scores, reverse=True)
    assert 0.9 < scores[0] <= 1.0001


def test_an_answer_says_which_model_and_gallery_it_came_from_and_where_the_time_went(
    client: TestClient, sketch: Sketch
) -> None:
    response = client.post("/search", files={"sketch": sketch("house-plain")})
    answer = response.json()
    assert list(answer) == ["model", "gallery", "timings_ms", "results"]
    assert answer["model"]["name"] == "fake"
    assert len(answer["model"]["fingerprint"]) == 12
    assert answer["gallery"]["size"] == 24
    stages = answer["timings_ms"]
    assert list(stages) == ["decode", "prepare", "wait", "encode", "search", "total"]
    assert sum(stages.values()) - stages["total"] <= stages["total"]
    assert response.headers["server-timing"].startswith("decode;dur=")
    assert len(answer["results"]) == 12
    assert answer["results"][0]["metadata"] == {"shape": "house", "price": 12.5}


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
def test_each_accepted_format_finds_the_same_photo(client: TestClient, sketch: Sketch, file_format: str) -> None:
    data = in_format(sketch("zigzag-striped"), file_format)
    answer = client.post("/search", files={"sketch": ("anything.txt", data, "text/plain")}).json()
    assert answer["results"][0]["photo_id"] == "shapes/zigzag-striped"


def test_k_above_the_size_of_the_gallery_returns_every_photo_once(client: TestClient, sketch: Sketch) -> None:
    results = client.post("/search", files={"sketch": sketch("star-plain")}, data={"k": "100"}).json()["results"]
    assert len({photo["photo_id"] for photo in results}) == len(results) == 24


def test_min_score_leaves_out_photos_that_score_lower(client: TestClient, sketch: Sketch) -> None:
    form = {"k": "100", "min_score": "0.5"}
    results = client.post("/search", files={"sketch": sketch("star-plain")}, data=form).json()["results"]
    assert 1 <= len(results) < 24
    assert all(photo["score"] >= 0.5 for photo in results)


def test_ids_of_any_characters_come_back_through_the_urls_of_the_answer(live_service: str, sketch: Sketch) -> None:
    # Over a socket: the test client decodes a path twice.
    with httpx2.Client(base_url=live_service) as client:
        for name, photo_id in RENAMED.items():
            first = client.post("/search", files={"sketch": sketch(name)}).json()["results"][0]
            assert first["photo_id"] == photo_id
            assert client.get(first["photo_url"]).headers["content-type"] == "image/jpeg"
            assert client.get(first["thumbnail_url"]).headers["content-type"] == "image/jpeg"
            similar = client.get(f"/similar/{quote(photo_id, safe='')}").json()["results"]
            assert similar[0]["photo_id"] != photo_id


def test_similar_leaves_out_the_photo_itself_and_ranks_the_rest(client: TestClient) -> None:
    answer = client.get("/similar/shapes/star-dotted", params={"k": 100}).json()
    ids = [photo["photo_id"] for photo in answer["results"]]
    assert len(ids) == 23
    assert "shapes/star-dotted" not in ids
    assert all("star" in photo_id for photo_id in ids[:2])
    assert list(answer["timings_ms"]) == ["search", "total"]


@pytest.mark.parametrize(
    ("query", "code"), [("k=0", "invalid_parameter"), ("k=x", "invalid_parameter"), ("limit=3", "unknown_parameter")]
)
def test_similar_refuses_parameters_it_cannot_use(client: TestClient, query: str, code: str) -> None:
    assert_refused(client.get(f"/similar/shapes/star-dotted?{query}"), 422, code, "")


@pytest.mark.parametrize(
    "path",
    [
        "nothing",
        "",
        "../etc/passwd",
        "..%2F..%2Fetc%2Fpasswd",
        "%2Fetc%2Fpasswd",
        "a%00b",
        "%F0%9F%A6%84",
        "%FF%FE",
        "x" * 3000,
    ],
)
@pytest.mark.parametrize("route", ["similar", "photos", "thumbnails"])
def test_an_id_that_is_not_in_the_gallery_is_unknown_whatever_it_looks_like(
    client: TestClient, route: str, path: str
) -> None:
    response = client.get(f"/{route}/{path}")
    assert response.status_code == 404
    assert response.json()["error"]["code"] in ("unknown_photo", "not_found")
    assert_one_sentence(response.json()["error"]["message"])


def test_a_batch_answers_each_sketch_and_reports_those_it_cannot_use(client: TestClient, sketch: Sketch) -> None:
    files = [("sketches", sketch("arrow-plain")), ("sketches", b"no image"), ("sketches", png(90, 90))]
    answer = client.post("/search/batch", files=files, data={"k": "2"}).json()
    first, second, third = answer["answers"]
    assert [entry["index"] for entry in answer["answers"]] == [0, 1, 2]
    assert first["results"][0]["photo_id"] == "shapes/arrow-plain"
    assert len(first["results"]) == 2
    assert second["error"]["code"] == "not_an_image"
    assert third["error"]["code"] == "blank_sketch"
    assert answer["gallery"]["size"] == 24


def test_a_batch_ranks_as_single_searches_do(client: TestClient, sketch: Sketch) -> None:
    batch = client.post("/search/batch", files=[("sketches", sketch("cross-plain"))]).json()["answers"][0]
    single = client.post("/search", files={"sketch": sketch("cross-plain")}).json()
    assert batch["results"] == single["results"]


@pytest.mark.parametrize(
    ("files", "status", "code"),
    [
        ([("sketches", star())] * 5, 422, "too_many_sketches"),
        ([("sketch", star())], 422, "missing_sketches"),
        ([("sketches", bytes(150_000))] * 3, 413, "upload_too_large"),
        ([("sketches", bytes(250_000))], 413, "upload_too_large"),
    ],
)
def test_a_batch_beyond_its_limits_is_refused(
    client: TestClient, files: list[tuple[str, bytes]], status: int, code: str
) -> None:
    assert_refused(client.post("/search/batch", files=files), status, code, "")


def test_concurrent_searches_do_not_mix_their_answers(client: TestClient, sketch: Sketch) -> None:
    names = ["house-plain", "arrow-dotted", "cross-striped", "zigzag-plain"] * 4

    def first(name: str) -> str:
        results = client.post("/search", files={"sketch": sketch(name)}).json()["results"]
        return str(results[0]["photo_id"])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(first, names)) == [f"shapes/{name}" for name in names]


def test_a_filter_keeps_only_photos_whose_metadata_match(client: TestClient, sketch: Callable[[str], bytes]) -> None:
    files = {"sketch": sketch("star-dotted")}
    answer = client.post("/search", files=files, data={"filter": ["shape=house", "price>=12"]}).json()
    assert [photo["photo_id"] for photo in answer["results"]] == ["shapes/house-plain"]
    assert client.post("/search", files=files, data={"filter": "price>13"}).json()["results"] == []
    batch = client.post("/search/batch", files=[("sketches", sketch("star-dotted"))] * 2, data={"filter": "price<13"})
    assert [len(each["results"]) for each in batch.json()["answers"]] == [1, 1]
    similar = client.get("/similar/shapes/star-dotted", params={"filter": "shape=house"}).json()
    assert [photo["photo_id"] for photo in similar["results"]] == ["shapes/house-plain"]
    assert client.get("/similar/shapes/house-plain", params={"filter": "shape=house"}).json()["results"] == []


@pytest.mark.parametrize("wrong", ["shap=house", "price>=cheap", "shape>house", "price", ""])
def test_a_wrong_filter_is_refused_with_a_sentence_on_every_route(
    client: TestClient, sketch: Callable[[str], bytes], wrong: str
) -> None:
    png = sketch("star-dotted")
    for response in (
        client.post("/search", files={"sketch": png}, data={"filter": ["price>1", wrong]}),
        client.post("/search/batch", files=[("sketches", png)], data={"filter": wrong}),
        client.get("/similar/shapes/star-dotted", params={"filter": wrong}),
    ):
        assert response.status_code == 422
        assert response.json()["error"]["code"] == "invalid_filter"
        assert f"The filter {wrong!r}" in response.json()["error"]["message"]


def test_info_lists_the_columns_that_can_be_filtered_by(client: TestClient) -> None:
    price, shape = client.get("/info").json()["gallery"]["columns"]
    assert shape == {
        "name": "shape",
        "type": "text",
        "photos": 1,
        "values": {"house": 1},
        "minimum": None,
        "maximum": None,
    }
    assert (price["type"], price["minimum"], price["maximum"]) == ("number", 12.5, 12.5)
