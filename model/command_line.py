"""A parser of command lines whose complaint about a misspelt option or choice names the nearest one there is."""

import argparse
import difflib
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

_CHOICE = re.compile(r"invalid choice: '([^']*)'.*\(choose from (.*)\)", re.DOTALL)


class CommandParser(argparse.ArgumentParser):
    """Parses like argparse's own parser; its subcommands get parsers of this class too."""

    _given: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # noqa: ANN401
        """Parses as argparse does, and keeps the words for `error`."""
        self._given = sys.argv[1:] if args is None else list(args)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Writes usage, message and suggestion to standard error and exits with status 2."""
        super().error(message + self._suggestion(message))

    def _suggestion(self, message: str) -> str:
        if found := _CHOICE.search(message):
            return did_you_mean(found[1], re.findall(r"[^\s,']+", found[2]))
        # A missing option is reported before an unknown one, which may be the same one misspelt.
        options = [option for parser in self._parsers() for option in parser._option_string_actions]
        words = [word.partition("=")[0] for word in self._given if word.startswith("--") and word != "--"]
        unknown = [word for word in words if not any(option.startswith(word) for option in options)]
        return did_you_mean(unknown[0], options) if unknown else ""

    def _parsers(self) -> Iterator[argparse.ArgumentParser]:
        """This parser and those of its subcommands, which hand up to it what they do not know."""
        yield self
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                yield from action.choices.values()


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Asks a question to put behind a complaint, such as "; did you mean --gallery?"; empty when nothing is near."""
    near = difflib.get_close_matches(given, list(dict.fromkeys(known)), n=1)
    return f"; did you mean {near[0]}?" if near else ""
