"""Which requests need a key, and what is open to strangers where; decided from the settings alone."""

import ipaddress
from typing import Literal

from service.settings import Settings, flag

MetricsAccess = Literal["off", "open", "operator"]
Need = Literal["nothing", "key", "operator"]
Kind = Literal["free", "search", "lookup"]

# What a browser needs before a person can enter a key, and what a supervisor asks without having one.
_OPEN_PATHS = frozenset({"/", "/healthz", "/readyz"})
_OPEN_FOLDERS = ("/page/",)
_METRICS_PATH = "/metrics"
_SEARCHES = frozenset({"/search", "/search/batch", "/feedback"})  # what is told about a search costs as much as one
_SEARCH_FOLDERS = ("/similar/",)


def need_of(path: str, metrics: MetricsAccess) -> Need:
    """What a request for a path needs where keys are asked for; whatever is not listed here needs a key."""
    if path in _OPEN_PATHS or path.startswith(_OPEN_FOLDERS):
        return "nothing"
    if path == _METRICS_PATH:
        return "nothing" if metrics == "open" else "operator"
    return "key"


def kind_of(path: str) -> Kind:
    """By which limit requests for a path count: searches; photos and all else that strangers may ask; or by none."""
    if path in _SEARCHES or path.startswith(_SEARCH_FOLDERS):
        return "search"
    is_free = path in _OPEN_PATHS or path.startswith(_OPEN_FOLDERS) or path == _METRICS_PATH
    return "free" if is_free else "lookup"


def metrics_access(settings: Settings) -> MetricsAccess:
    """Who may read /metrics."""
    if settings.metrics != "auto":
        return "open" if settings.metrics else "off"
    if settings.asks_for_keys:
        return "operator"
    return "open" if is_loopback(settings.host) else "off"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host name or address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def reachable_at(settings: Settings) -> str:
    """The address at which others reach the service; a container listens everywhere, and is published somewhere."""
    return settings.published_on or settings.host


def open_to_strangers(settings: Settings) -> list[str]:
    """What anybody can do who reaches the port, each with the setting that closes it; nothing on this machine alone."""
    if is_loopback(reachable_at(settings)):
        return []
    found = []
    if not settings.asks_for_keys:
        found.append(f"search and see every photo and its metadata (no API keys: {flag('api_keys_file')})")
    if not (settings.searches_per_address or (settings.asks_for_keys and settings.searches_per_key)):
        found.append(f"search as often as they like (no limit: {flag('searches_per_address')})")
    if not settings.lookups_per_address:
        found.append(f"fetch all photos as fast as they can (no limit: {flag('lookups_per_address')})")
    if settings.feedback and not settings.asks_for_keys:
        found.append(f"leave drawings that are kept for training ({flag('feedback')})")
    if metrics_access(settings) == "open":
        found.append(f"read /metrics ({flag('metrics')} is true)")
    if not settings.trusted_proxies:
        found.append(
            "listen to drawings and keys on their way (no proxy with TLS is named: " + flag("trusted_proxies") + ")"
        )
    return found
