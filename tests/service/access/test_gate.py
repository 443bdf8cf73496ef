"""Keys, limits, proxies and other sites as a client meets them, through the whole app."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from fastapi.testclient import TestClient
from starlette.datastructures import Headers

from model.errors import SketchSearchError
from service.access import gate
from service.access.api_keys import make_key
from service.access.gate import presented_key
from service.app import create_app
from service.search.engine import SearchEngine
from service.settings import Settings

SEARCH_KEY, SEARCH_KEPT = make_key("shop", "search")
OPERATOR_KEY, OPERATOR_KEPT = make_key("prometheus", "operator")
KEYS = f"{SEARCH_KEPT.entry()},{OPERATOR_KEPT.entry()}"
PHOTO = "/photos/shapes/star-dotted"
Sketch = Callable[[str], bytes]
Open = Callable[..., TestClient]


@pytest.fixture
def open_client(engine: SearchEngine) -> Iterator[Open]:
    """A client of an app with these settings."""
    clients = []

    def begin(address: str = "203.0.113.7", **settings: Any) -> TestClient:
        client = TestClient(create_app(Settings(**settings), engine=engine), client=(address, 50_000))
        clients.append(client)
        return client.__enter__()

    yield begin
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def keyed(open_client: Open) -> TestClient:
    return open_client(api_keys=KEYS)


def search(client: TestClient, sketch: Sketch, **headers: str) -> Any:
    return client.post("/search", files={"sketch": sketch("star-plain")}, headers=headers)


@pytest.mark.parametrize("path", ["/info", PHOTO, "/thumbnails/shapes/star-dotted", "/similar/shapes/star-dotted"])
@pytest.mark.parametrize("headers", [{"Authorization": f"bearer {SEARCH_KEY}"}, {"X-API-Key": OPERATOR_KEY}])
def test_a_key_in_either_header_opens_what_needs_one(keyed: TestClient, path: str, headers: dict[str, str]) -> None:
    refused = keyed.get(path)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == "Bearer"
    assert refused.json()["error"]["code"] == "missing_api_key"
    assert keyed.get(path, headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/openapi.json", "/metrics", "/nothing", "/page", "/session", "/healthz/"])
def test_whatever_is_not_meant_to_be_open_needs_a_key(keyed: TestClient, path: str) -> None:
    assert keyed.get(path).status_code == 401


@pytest.mark.parametrize("path", ["/", "/page/main.js", "/healthz", "/readyz"])
def test_the_page_and_the_probes_need_none(keyed: TestClient, path: str) -> None:
    assert keyed.get(path).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    ["x", SEARCH_KEY[:-1], SEARCH_KEY + "x", SEARCH_KEPT.sha256.hex(), "ü"],
    ids=["short", "shorter", "longer", "hash", "not-ascii"],
)
def test_a_wrong_key_is_refused_and_so_is_the_hash_of_a_right_one(
    keyed: TestClient, sketch: Sketch, wrong: str
) -> None:
    response = keyed.post("/search", files={"sketch": sketch("star-plain")}, headers={"X-API-Key": wrong.encode()})
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "wrong_api_key"
    assert wrong not in response.text or wrong == "x"


def test_only_an_operator_reads_the_metrics_where_there_are_keys(keyed: TestClient) -> None:
    refused = keyed.get("/metrics", headers={"X-API-Key": SEARCH_KEY})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "operators_only")
    text = keyed.get("/metrics", headers={"X-API-Key": OPERATOR_KEY}).text
    assert 'sketch_search_key_requests_total{key="shop"} 1.0' in text
    assert 'sketch_search_refused_total{reason="operators_only"} 1.0' in text


@pytest.mark.parametrize(("metrics", "status"), [("true", 200), ("false", 404)])
def test_metrics_can_be_opened_or_closed_whatever_the_keys(open_client: Open, metrics: str, status: int) -> None:
    client = open_client(api_keys=KEYS, metrics=metrics)
    assert client.get("/metrics", headers={"X-API-Key": OPERATOR_KEY}).status_code == status
    if status == 200:
        assert client.get("/metrics").status_code == 200


@pytest.mark.parametrize(("host", "status"), [("127.0.0.1", 200), ("::1", 200), ("0.0.0.0", 404), ("10.1.2.3", 404)])
def test_without_keys_metrics_are_for_this_machine_alone(open_client: Open, host: str, status: int) -> None:
    assert open_client(host=host).get("/metrics").status_code == status


def test_what_needs_a_key_stays_out_of_shared_caches(keyed: TestClient, open_client: Open) -> None:
    assert keyed.get(PHOTO, headers={"X-API-Key": SEARCH_KEY}).headers["cache-control"].startswith("private, ")
    assert open_client().get(PHOTO).headers["cache-control"].startswith("public, ")


def test_the_page_keeps_a_key_in_a_cookie_that_scripts_and_other_sites_cannot_use(keyed: TestClient) -> None:
    assert keyed.post("/session").status_code == 401
    kept = keyed.post("/session", headers={"Authorization": f"Bearer {SEARCH_KEY}"})
    assert kept.status_code == 204
    assert {"HttpOnly", "SameSite=strict"} <= set(re.split("; ?", kept.headers["set-cookie"]))
    assert keyed.get(PHOTO).status_code == 200
    assert keyed.get("/info").json()["key"] == "shop"
    assert keyed.delete("/session").status_code == 204
    assert keyed.get(PHOTO).status_code == 401


def test_over_tls_the_cookie_never_travels_without(open_client: Open) -> None:
    client = open_client(address="10.0.0.1", api_keys=KEYS, trusted_proxies="10.0.0.0/8")
    headers = {"X-API-Key": SEARCH_KEY, "X-Forwarded-Proto": "https", "X-Forwarded-For": "1.2.3.4"}
    assert "Secure" in client.post("/session", headers=headers).headers["set-cookie"]


def test_the_key_is_in_no_log_but_its_name_is(
    keyed: TestClient, sketch: Sketch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        search(keyed, sketch, **{"X-API-Key": SEARCH_KEY})
    assert SEARCH_KEY not in caplog.text
    (record,) = [record for record in caplog.records if record.name == "service.requests"]
    assert record.fields["key"] == "shop"  # type: ignore[attr-defined]


def test_a_file_of_keys_is_read_and_an_empty_or_broken_one_is_refused(open_client: Open, tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    file.write_text(f"# ours\n{SEARCH_KEPT.entry()}  # the shop\n\n", encoding="utf-8")
    client = open_client(api_keys_file=file)
    assert client.get("/info", headers={"X-API-Key": SEARCH_KEY}).status_code == 200
    for text in ("", "# none\n", "shop:search:tooshort\n", SEARCH_KEY, f"{SEARCH_KEPT.entry()}\n" * 2):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(SketchSearchError) as caught:
            create_app(Settings(api_keys_file=file))
        assert SEARCH_KEY not in str(caught.value)
    with pytest.raises(SketchSearchError, match="cannot be read"):
        create_app(Settings(api_keys_file=tmp_path / "none"))


def test_searches_of_one_address_are_limited_and_others_are_not(
    open_client: Open, engine: SearchEngine, sketch: Sketch
) -> None:
    client = open_client(searches_per_address="2/minute")
    assert [search(client, sketch).status_code for _ in range(3)] == [200, 200, 429]
    refused = client.get("/similar/shapes/star-dotted")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.json()["error"]["code"] == "too_many_searches"
    assert "2 searches per 1 minute are accepted from this address" in refused.json()["error"]["message"]
    assert client.get(PHOTO).status_code == client.get("/info").status_code == 200


def test_look_ups_of_one_address_have_a_limit_of_their_own(open_client: Open, sketch: Sketch) -> None:
    client = open_client(searches_per_address="1/minute", lookups_per_address="3/minute")
    thumbnail = "/thumbnails/shapes/star-dotted"
    assert [client.get(path).status_code for path in (PHOTO, thumbnail, "/info", PHOTO)] == [200, 200, 200, 429]
    refused = client.get(thumbnail).json()["error"]
    assert refused["code"] == "too_many_lookups"
    assert "Only 3 lookups per 1 minute are accepted from this address; wait" in refused["message"]
    assert search(client, sketch).status_code == 200
    assert {client.get(path).status_code for path in ("/", "/page/main.js", "/readyz", "/metrics")} == {200}


@pytest.mark.parametrize("path", ["/info", "/similar/shapes/star-dotted", "/session", "/metrics"])
@pytest.mark.parametrize("headers", [{"X-API-Key": "sketch_guess"}, {}], ids=["wrong key", "no key"])
def test_a_key_that_is_refused_counts_as_a_look_up_of_its_address(
    open_client: Open, sketch: Sketch, path: str, headers: dict[str, str]
) -> None:
    client = open_client(api_keys=KEYS, lookups_per_address="5/minute")
    answers = [client.get(path, headers=headers) for _ in range(12)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 7
    assert answers[-1].json()["error"]["code"] == "too_many_lookups"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert search(client, sketch, **{"X-API-Key": SEARCH_KEY}).status_code == 200


def test_a_search_counts_for_its_key_wherever_it_comes_from(open_client: Open, sketch: Sketch) -> None:
    client = open_client(api_keys=KEYS, searches_per_key="2/minute")
    by_shop = [search(client, sketch, **{"X-API-Key": SEARCH_KEY}).status_code for _ in range(3)]
    assert by_shop == [200, 200, 429]
    assert search(client, sketch, **{"X-API-Key": OPERATOR_KEY}).status_code == 200


def test_a_batch_counts_as_many_searches_as_it_holds(open_client: Open, sketch: Sketch) -> None:
    client = open_client(searches_per_address="4/minute")
    files = [("sketches", sketch("star-plain"))] * 3
    assert client.post("/search/batch", files=files).status_code == 200
    assert client.post("/search/batch", files=files).status_code == 429


def test_a_limit_ends_with_its_window(open_client: Open, sketch: Sketch, monkeypatch: pytest.MonkeyPatch) -> None:
    client = open_client(searches_per_address="1/minute")
    assert [search(client, sketch).status_code for _ in range(2)] == [200, 429]
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 121)
    assert search(client, sketch).status_code == 200


@pytest.mark.parametrize(
    ("peer", "trusted", "statuses"),
    [
        ("203.0.113.7", "", [200, 429]),  # nobody is believed
        ("203.0.113.7", "10.0.0.0/8", [200, 429]),  # nor is a stranger where a proxy is named
        ("10.0.0.1", "10.0.0.0/8", [200, 200]),
    ],
)
def test_a_forwarded_address_is_believed_from_a_named_proxy_only(
    open_client: Open, peer: str, trusted: str, statuses: list[int]
) -> None:
    client = open_client(address=peer, searches_per_address="1/minute", trusted_proxies=trusted)
    found = [
        client.get("/similar/shapes/star-dotted", headers={"X-Forwarded-For": f"192.0.2.{number}"}).status_code
        for number in range(2)
    ]
    assert found == statuses


def test_what_a_client_forwards_itself_is_not_believed_behind_a_proxy(open_client: Open) -> None:
    client = open_client(address="10.0.0.1", searches_per_address="1/minute", trusted_proxies="10.0.0.0/8")
    found = [
        client.get("/similar/shapes/star-dotted", headers={"X-Forwarded-For": f"1.1.1.{number}, 198.51.100.9"})
        for number in range(2)
    ]
    assert [response.status_code for response in found] == [200, 429]


def test_only_listed_origins_may_call_and_embed(open_client: Open) -> None:
    client = open_client(api_keys=KEYS, allowed_origins="https://shop.example, http://localhost:3000")
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "X-API-Key"}
    preflight = client.options("/search", headers={"Origin": "https://shop.example", **asked})
    assert preflight.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-credentials" not in preflight.headers
    assert client.options("/search", headers={"Origin": "https://evil.example", **asked}).status_code == 400
    refused = client.get("/info", headers={"Origin": "https://shop.example"})
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-origin" not in client.get("/info", headers={"Origin": "https://evil.example"}).headers
    policy = client.get("/").headers["content-security-policy"]
    assert "frame-ancestors 'self' https://shop.example http://localhost:3000;" in policy


def test_without_a_list_no_other_site_may_do_anything(open_client: Open) -> None:
    response = open_client().get("/", headers={"Origin": "https://shop.example"})
    assert "access-control-allow-origin" not in response.headers
    assert "frame-ancestors 'self';" in response.headers["content-security-policy"]
    assert response.headers["cross-origin-resource-policy"] == "same-origin"


def test_the_document_says_how_to_authenticate_where_keys_are_asked_for(keyed: TestClient, client: TestClient) -> None:
    document = keyed.get("/openapi.json", headers={"X-API-Key": SEARCH_KEY}).json()
    assert set(document["components"]["securitySchemes"]) == {"HTTPBearer", "APIKeyHeader"}
    assert document["paths"]["/search"]["post"]["security"]
    assert "security" not in document["paths"]["/healthz"]["get"]
    assert set(document["paths"]["/session"]) == {"post", "delete"}
    assert "securitySchemes" not in client.get("/openapi.json").json()["components"]


def test_an_upload_without_a_key_is_refused_before_it_is_read(engine: SearchEngine) -> None:
    app = create_app(Settings(api_keys=KEYS), engine=engine)
    headers = [(b"content-type", b"multipart/form-data; boundary=x"), (b"content-length", b"99")]
    scope = {"type": "http", "method": "POST", "path": "/search", "headers": headers, "query_string": b""}
    events: list[str] = []

    async def receive() -> dict[str, Any]:
        events.append("read")
        return {"type": "http.request", "body": b"x" * 99}

    async def send(message: dict[str, Any]) -> None:
        events.append(str(message.get("status", "body")))

    anyio.run(app, scope, receive, send)
    assert events == [
        "401",
        "body",
        "read",
        "body",
    ]  # the rest is only thrown away, so that the client hears the answer


def test_the_cookie_is_found_among_many_others_in_time_that_grows_with_their_number() -> None:
    def seconds(count: int) -> float:
        headers = Headers({"cookie": "a=b; " * count + "sketch_search_key=mine"})
        runs = []
        for _ in range(7):
            start = time.process_time()
            assert presented_key(headers) == "mine"
            runs.append(time.process_time() - start)
        return min(runs)

    assert seconds(200_000) < 3 * seconds(100_000)


def test_no_key_is_looked_for_where_none_is_needed(keyed: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "presented_key", lambda headers: pytest.fail("a key was looked for"))
    for path in ("/healthz", "/readyz", "/"):
        assert keyed.get(path, headers={"Cookie": "sketch_search_key=x"}).status_code == 200


@pytest.mark.parametrize("path", ["/similar/shapes/star-dotted", "/info", "/openapi.json", "/nothing"])
def test_with_keys_every_answer_is_private(keyed: TestClient, path: str) -> None:
    for headers in ({}, {"X-API-Key": SEARCH_KEY}):
        answer = keyed.get(path, headers=headers)
        assert answer.headers["cache-control"] == "private, no-store"
        assert {"Authorization", "X-API-Key", "Cookie"} <= {each.strip() for each in answer.headers["vary"].split(",")}
