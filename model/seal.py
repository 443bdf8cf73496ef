"""Manifests that cannot lie: a JSON object that carries the hash of its own content, checked whenever it is read.

A manifest states the hashes of the files beside it; its seal protects what only the manifest says. Against damage and
mix-ups, not against forgery: whoever can write the file can seal it.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

SEAL = "seal"


def sealed_text(values: Mapping[str, Any]) -> str:
    """The text of a JSON file that holds the values and, last, their seal."""
    plain = json.loads(json.dumps(values))  # as it will be read: no tuples, and every key a string
    return json.dumps({**plain, SEAL: _digest(plain)}, indent=2, ensure_ascii=False) + "\n"


def break_seal(values: dict[str, Any]) -> bool:
    """Takes the seal off an object that was read.

    Args:
        values: the parsed file; loses its seal.

    Returns:
        Whether the content is what was sealed. Without a seal, as earlier releases wrote it, there is nothing to doubt.
    """
    stated = values.pop(SEAL, None)
    return stated is None or stated == _digest(values)


def _digest(values: Mapping[str, Any]) -> str:
    # Of the content, not of the text: an editor that only lays the file out anew breaks nothing.
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
