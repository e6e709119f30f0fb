"""A CSV file, plain or gzipped, row by row with line numbers."""

import csv
import gzip
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

from shared.faults import did_you_mean

Row = list[str]
# What a file that breaks off, or is damaged, raises while it is read. A damaged .gz is found out far into it.
BROKEN = (OSError, EOFError, zlib.error)
_SEPARATORS = (";", "\t", "|")
_HEADER_WITHIN = 30  # lines


class InvalidRow(ValueError):
    """The row makes no event; the message says which column, and why."""


class UnreadableFile(ValueError):
    """The file as a whole cannot be read: it is not there, not text, or lacks columns that are asked of it."""


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a file, in order."""

    columns: tuple[str, ...]

    def cell(self, column: str) -> Callable[[Row], str]:
        """A function that takes the cell of `column` from a row, without the blanks around it."""
        index = self.columns.index(column)
        return lambda row: row[index].strip()


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file whose header was read and holds every column that is needed."""

    path: Path
    encoding: str
    header: Header

    def rows(self) -> Iterator[tuple[int, Row | InvalidRow]]:
        """Each row below the header with the line it begins on, or why it is no row of this table.

        Empty lines are no rows. Raises `UnreadableFile` at the first byte that is not of the encoding.
        """
        width = len(self.header.columns)
        with _open(self.path, self.encoding) as text:
            parsed = self._parsed(text)
            next(parsed)
            for line, row in parsed:
                if isinstance(row, InvalidRow) or len(row) == width:
                    yield line, row
                elif row:
                    yield line, InvalidRow(f"the row has {len(row)} cells where the header has {width}")

    def _parsed(self, text: TextIO) -> Iterator[tuple[int, Row | InvalidRow]]:
        reader = csv.reader(text, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as fault:
                yield line, InvalidRow(f"lines {line} to {reader.line_num} are no CSV: {fault}")
            except UnicodeDecodeError as fault:
                raise _not_text(self.path, self.encoding, line) from fault
            except BROKEN as fault:
                raise _broken(self.path, line - 1, fault) from fault
            else:
                yield line, row


def open_table(path: Path, *, encoding: str, needed: Collection[str]) -> Table:
    """The table in `path`; raises `UnreadableFile`, naming every needed column that its header does not have once."""
    try:
        with _open(path, encoding) as text:
            columns = tuple(cell.strip() for cell in next(csv.reader(text, strict=True), ()))
    except UnicodeDecodeError as fault:
        raise _not_text(path, encoding, 1) from fault
    except BROKEN as fault:
        raise _broken(path, 0, fault) from fault
    except csv.Error as fault:
        raise UnreadableFile(f"{path}, line 1, is no CSV: {fault}") from fault
    faults = [_fault(name, columns) for name in sorted(needed) if columns.count(name) != 1]
    if faults:
        if (instead := _other_form(path, encoding, columns, needed)) is not None:
            raise UnreadableFile(f"{path.name}: {instead}")
        raise UnreadableFile(f"{path.name}: {'; '.join(faults)}. Its columns are: {', '.join(columns)}")
    return Table(path, encoding, Header(columns))


def _open(path: Path, encoding: str) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding=encoding, newline="")
    return path.open(encoding=encoding, newline="")


def _fault(name: str, columns: tuple[str, ...]) -> str:
    if name in columns:
        return f"the header has {columns.count(name)} columns called {name!r}"
    return f"there is no column {name!r}{did_you_mean(name, columns)}"


def _other_form(path: Path, encoding: str, columns: tuple[str, ...], needed: Collection[str]) -> str | None:
    """What the file seems to be instead of a CSV with its header on line 1, and what to do; None where nothing does."""
    first = ",".join(columns)
    if first.lower().startswith("sep="):
        return f"line 1 is {first!r}, which only Excel understands: remove the line"
    for separator in _SEPARATORS:
        if set(needed) <= {cell.strip() for cell in first.split(separator)}:
            return f"its cells are separated by {separator!r}: save it with commas between them"
    line = _header_line(path, encoding, needed)
    return (
        None if line is None else f"its header is on line {line}: remove the lines above it, and any total at the end"
    )


def _header_line(path: Path, encoding: str, needed: Collection[str]) -> int | None:
    """On which of the lines after the first all the columns stand that are needed; None if on none."""
    try:
        with _open(path, encoding) as text:
            reader = csv.reader(text)
            for row in islice(reader, 1, _HEADER_WITHIN):
                if set(needed) <= {cell.strip() for cell in row}:
                    return reader.line_num
    except (*BROKEN, UnicodeDecodeError, csv.Error):
        return None
    return None


def _broken(path: Path, line: int, fault: Exception) -> UnreadableFile:
    what = "breaks off" if isinstance(fault, EOFError) else "cannot be read" if not line else "is damaged"
    return UnreadableFile(f"{path.name} {what} after line {line}: {fault}")


def _not_text(path: Path, encoding: str, line: int) -> UnreadableFile:
    return UnreadableFile(
        f"{path.name} is not {encoding} near line {line}: give the mapping another `encoding`, for example cp1252"
    )
