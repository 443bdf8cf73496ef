"""API keys: made at random, kept as hashes, compared in constant time."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from model.errors import SketchSearchError

Role = Literal["search", "operator"]
PREFIX = "sketch_"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ENTRY = re.compile(rf"(?P<name>{_NAME.pattern}):(?P<role>[a-z]+):(?P<sha256>[0-9a-f]{{64}})")


@dataclass(frozen=True)
class ApiKey:
    """The kept part of an API key.

    Attributes:
        name: whose it is, for the log and the metrics.
        role: "search" may search and see photos, "operator" also /metrics.
        sha256: of the key. A key has 256 random bits, so that no slower hash is needed to keep it from being guessed.
    """

    name: str
    role: Role
    sha256: bytes

    def entry(self) -> str:
        """The line that is kept in the file of keys."""
        return f"{self.name}:{self.role}:{self.sha256.hex()}"


class ApiKeys:
    """The keys that are accepted."""

    def __init__(self, keys: Iterable[ApiKey]) -> None:
        self._keys = tuple(keys)

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, presented: str) -> ApiKey | None:
        """The key that somebody presents, or None; takes as long for a wrong one as for a right one."""
        digest = hashlib.sha256(presented.encode()).digest()
        found = None
        for key in self._keys:
            if hmac.compare_digest(key.sha256, digest):
                found = key
        return found


def make_key(name: str, role: Role) -> tuple[str, ApiKey]:
    """A new key, and what is to be kept of it.

    Raises:
        SketchSearchError: the name is not 1 to 64 letters, digits, dots, underscores and hyphens.
    """
    if not _NAME.fullmatch(name):
        raise SketchSearchError(
            f"{name!r} is no name for a key; use 1 to 64 letters A to Z, digits, dots, underscores and hyphens."
        )
    key = PREFIX + secrets.token_urlsafe(32)
    return key, ApiKey(name, role, hashlib.sha256(key.encode()).digest())


def parse_keys(text: str, *, source: str) -> list[ApiKey]:
    """Reads entries as `ApiKey.entry` writes them, apart by commas or line ends; `#` begins a comment.

    Raises:
        SketchSearchError: an entry is not of that form, or a name stands twice.
    """
    lines = [line.partition("#")[0] for line in text.splitlines()]
    keys = [_parse_entry(entry.strip(), source) for line in lines for entry in line.split(",") if entry.strip()]
    names = [key.name for key in keys]
    for name in names:
        if names.count(name) > 1:
            raise SketchSearchError(f"The key {name} stands twice in {source}; remove one of the two lines.")
    return keys


def read_keys(setting: str, file: Path | None) -> ApiKeys:
    """The keys of a setting and of a file.

    Raises:
        SketchSearchError: the file cannot be read or holds none, or an entry is not of the right form.
    """
    keys = parse_keys(setting, source="--api-keys")
    if file is not None:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeError) as error:
            raise SketchSearchError(
                f"The file of API keys {file} cannot be read ({error}); make one with python -m service.make_key."
            ) from error
        found = parse_keys(text, source=str(file))
        if not found:  # an empty file must not open the service to everybody
            raise SketchSearchError(
                f"The file of API keys {file} holds no key; make one with python -m service.make_key."
            )
        keys = parse_keys("\n".join(key.entry() for key in keys + found), source=f"--api-keys and {file}")
    return ApiKeys(keys)


def _parse_entry(entry: str, source: str) -> ApiKey:
    found = _ENTRY.fullmatch(entry)
    for role in get_args(Role):
        if found and found["role"] == role:
            return ApiKey(found["name"], role, bytes.fromhex(found["sha256"]))
    # The entry itself is not shown: somebody may have put the key there instead of its hash.
    raise SketchSearchError(
        f"An entry of {source} is not NAME:ROLE:SHA256, with role {' or '.join(get_args(Role))}; "
        "make one with python -m service.make_key."
    )
