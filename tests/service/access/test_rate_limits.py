import pytest

from service.access.rate_limits import RateLimits
from service.http.errors import Refusal


@pytest.mark.parametrize(
    ("first", "second", "are_one"),
    [
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "", True),
    ],
)
def test_an_ipv6_network_counts_as_one_address(first: str, second: str, are_one: bool) -> None:
    limits = RateLimits("searches", per_address="1/hour")
    limits.spend(1, address=first, key_name=None)
    if are_one:
        with pytest.raises(Refusal):
            limits.spend(1, address=second, key_name=None)
    else:
        limits.spend(1, address=second, key_name=None)


def test_what_is_refused_is_not_counted() -> None:
    limits = RateLimits("searches", per_address="4/hour", per_key="2/hour")
    limits.spend(2, address="192.0.2.1", key_name="shop")
    with pytest.raises(Refusal, match="with this API key"):
        limits.spend(2, address="192.0.2.1", key_name="shop")
    limits.spend(2, address="192.0.2.1", key_name="other")
    with pytest.raises(Refusal, match="from this address"):
        limits.spend(1, address="192.0.2.1", key_name=None)


def test_of_several_limits_each_holds() -> None:
    limits = RateLimits("searches", per_address="3/second;4/hour")
    limits.spend(3, address="a", key_name=None)
    with pytest.raises(Refusal, match="3 searches per 1 second"):
        limits.spend(3, address="a", key_name=None)


def test_without_limits_nothing_is_counted() -> None:
    RateLimits("searches", per_address="").spend(1_000_000, address="a", key_name="b")


def test_what_one_request_may_never_hold_is_not_put_off() -> None:
    limits = RateLimits("searches", per_address="4/hour")
    limits.spend(1, address="a", key_name=None)
    with pytest.raises(Refusal, match=r"Only 4 searches per 1 hour .*; send fewer in one request") as caught:
        limits.spend(4, address="a", key_name=None, before=1)
    assert not caught.value.headers
    limits.spend(3, address="a", key_name=None, before=1)
