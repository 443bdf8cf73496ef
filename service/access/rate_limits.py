"""Limits on how often one address and one API key may ask. Each process counts for itself."""

import ipaddress
import math
import time
from typing import TYPE_CHECKING, ClassVar

from starlette.types import Scope

from service.http.errors import Refusal

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.strategies import RateLimiter

_IPV6_NETWORK_BITS = 64  # what one customer of a provider has to himself


class RateLimits:
    """Counts requests of one kind by address and by key, both at once where both are limited."""

    def __init__(self, kind: str, *, per_address: str, per_key: str = "") -> None:
        """Takes limits in the notation of the `limits` library, such as "20/second;600/minute"; empty for none.

        Args:
            kind: what is counted, one word in the plural such as "searches".
            per_address: limits of one address.
            per_key: limits of one API key.
        """
        self._kind = kind
        self._per_address: list[RateLimitItem] = []
        self._per_key: list[RateLimitItem] = []
        self._limiter: RateLimiter | None = None
        if not (per_address or per_key):
            return
        from limits import parse_many  # takes a tenth of a second, which a service without limits saves
        from limits.storage import MemoryStorage
        from limits.strategies import SlidingWindowCounterRateLimiter

        self._per_address = parse_many(per_address) if per_address else []
        self._per_key = parse_many(per_key) if per_key else []
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def spend(self, cost: int, *, address: str, key_name: str | None, before: int = 0) -> None:
        """Counts requests, or searches within one.

        Args:
            cost: how many.
            address: of the client.
            key_name: of its API key.
            before: how many of the same request have been counted already.

        Raises:
            Refusal: 429, when they are too many; then none of them is counted.
        """
        if self._limiter is None:
            return
        counted = [(item, "address", _network(address)) for item in self._per_address]
        if key_name is not None:
            counted += [(item, "key", key_name) for item in self._per_key]
        for item, whose, who in counted:
            if before + cost > item.amount:
                raise self._never(item, whose)
            if not self._limiter.test(item, whose, who, cost=cost):
                raise self._too_many(item, whose, self._limiter.get_window_stats(item, whose, who).reset_time)
        for item, whose, who in counted:
            self._limiter.hit(item, whose, who, cost=cost)

    def _too_many(self, item: "RateLimitItem", whose: str, reset_time: float) -> Refusal:
        wait_seconds = max(1, math.ceil(reset_time - time.time()))
        sentence = f"{self._rule(item, whose)}; wait {wait_seconds} s and send it again."
        return Refusal(429, f"too_many_{self._kind}", sentence, headers={"Retry-After": str(wait_seconds)})

    def _never(self, item: "RateLimitItem", whose: str) -> Refusal:
        return Refusal(429, f"too_many_{self._kind}", f"{self._rule(item, whose)}; send fewer in one request.")

    def _rule(self, item: "RateLimitItem", whose: str) -> str:
        source = "from this address" if whose == "address" else "with this API key"
        return f"Only {item.amount} {self._kind} per {item.multiples} {item.GRANULARITY.name} are accepted {source}"


class Quota:
    """The limits as they concern the sender of one request, which counts as one when it comes."""

    KEY: ClassVar[str] = "sketch_search.quota"

    def __init__(self, limits: RateLimits, *, address: str, key_name: str | None) -> None:
        self._limits = limits
        self._address = address
        self._key_name = key_name

    def spend_more(self, searches: int) -> None:
        """Counts searches beyond the first.

        Raises:
            Refusal: 429, when they are too many.
        """
        if searches > 0:
            self._limits.spend(searches, address=self._address, key_name=self._key_name, before=1)


def quota_of(scope: Scope) -> Quota:
    """The quota of the request of a scope that has passed the access middleware."""
    quota = scope[Quota.KEY]
    assert isinstance(quota, Quota)
    return quota


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6 and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, _IPV6_NETWORK_BITS), strict=False))
    return str(parsed.ipv4_mapped or parsed) if parsed.version == 6 else str(parsed)
