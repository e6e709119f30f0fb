"""What the rows of an export are below its header, whatever kind of file it is; `files.py` opens one."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

Row = list[str]


class InvalidRow(ValueError):
    """The row makes no event; the message says which column, and why."""


class UnreadableFile(ValueError):
    """The file as a whole cannot be read: it is not there, not text, or lacks columns that are asked of it."""


class LeftOut(NamedTuple):
    """Why a row does not count, though nothing is wrong with it."""

    reason: str


# A row with the line on which it begins, counted from 1, or why it is no row.
RawRow = tuple[int, Row | InvalidRow]
BLANK_ROW = LeftOut("blank: no cell says anything")


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a file, in order, and the words that mean a blank cell."""

    columns: tuple[str, ...]
    blank: frozenset[str] = frozenset()

    def cell(self, column: str) -> Callable[[Row], str]:
        """A function that takes the cell of `column` from a row, without the spaces around it."""
        index, blank = self.columns.index(column), self.blank
        if not blank:
            return lambda row: row[index].strip()
        return lambda row: "" if (text := row[index].strip()) in blank else text


@dataclass(frozen=True, slots=True)
class Table:
    """A file whose header was read and holds every column that is needed.

    `below` gives its rows below the header each time it is called; `ragged` says that cells at the end of a row may be
    left out where they are empty, as in workbooks. `typed` says that dates are dates, written as ISO 8601 has them.
    `notes` are what was found out about the file.
    """

    path: Path
    header: Header
    below: Callable[[], Iterable[RawRow]]
    left_out: tuple[Callable[[Row], LeftOut | None], ...] = ()
    ragged: bool = False
    typed: bool = False
    notes: dict[str, int] = field(default_factory=dict)

    def rows(self) -> Iterator[tuple[int, Row | InvalidRow | LeftOut]]:
        """Each row below the header with the line it begins on, or why it is no row of this table or does not count.

        Empty lines are no rows. Raises `UnreadableFile` at the first byte that is not of the encoding.
        """
        for line, row in self.below():
            if isinstance(row, InvalidRow):
                yield line, row
            elif row:
                yield line, self._checked(row)

    def _checked(self, row: Row) -> Row | InvalidRow | LeftOut:
        width = len(self.header.columns)
        if not any(cell and not cell.isspace() for cell in row):
            return BLANK_ROW
        if self.ragged and len(row) < width:
            row = [*row, *[""] * (width - len(row))]
        if len(row) != width:
            return InvalidRow(f"the row has {len(row)} cells where the header has {width}")
        for why in self.left_out:
            if (reason := why(row)) is not None:
                return reason
        return row
