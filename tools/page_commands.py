"""Finds the commands of a Markdown page: in its indented blocks, in its shell blocks, and in a line of text."""

import re
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

_SHELL = {"", "sh", "bash", "console"}
_INLINE = re.compile(r"(\w+=\S+ )*(make \w+|docker compose |\.venv/bin/|python -m \w+ -|curl |kubectl ).*")


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        page: name of the page's file.
        section: the nearest heading above it.
        text: the command as it stands there, continued lines joined.
    """

    page: str
    section: str
    text: str


def commands(path: Path) -> list[Command]:
    """The commands of a page in their order."""
    found: list[Command] = []
    section = path.stem
    tokens = MarkdownIt().parse(path.read_text(encoding="utf-8"))
    for before, token in zip([None, *tokens], tokens, strict=False):
        if before is not None and before.type == "heading_open":
            section = token.content
        found.extend(Command(path.name, section, text) for text in _texts(token))
    return found


def _texts(token: Token) -> list[str]:
    if token.type == "code_block" or (token.type == "fence" and token.info.strip() in _SHELL):
        joined = re.sub(r"\\\n\s*", "", token.content)
        return [line.strip() for line in joined.splitlines() if line.strip() and not line.startswith("#")]
    codes = [child.content for child in token.children or () if child.type == "code_inline"]
    return [code for code in codes if _INLINE.fullmatch(code)]
