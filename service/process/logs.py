"""Writes log records as lines for people, or as one JSON object a line for machines."""

import json
import logging
from datetime import UTC, datetime
from typing import Any, Literal

LogFormat = Literal["text", "json"]
_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class JsonFormatter(logging.Formatter):
    """One JSON object: time (UTC), level, logger, message, what `with_fields` added, and any traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of ASCII."""
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


def set_up_logs(level: str, log_format: LogFormat) -> None:
    """Sends all log records and warnings of the process to stderr.

    Args:
        level: the least severe level to write, such as "info".
        log_format: "text" or "json".
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if log_format == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.captureWarnings(True)
    # It names bytes of what a client sent; that a form could not be read is in the line of its request.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
