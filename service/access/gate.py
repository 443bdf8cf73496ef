"""The one gate before a search: stops requests without a key, too many of them, and those that find a full queue.

It decides from the head of a request alone, before its body is read.
"""

from typing import Literal

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.access.api_keys import ApiKey, ApiKeys
from service.access.other_sites import OtherSites
from service.access.policy import MetricsAccess
from service.access.rate_limits import Quota, RateLimits
from service.http.bodies import discard
from service.http.errors import ErrorResponse, Refusal, overload_response, refusal_response
from service.http.metrics import record_of
from service.search.queue import QueueFullError

COOKIE = "sketch_search_key"
Need = Literal["nothing", "key", "operator"]
Kind = Literal["free", "search", "lookup"]

# What a browser needs before a person can enter a key, and what a supervisor asks without having one.
_OPEN_PATHS = frozenset({"/", "/healthz", "/readyz"})
_OPEN_FOLDERS = ("/page/",)
_METRICS_PATH = "/metrics"
_SEARCHES = frozenset({"/search", "/search/batch", "/feedback"})  # what is told about a search costs as much as one
_SEARCH_FOLDERS = ("/similar/",)
_SEARCHES_WITH_A_BODY = frozenset({"/search", "/search/batch"})


class Gate:
    """Asks for API keys where there are any, counts searches and look-ups, and asks the queue for room."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: ApiKeys,
        searches: RateLimits,
        lookups: RateLimits,
        metrics_access: MetricsAccess,
        other_sites: OtherSites,
    ) -> None:
        self._app = app
        self._keys = keys
        self._asks = len(keys) > 0
        self._searches = searches
        self._lookups = lookups
        self._other_sites = other_sites
        self._metrics_access: MetricsAccess = metrics_access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it with 401, 403, 429 or 503."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._asks and need_of(scope["path"], self._metrics_access) != "nothing":
            send = _private(send)
        try:
            self._admit(scope)
        except Refusal as refusal:
            await _refuse(refusal_response(refusal), scope, receive, send)
            return
        except QueueFullError as error:
            await _refuse(overload_response(error), scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _admit(self, scope: Scope) -> None:
        path, kind = scope["path"], kind_of(scope["path"])
        self._other_sites.check(scope["method"], Headers(scope=scope), is_search=kind == "search")
        client = scope.get("client")
        address = client[0] if client else ""
        try:
            key = self._key(scope, path)
        except Refusal:
            self._lookups.spend(1, address=address, key_name=None)  # nobody tries keys as fast as they like
            raise
        key_name = key.name if key else None
        scope[Quota.KEY] = Quota(self._searches, address=address, key_name=key_name)
        if kind != "free":
            limits = self._searches if kind == "search" else self._lookups
            limits.spend(1, address=address, key_name=key_name)
        if scope["method"] == "POST" and path in _SEARCHES_WITH_A_BODY:
            scope["app"].state.serving.queue.check_room()  # the queue itself has the last word

    def _key(self, scope: Scope, path: str) -> ApiKey | None:
        need = need_of(path, self._metrics_access)
        if not self._asks or need == "nothing":
            return None
        presented = presented_key(Headers(scope=scope))
        key = self._keys.find(presented) if presented else None
        if key:
            record_of(scope).key_name = key.name
        if key is None:
            raise _no_key(is_wrong=bool(presented))
        if need == "operator" and key.role != "operator":
            sentence = f"The API key {key.name} may search, but not read {path}; use a key of role operator."
            raise Refusal(403, "operators_only", sentence)
        return key


def need_of(path: str, metrics: MetricsAccess) -> Need:
    """Returns what a request for a path needs where keys are asked for; a path that is not listed here needs a key."""
    if path in _OPEN_PATHS or path.startswith(_OPEN_FOLDERS):
        return "nothing"
    if path == _METRICS_PATH:
        return "nothing" if metrics == "open" else "operator"
    return "key"


def kind_of(path: str) -> Kind:
    """Returns the limit that requests for a path count against: searches, look-ups, or none."""
    if path in _SEARCHES or path.startswith(_SEARCH_FOLDERS):
        return "search"
    is_free = path in _OPEN_PATHS or path.startswith(_OPEN_FOLDERS) or path == _METRICS_PATH
    return "free" if is_free else "lookup"


def presented_key(headers: Headers) -> str:
    """Returns the key that a request carries: as a bearer token, in X-API-Key, or in the page's cookie; "" for none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    if key := headers.get("x-api-key", "").strip():
        return key
    return _cookie(headers.get("cookie", ""))


def _cookie(header: str) -> str:
    # Python's own parser of cookies takes quadratic time in some versions; this one passes over the header once.
    for pair in header.split(";"):
        name, _, value = pair.partition("=")
        if name.strip() == COOKIE:
            return value.strip().strip('"')
    return ""


def _no_key(*, is_wrong: bool) -> Refusal:
    what = "The API key is not one of this service" if is_wrong else "This service asks for an API key"
    code = "wrong_api_key" if is_wrong else "missing_api_key"
    sentence = f"{what}; send a valid one in the header Authorization: Bearer KEY or X-API-Key: KEY."
    return Refusal(401, code, sentence, headers={"WWW-Authenticate": "Bearer"})


async def _refuse(answer: ErrorResponse, scope: Scope, receive: Receive, send: Send) -> None:
    async def send_and_linger(message: Message) -> None:
        if message["type"] == "http.response.body":
            await send({**message, "more_body": True})
            await discard(receive)
            message = {"type": "http.response.body", "body": b""}
        await send(message)

    await answer(scope, receive, send_and_linger)


def _private(send: Send) -> Send:
    """Keeps an answer that only holders of a key may see out of shared caches."""

    async def send_privately(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            cached = headers.get("cache-control", "")
            if cached.startswith("public"):  # photos and thumbnails: the visitor's own browser may keep them
                headers["Cache-Control"] = cached.replace("public", "private", 1)
            elif not cached.startswith("private"):
                headers["Cache-Control"] = "private, no-store"
            headers.add_vary_header("Authorization, X-API-Key, Cookie")
        await send(message)

    return send_privately
