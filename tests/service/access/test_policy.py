import pytest

from service.access.gate import kind_of
from service.access.policy import open_to_strangers, reachable_at
from service.settings import Settings

ENTRY = f"shop:search:{'0' * 64}"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_on_this_machine_nothing_is_open_to_strangers(host: str) -> None:
    assert open_to_strangers(Settings(host=host)) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "sketches.example"])
def test_on_a_network_everything_open_is_named_with_what_closes_it(host: str) -> None:
    said = "; ".join(open_to_strangers(Settings(host=host, metrics=True)))
    for setting in (
        "--api-keys-file",
        "--searches-per-address",
        "--lookups-per-address",
        "--metrics",
        "--trusted-proxies",
    ):
        assert setting in said


def test_a_container_is_as_open_as_the_address_that_it_is_published_on() -> None:
    assert open_to_strangers(Settings(host="0.0.0.0", published_on="127.0.0.1")) == []
    published = Settings(host="0.0.0.0", published_on="192.168.1.5")
    assert open_to_strangers(published) == open_to_strangers(Settings(host="0.0.0.0"))
    assert reachable_at(published) == "192.168.1.5"


def test_what_has_been_closed_is_not_named() -> None:
    limits = {"searches_per_key": "9/second", "lookups_per_address": "99/second"}
    closed = Settings(host="0.0.0.0", api_keys=ENTRY, trusted_proxies="10.0.0.1", **limits)
    assert open_to_strangers(closed) == []
    assert "metrics" not in "; ".join(open_to_strangers(Settings(host="0.0.0.0")))


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/search", "search"),
        ("/search/batch", "search"),
        ("/similar/a", "search"),
        ("/photos/a", "lookup"),
        ("/thumbnails/a", "lookup"),
        ("/info", "lookup"),
        ("/nothing", "lookup"),
        ("/", "free"),
        ("/page/main.js", "free"),
        ("/healthz", "free"),
        ("/readyz", "free"),
        ("/metrics", "free"),
    ],
)
def test_searches_and_look_ups_count_and_probes_and_the_page_do_not(path: str, kind: str) -> None:
    assert kind_of(path) == kind
