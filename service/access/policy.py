"""Decides from the settings alone what is open to strangers, and where."""

import ipaddress
from typing import Literal

from service.settings import Settings, flag

MetricsAccess = Literal["off", "open", "operator"]


def metrics_access(settings: Settings) -> MetricsAccess:
    """Who may read /metrics."""
    if settings.metrics != "auto":
        return "open" if settings.metrics else "off"
    if settings.asks_for_keys:
        return "operator"
    return "open" if is_loopback(settings.host) else "off"


def is_loopback(host: str) -> bool:
    """Tells if only this machine can reach a host name or address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def reachable_at(settings: Settings) -> str:
    """The address at which others reach the service; a container listens everywhere, and is published somewhere."""
    return settings.published_on or settings.host


def open_to_strangers(settings: Settings) -> list[str]:
    """Lists what anybody who reaches the port can do, each with the setting that closes it; empty on loopback."""
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
