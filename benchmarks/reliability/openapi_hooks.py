"""Loaded by schemathesis: random bytes are never a drawing and random words never a photo, so some cases get real ones.

Hooks of schemathesis (https://schemathesis.readthedocs.io), which `openapi_cases.py` runs.
"""

import zlib
from typing import Any

import schemathesis

from benchmarks.reliability.traffic import drawing

_DRAWINGS = [drawing(seed, size_px=128, file_format=name) for seed, name in enumerate(("PNG", "JPEG", "WEBP"))]
_FILTERS = ["mark=0", "mark>=0", "mark!=1", "mark=0,1", "mark<0"]


@schemathesis.hook
def map_body(_context: Any, body: Any) -> Any:  # noqa: ANN401  whatever the schema allows
    """Puts a drawing in the place of two of three sketches, and a filter that fits in that of every other one."""
    if not isinstance(body, dict):
        return body
    choice = zlib.crc32(repr(body).encode("utf-8", "replace"))
    changed = dict(body)
    if "min_score" in body and body["min_score"] is None:
        del changed["min_score"]  # a form field has no null: left out is what is meant
    if choice % 3 and "sketch" in body:
        changed["sketch"] = _DRAWINGS[choice % len(_DRAWINGS)]
    if choice % 3 and isinstance(body.get("sketches"), list):
        changed["sketches"] = [_DRAWINGS[(choice + place) % len(_DRAWINGS)] for place in range(len(body["sketches"]))]
    if choice % 2 and body.get("filter"):
        changed["filter"] = [_FILTERS[choice % len(_FILTERS)]]
    return changed


@schemathesis.hook
def map_path_parameters(_context: Any, path_parameters: Any) -> Any:  # noqa: ANN401
    """Puts the id of a photo in the place of every other random word."""
    if not isinstance(path_parameters, dict) or "photo_id" not in path_parameters:
        return path_parameters
    choice = zlib.crc32(repr(path_parameters).encode("utf-8", "replace"))
    return {**path_parameters, "photo_id": f"{choice % 30:06}"} if choice % 2 else path_parameters
