import json
import logging
import sys

from service.http.requests import with_fields
from service.process.logs import JsonFormatter


def record(message: str, *arguments: object, **more: object) -> logging.LogRecord:
    made = logging.LogRecord("service.test", logging.WARNING, "a.py", 1, message, arguments, None)
    vars(made).update(more)
    return made


def test_a_record_is_one_line_of_json_whatever_is_in_it() -> None:
    line = JsonFormatter().format(record("two\nlines, %s and a lone \ud800", '"quotes"'))
    assert "\n" not in line
    assert line.isascii()
    entry = json.loads(line)
    assert entry["message"] == 'two\nlines, "quotes" and a lone \ud800'
    assert (entry["level"], entry["logger"]) == ("warning", "service.test")


def test_the_time_is_utc_with_milliseconds() -> None:
    assert json.loads(JsonFormatter().format(record("x", created=1.5)))["time"] == "1970-01-01T00:00:01.500+00:00"


def test_fields_stand_beside_the_message_and_may_replace_it() -> None:
    extra = with_fields({"status": 200, "stages_ms": {"encode": 1.5}, "message": "GET /x 200"})
    entry = json.loads(JsonFormatter().format(record("for people", **extra)))
    assert (entry["status"], entry["stages_ms"], entry["message"]) == (200, {"encode": 1.5}, "GET /x 200")


def test_an_exception_keeps_its_traceback() -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        line = JsonFormatter().format(record("failed", exc_info=sys.exc_info()))
    assert "\n" not in line
    assert json.loads(line)["exception"].endswith("ValueError: broken")
