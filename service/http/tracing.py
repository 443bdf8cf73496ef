"""OpenTelemetry, off unless it is switched on: FastAPI's own spans, sent where OTEL_* variables say.

Spans hold method, path, status and times. A drawing is never in them.
"""

import importlib.util
import os

from fastapi.telemetry import TelemetryConfig

from model.errors import SketchSearchError
from service.settings import flag

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def telemetry_config(*, tracing: bool) -> TelemetryConfig:
    """Returns FastAPI's settings for telemetry; metrics and logs stay those of this service.

    Raises:
        SketchSearchError: tracing is asked for, and the packages or the collector's address are missing.
    """
    if tracing and importlib.util.find_spec("opentelemetry.sdk") is None:
        raise SketchSearchError(f"{flag('tracing')} needs the extra otel; install sketch-search[otel].")
    if tracing and not any(os.environ.get(name) for name in _ENDPOINTS):
        raise SketchSearchError(
            f"{flag('tracing')} is on, but nothing says where to send spans; "
            f"set {_ENDPOINTS[1]}, such as http://localhost:4318."
        )
    return {"tracing": tracing, "metrics": False, "logs": False, "auto_configure": tracing}
