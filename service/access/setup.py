"""Puts keys, limits, proxies and other sites' rights around an app, as the settings say."""

from fastapi import APIRouter, FastAPI, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.middleware.cors import CORSMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from service.access.api_keys import read_keys
from service.access.gate import Gate
from service.access.other_sites import other_sites
from service.access.policy import metrics_access
from service.access.rate_limits import RateLimits
from service.settings import Settings

_bearer = HTTPBearer(auto_error=False, description="an API key of this service")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="the same, where Authorization is taken")


def add_access(app: FastAPI, settings: Settings) -> None:
    """Adds what decides whether a request is answered; to be called before the middleware that is to lie around it.

    Raises:
        SketchSearchError: the API keys cannot be read.
    """
    app.add_middleware(
        Gate,
        keys=read_keys(settings.api_keys, settings.api_keys_file),
        searches=RateLimits("searches", per_address=settings.searches_per_address, per_key=settings.searches_per_key),
        lookups=RateLimits("lookups", per_address=settings.lookups_per_address),
        metrics_access=metrics_access(settings),
        other_sites=other_sites(settings),
    )
    if settings.trusted_proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=settings.trusted_proxies)


def add_other_sites(app: FastAPI, settings: Settings) -> None:
    """Lets the pages of other origins call the interface; without cookies, so they need a key of their own."""
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=["Authorization", "X-API-Key", "X-Request-ID", "X-Deadline-Ms"],
            expose_headers=["X-Request-ID", "Retry-After", "Server-Timing"],
            max_age=3600,
        )


def include(app: FastAPI, router: APIRouter, settings: Settings) -> None:
    """Includes a router whose routes need a key where there are keys, so that the OpenAPI document says so."""
    schemes = [Security(_bearer), Security(_header)] if settings.asks_for_keys else []
    app.include_router(router, dependencies=schemes)
