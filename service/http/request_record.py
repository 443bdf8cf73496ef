"""What is noted about a request while it is answered: for its log line, for the metrics, never what the client sent."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.types import Scope

UNMATCHED = "unmatched"
_KEY = "sketch_search.record"
_WELL_FORMED_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PATHS_WITHOUT_ROUTE = frozenset(
    {"/openapi.json", "/search", "/search/batch"}
)  # FastAPI's own, and what is refused at the door


@dataclass
class RequestRecord:
    """Notes on one request.

    Attributes:
        request_id: the client's X-Request-ID when it is well-formed, otherwise a random one.
        searches: stage -> milliseconds of each search that was answered; a batch holds several.
        errors: codes of the errors that were answered; a batch may hold several.
        queued_seconds: how long a search waited for its turn; None where none came.
        key_name: the name of the API key that came with it, not the key.
    """

    request_id: str
    searches: list[Mapping[str, float]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    queued_seconds: float | None = None
    key_name: str | None = None

    @property
    def stages_ms(self) -> dict[str, float]:
        """Stage -> milliseconds over all searches of the request, without the total."""
        sums: dict[str, float] = {}
        for timings_ms in self.searches:
            for stage, milliseconds in timings_ms.items():
                if stage != "total":
                    sums[stage] = sums.get(stage, 0.0) + milliseconds
        return sums


def begin_record(scope: Scope) -> RequestRecord:
    """Starts the notes on a request."""
    given = Headers(scope=scope).getlist("x-request-id")
    is_usable = len(given) == 1 and _WELL_FORMED_ID.fullmatch(given[0])
    record = RequestRecord(given[0] if is_usable else secrets.token_hex(8))
    scope[_KEY] = record
    return record


def record_of(scope: Scope) -> RequestRecord:
    """The notes on the request of a scope in which `begin_record` was called."""
    record = scope[_KEY]
    assert isinstance(record, RequestRecord)
    return record


def method_of(scope: Scope) -> str:
    """The method, or "other" for one that HTTP does not define: a client may send any word."""
    method = str(scope["method"])
    return method if method in _METHODS else "other"


def route_of(scope: Scope) -> str:
    """The route's template such as "/photos/{photo_id:text}", after routing; all unknown paths are UNMATCHED."""
    template = getattr(scope.get("route"), "path", None)
    if isinstance(template, str):
        return template
    if scope["path"] in _PATHS_WITHOUT_ROUTE:
        return str(scope["path"])
    return str(scope.get("root_path") or UNMATCHED)  # a mounted folder leaves its prefix there
