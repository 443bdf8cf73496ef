"""Finds the type of each CSV column (whole numbers, numbers, booleans or text) and the cells that decided it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from index_builder.work.metadata_row import Value

# No leading zeros: "00123" is an article number, and turning it into 123 would lose it.
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,17})", re.ASCII)
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,17})(\.\d+)?([eE][+-]?\d{1,2})?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}
_FEW, _FEW_SHARE = 3, 0.05
_MAX_SHOWN = 40


@dataclass
class OddCells:
    """The cells that are no number in a column.

    Attributes:
        column: its name.
        num_numbers: how many cells are a number.
        num_odd: how many are filled with something else.
        first: the first of these, as Python writes it.
        line: where that is, from 1.
    """

    column: str
    num_numbers: int = 0
    num_odd: int = 0
    first: str = ""
    line: int = 0

    @property
    def are_few(self) -> bool:
        """True if the column looks like one of numbers in which some cells went wrong."""
        most = max(_FEW, _FEW_SHARE * (self.num_numbers + self.num_odd))
        return 0 < self.num_odd <= most and self.num_odd < self.num_numbers

    def sentence(self) -> str:
        """Says which cells make the column a text, and what to do."""
        first = self.first if len(self.first) <= _MAX_SHOWN else self.first[:_MAX_SHOWN] + "…"
        if self.num_odd == 1:
            what, them, empty = f"{first} in line {self.line}", "the cell", "it"
        else:
            what, them, empty = f"{self.num_odd:,} cells, the first {first} in line {self.line}", "them", "them"
        return (
            f"{self.column} is text because of {what}; correct {them} or leave {empty} empty to make it a column of "
            "numbers"
        )


class ColumnKinds:
    """Keeps the types that all cells noted so far allow their columns to have."""

    def __init__(self) -> None:
        self._cells: dict[str, OddCells] = {}
        self._not_whole: set[str] = set()
        self._not_boolean: set[str] = set()

    def note(self, line: int, cells: dict[str, str]) -> None:
        """Takes the cells of a line into account; empty ones say nothing."""
        for column, cell in cells.items():
            if not cell:
                continue
            known = self._cells.setdefault(column, OddCells(column))
            if _NUMBER.fullmatch(cell):
                known.num_numbers += 1
            else:
                if not known.num_odd:
                    known.first, known.line = repr(cell), line
                known.num_odd += 1
            if column not in self._not_whole and not _INTEGER.fullmatch(cell):
                self._not_whole.add(column)
            if column not in self._not_boolean and cell.lower() not in _BOOLEANS:
                self._not_boolean.add(column)

    def typed(self, column: str, cell: str) -> Value:
        """A filled cell as its column has it."""
        if column not in self._not_whole:
            return int(cell)
        if column not in self._not_boolean:
            return _BOOLEANS[cell.lower()]
        return cell if self._cells[column].num_odd else float(cell)

    def odd_cells(self) -> Iterator[OddCells]:
        """Yields the columns that a few cells turn into text."""
        return (odd for odd in self._cells.values() if odd.are_few)
