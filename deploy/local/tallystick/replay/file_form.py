"""How a file is written, and which of its rows count: what a mapping says of it, or what its header shows."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from tallystick.replay.opened import ReadBytes
from tallystick.replay.table import Header, LeftOut, Row

# What cells may be separated by where the mapping does not say it, in the order in which they are tried.
DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True)
class RowFilter:
    """The rows whose cell of `column` is one of `cells`, or none of them, count."""

    column: str
    cells: frozenset[str]
    wanted: bool

    def left_out(self, header: Header) -> Callable[[Row], LeftOut | None]:
        """A function that says why a row does not count; None where it does."""
        cell = header.cell(self.column)
        why = LeftOut(f"left out by where: {self.column}")
        return lambda row: None if (cell(row) in self.cells) == self.wanted else why


@dataclass(frozen=True, slots=True)
class FileForm:
    """How a file is written. What is None is found by its header, which has every column that is needed.

    `quote` is empty where cells are never quoted. `header_line` counts lines from 1, in a workbook rows.
    `blank` are the words that mean a blank cell. `read` counts how far the file is read that was opened last.
    """

    encoding: str = "utf-8-sig"
    delimiter: str | None = None
    quote: str = '"'
    header_line: int | None = None
    sheet: str | None = None
    blank: frozenset[str] = frozenset()
    where: tuple[RowFilter, ...] = ()
    read: ReadBytes = field(default_factory=ReadBytes, compare=False)

    def with_columns(self, needed: Collection[str]) -> frozenset[str]:
        """The needed columns, and those that choose the rows."""
        return frozenset(needed) | {each.column for each in self.where}
