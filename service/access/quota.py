"""What a request may still spend: searches beyond the first, of which only the route knows how many there are."""

from typing import ClassVar

from starlette.types import Scope

from service.access.rate_limits import RateLimits


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
