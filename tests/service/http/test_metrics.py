import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from model.version import __version__
from service.app import create_app
from service.search.engine import SearchEngine
from service.search.live_gallery import LiveGallery
from service.settings import Settings

Labels = dict[str, str]


def samples(client: TestClient) -> dict[str, list[tuple[Labels, float]]]:
    """What a scrape says: name -> (labels, value)."""
    found: dict[str, list[tuple[Labels, float]]] = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def value(client: TestClient, name: str, **labels: str) -> float:
    return sum(number for given, number in samples(client).get(name, []) if labels.items() <= given.items())


def test_the_answer_is_text_that_prometheus_reads(client: TestClient) -> None:
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    names = set(samples(client))
    assert {"process_resident_memory_bytes", "process_open_fds", "python_info", "python_gc_collections_total"} <= names
    own = {name for name in names if not name.startswith(("process_", "python_"))}
    assert all(name.startswith("sketch_search_") for name in own)


def test_requests_are_counted_by_template_method_and_status(client: TestClient) -> None:
    for path in ("/photos/shapes/star-dotted", "/photos/shapes/house-plain", "/photos/nothing"):
        client.get(path)
    name, route = "sketch_search_requests_total", "/photos/{photo_id:text}"
    assert value(client, name, route=route, method="GET", status="200") == 2
    assert value(client, name, route=route, method="GET", status="404") == 1
    assert value(client, "sketch_search_request_seconds_count", route=route, method="GET") == 3
    assert value(client, "sketch_search_request_seconds_bucket", route=route, le="+Inf") == 3


def test_each_stage_of_each_search_is_timed(client: TestClient, sketch: Callable[[str], bytes]) -> None:
    timings = client.post("/search", files={"sketch": sketch("star-plain")}).json()["timings_ms"]
    client.post("/search/batch", files=[("sketches", sketch("star-plain"))] * 3)
    client.get("/similar/shapes/star-dotted")
    counted = {labels["stage"]: n for labels, n in samples(client)["sketch_search_stage_seconds_count"]}
    assert counted == {"decode": 4, "prepare": 4, "wait": 4, "encode": 4, "search": 5}
    spent = value(client, "sketch_search_stage_seconds_sum", stage="encode")
    assert spent >= timings["encode"] / 1000 * 0.99


def test_refusals_are_counted_by_reason_also_within_a_batch(client: TestClient, sketch: Callable[[str], bytes]) -> None:
    client.post("/search", files={"sketch": b"no image"})
    client.post("/search", content=bytes(5_000_000), headers={"content-type": "multipart/form-data; boundary=x"})
    client.post("/search/batch", files=[("sketches", b"no image"), ("sketches", sketch("star-plain"))])
    reasons = {labels["reason"]: n for labels, n in samples(client)["sketch_search_refused_total"]}
    assert reasons == {"not_an_image": 2, "upload_too_large": 1}


def test_the_services_own_failure_is_a_status_and_no_refusal(
    client: TestClient, engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "similar", lambda *_, **__: 1 / 0)
    client.get("/similar/shapes/star-dotted")
    assert value(client, "sketch_search_requests_total", status="500") == 1
    assert "sketch_search_refused_total" not in samples(client)


def test_what_a_client_invents_makes_no_new_series(client: TestClient) -> None:
    def series() -> set[str]:
        return {f"{name} {labels}" for name, found in samples(client).items() for labels, _ in found}

    def probe(number: int) -> None:
        client.get(f"/unknown-{number}")
        client.get(f"/page/unknown-{number}.js")
        client.get(f"/photos/unknown-{number}")
        client.get(f"/similar/unknown-{number}?k=1&x{number}=1")
        client.request(f"VERB{number}", "/search")
        client.request(f"VERB{number}", f"/unknown-{number}")
        client.post("/search", files={f"field{number}": b"x"})

    probe(0)
    series()
    before = series()
    for number in range(1, 10):
        probe(number)
    assert series() == before
    assert value(client, "sketch_search_requests_total", route="unmatched") == 20
    assert value(client, "sketch_search_requests_total", route="/page") == 10
    assert value(client, "sketch_search_requests_total", method="other") == 20


def test_gallery_provider_and_version_are_those_of_the_engine(client: TestClient, engine: SearchEngine) -> None:
    found = samples(client)
    with engine.gallery.lease() as gallery:
        assert found["sketch_search_gallery_size"] == [({}, 24.0)]
        assert found["sketch_search_gallery_generation_info"] == [({"generation": gallery.generation}, 1.0)]
    expected = {"provider": "FakeExecutionProvider", "precision": "fp32"}
    assert found["sketch_search_provider_info"] == [(expected, 1.0)]
    assert found["sketch_search_index_device_info"] == [({"device": "cpu"}, 1.0)]
    assert found["sketch_search_build_info"] == [({"version": __version__}, 1.0)]


def test_a_generation_that_cannot_be_served_raises_a_flag(
    client: TestClient, engine: SearchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert value(client, "sketch_search_gallery_refused") == 0
    monkeypatch.setattr(LiveGallery, "problem", "Generation 7 cannot be served.")
    assert value(client, "sketch_search_gallery_refused") == 1


def test_requests_in_flight_are_those_not_answered_yet(
    client: TestClient, engine: SearchEngine, monkeypatch: pytest.MonkeyPatch, sketch: Callable[[str], bytes]
) -> None:
    encode, started, release = engine.encoder.encode, threading.Event(), threading.Event()

    def slow(images: object) -> object:
        started.set()
        release.wait(20)
        return encode(images)  # type: ignore[arg-type]

    monkeypatch.setattr(engine.encoder, "encode", slow)
    search = threading.Thread(target=lambda: client.post("/search", files={"sketch": sketch("star-plain")}))
    search.start()
    try:
        assert started.wait(20)
        assert value(client, "sketch_search_requests_in_flight") == 2  # the search, and the scrape itself
    finally:
        release.set()
        search.join()
    assert value(client, "sketch_search_requests_in_flight") == 1


def test_two_apps_in_one_process_count_apart(settings: Settings, engine: SearchEngine) -> None:
    with TestClient(create_app(settings, engine=engine)) as one, TestClient(create_app(settings, engine=engine)) as two:
        one.get("/healthz")
        assert value(one, "sketch_search_requests_total", route="/healthz") == 1
        assert value(two, "sketch_search_requests_total", route="/healthz") == 0


def test_a_setting_switches_the_route_off(engine: SearchEngine) -> None:
    with TestClient(create_app(Settings(metrics=False), engine=engine)) as client:
        assert client.get("/metrics").status_code == 404
        assert "/metrics" not in client.get("/openapi.json").json()["paths"]


def test_the_page_of_operations_names_every_metric_and_no_other(
    client: TestClient, sketch: Callable[[str], bytes]
) -> None:
    client.post("/search", files={"sketch": sketch("star-plain")})
    client.get("/photos/nothing")
    counted = [name for name in samples(client) if not name.endswith("_created")]  # the service switches those off
    exposed = {re.sub(r"_(bucket|sum|count)$", "", name) for name in counted}
    exposed.add("sketch_search_key_requests_total")  # only where there are keys: tests/service/access reads it
    page = (Path(__file__).parents[3] / "docs" / "OPERATIONS.md").read_text(encoding="utf-8")
    named = {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"sketch_search_[a-z_]+", page)}
    assert named == {name for name in exposed if name.startswith("sketch_search_")}
