"""Refuses requests that another site makes through a visitor's browser, and those for a host name that is not ours."""

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from service.access.policy import is_loopback
from service.http.errors import Refusal
from service.search.errors import shown
from service.settings import Settings, flag

_ACTING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_FOREIGN = frozenset({"cross-site", "same-site"})
_PORT = re.compile(r":\d*$")


class OtherSites:
    """Decides by Host, Origin and Sec-Fetch-Site, which a page cannot forge; programs need not send the latter two."""

    def __init__(self, *, origins: Collection[str], hosts: Collection[str], only_loopback: bool) -> None:
        """Takes the settings.

        Args:
            origins: other sites that may call the service.
            hosts: host names that requests may name, in lower case; empty for any.
            only_loopback: without `hosts`, only the names and addresses of this machine are accepted.
        """
        self._origins = frozenset(origins)
        self._hosts = frozenset(hosts)
        self._only_loopback = only_loopback

    def check(self, method: str, headers: Headers, *, is_search: bool) -> None:
        """Refuses a request of another site.

        Args:
            method: of the request; reading is refused only where it costs a search.
            headers: of the request.
            is_search: the request costs as much as a search.

        Raises:
            Refusal: 403, with the setting that allows it.
        """
        host = headers.get("host", "").lower()
        self._check_host(_PORT.sub("", host).strip("[]"))
        if method not in _ACTING and not is_search:
            return
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin in self._origins:
            return
        # Browsers leave Sec-Fetch-Site out where the connection is not secure; Origin comes with each POST.
        is_foreign = site in _FOREIGN if site else origin is not None and urlsplit(origin).netloc.lower() != host
        if is_foreign:
            what = f"The page of {shown(origin)} may not" if origin else "A page of another site may not"
            sentence = f"{what} call this service; its operator can allow it with {flag('allowed_origins')}."
            raise Refusal(403, "foreign_origin", sentence)

    def _check_host(self, name: str) -> None:
        # Another site can point a name of its own at this service, but not an address. Browsers always send one.
        if not name or _is_address(name) or name == "localhost" or name in self._hosts:
            return
        if self._hosts or self._only_loopback:
            sentence = f"This service is not called {shown(name)}; its operator can add the name to "
            raise Refusal(403, "unknown_host", f"{sentence}{flag('allowed_hosts')}.")


def other_sites(settings: Settings) -> OtherSites:
    """Builds the check that the settings ask for; a proxy in front of the service passes on names of its own."""
    only_loopback = is_loopback(settings.host) and not settings.trusted_proxies
    return OtherSites(origins=settings.origins, hosts=settings.hosts, only_loopback=only_loopback)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
