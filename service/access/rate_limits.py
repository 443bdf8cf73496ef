"""How often one address and one API key may search. Each process counts for itself."""

import ipaddress
import math
import time
from typing import TYPE_CHECKING

from service.errors import Refusal

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.strategies import RateLimiter

_IPV6_NETWORK_BITS = 64  # what one customer of a provider has to himself


class RateLimits:
    """Counts searches by address and by key, both at once where both are limited."""

    def __init__(self, *, per_address: str, per_key: str) -> None:
        """Takes limits in the notation of the `limits` library, such as "20/second;600/minute"; empty for none."""
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

    def spend(self, searches: int, *, address: str, key_name: str | None) -> None:
        """Counts searches.

        Raises:
            Refusal: 429, when they are too many; then none of them is counted.
        """
        if self._limiter is None:
            return
        counted = [(item, "address", _network(address)) for item in self._per_address]
        if key_name is not None:
            counted += [(item, "key", key_name) for item in self._per_key]
        for item, kind, who in counted:
            if not self._limiter.test(item, kind, who, cost=searches):
                raise _too_many(item, kind, self._limiter.get_window_stats(item, kind, who).reset_time)
        for item, kind, who in counted:
            self._limiter.hit(item, kind, who, cost=searches)


def _too_many(item: "RateLimitItem", kind: str, reset_time: float) -> Refusal:
    wait_seconds = max(1, math.ceil(reset_time - time.time()))
    whose = "from this address" if kind == "address" else "with this API key"
    return Refusal(
        429,
        "too_many_searches",
        f"Only {item.amount} searches per {item.multiples} {item.GRANULARITY.name} are accepted {whose}; "
        f"wait {wait_seconds} s and send it again.",
        headers={"Retry-After": str(wait_seconds)},
    )


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6 and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, _IPV6_NETWORK_BITS), strict=False))
    return str(parsed.ipv4_mapped or parsed) if parsed.version == 6 else str(parsed)
