"""Notes on each request while it is answered, and counters over all of them for Prometheus.

The notes are for the log line and the metrics; they never hold what the client sent.
"""

import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from anyio import CapacityLimiter
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.datastructures import Headers
from starlette.types import Scope

from model.version import __version__
from service.search.engine import SearchEngine
from service.search.queue import SearchQueue

UNMATCHED = "unmatched"
_KEY = "sketch_search.record"
_WELL_FORMED_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PATHS_WITHOUT_ROUTE = frozenset(
    {"/openapi.json", "/search", "/search/batch"}
)  # FastAPI's own, and what is refused at the door
_REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_STAGE_BUCKETS = (0.0001, 0.00025, 0.0005, *_REQUEST_BUCKETS)
_FAILURE = "internal_error"  # the service's own fault: no refusal


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


class Metrics:
    """Counters of one app. Every label has a bounded number of values, whatever clients send."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.thread = CapacityLimiter(1)  # of its own, so that a scrape waits for nobody else's disk
        self._requests = Counter(
            "sketch_search_requests",
            "Requests by route template, method and status; status 0: the client left before the answer.",
            ["route", "method", "status"],
            registry=registry,
        )
        self._request_seconds = Histogram(
            "sketch_search_request_seconds",
            "Time from the request's headers to the end of its answer.",
            ["route", "method"],
            buckets=_REQUEST_BUCKETS,
            registry=registry,
        )
        self.in_flight = Gauge("sketch_search_requests_in_flight", "Requests being answered now.", registry=registry)
        self._stage_seconds = Histogram(
            "sketch_search_stage_seconds",
            "Time in each stage of an answered search; wait is for the encoder.",
            ["stage"],
            buckets=_STAGE_BUCKETS,
            registry=registry,
        )
        self._refused = Counter(
            "sketch_search_refused",
            "Requests, and sketches of a batch, that were refused or dropped, by the code of the answer.",
            ["reason"],
            registry=registry,
        )
        self._queue_wait_seconds = Histogram(
            "sketch_search_queue_wait_seconds",
            "Time that searches waited for their turn; refused ones are not in it.",
            buckets=_STAGE_BUCKETS,
            registry=registry,
        )
        self._queue_depth = Gauge("sketch_search_queue_depth", "Searches that wait for their turn.", registry=registry)
        self._by_key = Counter(
            "sketch_search_key_requests", "Requests that came with an API key, by its name.", ["key"], registry=registry
        )
        self._engine_facts = _EngineFacts()
        registry.register(self._engine_facts)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)

    def watch(self, engine: SearchEngine | None, queue: SearchQueue | None) -> None:
        """Reports on this engine and this queue from now on; None reports on none."""
        self._engine_facts.engine = engine
        self._queue_depth.set_function(lambda: queue.depth if queue else 0)

    def add(self, record: RequestRecord, *, route: str, method: str, status: int, seconds: float) -> None:
        """Counts a request that has been answered."""
        self._requests.labels(route, method, str(status)).inc()
        self._request_seconds.labels(route, method).observe(seconds)
        for timings_ms in record.searches:
            for stage, milliseconds in timings_ms.items():
                if stage != "total":
                    self._stage_seconds.labels(stage).observe(milliseconds / 1000)
        if record.queued_seconds is not None:
            self._queue_wait_seconds.observe(record.queued_seconds)
        if record.key_name:
            self._by_key.labels(record.key_name).inc()
        for code in record.errors:
            if code != _FAILURE:
                self._refused.labels(code).inc()

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format, version 0.0.4."""
        return generate_latest(self._registry)


class _EngineFacts(Collector):
    """Facts about the engine at the moment of the scrape."""

    def __init__(self) -> None:
        self.engine: SearchEngine | None = None

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("sketch_search_build", "The version of the service.", {"version": __version__})
        if self.engine is None:
            return
        encoder, live = self.engine.encoder, self.engine.gallery
        with live.lease() as gallery:
            size, generation, device = gallery.size, gallery.generation, gallery.device
        yield GaugeMetricFamily("sketch_search_gallery_size", "Photos in the generation being served.", size)
        yield InfoMetricFamily(
            "sketch_search_gallery_generation", "The generation being served.", {"generation": generation}
        )
        yield GaugeMetricFamily(
            "sketch_search_gallery_refused",
            "1 while a newer generation cannot be served and an older one answers.",
            float(live.problem is not None),
        )
        yield InfoMetricFamily(
            "sketch_search_provider",
            "Where and in which precision sketches are encoded.",
            {"provider": encoder.provider, "precision": encoder.precision},
        )
        yield InfoMetricFamily("sketch_search_index_device", "Where the gallery is searched.", {"device": device})
        lost = CounterMetricFamily(
            "sketch_search_decoders_lost", "Decoder processes that an upload crashed or held too long.", labels=["loss"]
        )
        for loss in ("crashed", "too_slow"):
            lost.add_metric([loss], self.engine.reader.lost.get(loss, 0))
        yield lost
