"""Requests that another site makes through a visitor's browser."""

import pytest
from fastapi.testclient import TestClient
from starlette.datastructures import Headers

from service.access.other_sites import other_sites
from service.app import create_app
from service.http.errors import Refusal
from service.search.engine import SearchEngine
from service.settings import Settings

SIMILAR = "/similar/shapes/star-dotted"


def refused(settings: Settings, *, method: str = "POST", is_search: bool = False, **headers: str) -> str:
    """The code of the refusal; "" for none."""
    given = Headers({name.replace("_", "-"): value for name, value in {"host": "localhost:8000", **headers}.items()})
    try:
        other_sites(settings).check(method, given, is_search=is_search)
    except Refusal as refusal:
        return refusal.code
    return ""


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://other.example"},
        {"origin": "null"},
        {"origin": "http://localhost:9000"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site", "origin": "http://localhost:9000"},
    ],
)
def test_another_site_cannot_act_through_a_visitors_browser(method: str, headers: dict[str, str]) -> None:
    assert refused(Settings(allowed_hosts=""), method=method, **headers) == "foreign_origin"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://localhost:8000"},
        {"sec_fetch_site": "same-origin", "origin": "https://localhost"},
        {"sec_fetch_site": "none"},
    ],
)
def test_our_own_page_and_programs_may_act(headers: dict[str, str]) -> None:
    assert refused(Settings(allowed_hosts=""), **headers) == ""


def test_a_search_by_reading_costs_as_much_and_other_reading_is_free() -> None:
    settings = Settings(allowed_hosts="")
    assert refused(settings, method="GET", is_search=True, sec_fetch_site="cross-site") == "foreign_origin"
    assert refused(settings, method="GET", sec_fetch_site="cross-site") == ""


def test_an_allowed_origin_may_act() -> None:
    settings = Settings(allowed_hosts="", allowed_origins="https://shop.example")
    assert refused(settings, origin="https://shop.example", sec_fetch_site="cross-site") == ""
    assert refused(settings, origin="https://other.example", sec_fetch_site="cross-site") == "foreign_origin"


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "10.1.2.3:8000", ""])
def test_the_names_of_this_machine_and_addresses_are_always_known(host: str) -> None:
    assert refused(Settings(allowed_hosts="shop.example"), host=host) == ""


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "unknown_host"),
        ({"allowed_hosts": "shop.example"}, "unknown_host"),
        ({"allowed_hosts": "Other.Example"}, ""),
        ({"trusted_proxies": "127.0.0.1"}, ""),
        ({"host": "0.0.0.0"}, ""),
    ],
)
def test_another_name_is_refused_where_it_cannot_be_ours(changes: dict[str, str], code: str) -> None:
    settings = Settings(**{"allowed_hosts": "", **changes})  # type: ignore[arg-type]
    assert refused(settings, method="GET", host="other.example:8000") == code


def test_the_service_asks_before_it_searches(engine: SearchEngine) -> None:
    with TestClient(create_app(Settings(), engine=engine)) as client:
        response = client.get(SIMILAR, headers={"Sec-Fetch-Site": "cross-site"})
        assert (response.status_code, response.json()["error"]["code"]) == (403, "foreign_origin")
        response = client.get("/healthz", headers={"Host": "other.example"})
        assert (response.status_code, response.json()["error"]["code"]) == (403, "unknown_host")
