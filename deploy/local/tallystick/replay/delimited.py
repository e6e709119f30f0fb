"""Rows of a text file whose cells are separated by a character: CSV, TSV and their like."""

import csv
from codecs import getincrementaldecoder
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from tallystick.replay.file_form import FileForm
from tallystick.replay.opened import BROKEN, broken, open_bytes, open_text
from tallystick.replay.table import InvalidRow, RawRow, UnreadableFile

MAX_CELL = 10 * 1024 * 1024  # characters
LONGEST_ROW = 16 * 1024 * 1024  # characters: a file that unpacks to one line without an end must not fill the memory
_CHUNK = 1_000_000  # bytes
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def declared_delimiter(path: Path, form: FileForm) -> str | None:
    """What the line `sep=;`, as Excel writes and reads it, says; None where the first line is another."""
    with _faults_as_unreadable(path, form), open_text(path, form.encoding, form.read) as text:
        first = text.readline(16).rstrip("\r\n").strip('"')
    return first[4:] if first.lower().startswith("sep=") and len(first) == 5 else None


def delimited_rows(path: Path, form: FileForm, delimiter: str) -> Iterator[RawRow]:
    """Each row with the line it begins on, or why it is none; the line `sep=` is no row. An empty line is an empty row.

    Raises `UnreadableFile` at the first byte that is not of the encoding, and where the file is damaged.
    """
    csv.field_size_limit(MAX_CELL)
    with _faults_as_unreadable(path, form), open_text(path, form.encoding, form.read) as text:
        yield from _parsed(path, form, text, delimiter)


def _parsed(path: Path, form: FileForm, text: TextIO, delimiter: str) -> Iterator[RawRow]:
    quoting: dict[str, Any] = {"quotechar": form.quote} if form.quote else {"quoting": csv.QUOTE_NONE}
    lines = _Lines(path, text)
    reader = csv.reader(lines, delimiter=delimiter, strict=True, **quoting)
    while True:
        line = lines.begins_row()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            yield line, InvalidRow(_no_row(line, reader.line_num, str(fault)))
        except UnicodeDecodeError as fault:
            raise _not_text(path, form.encoding) from fault
        except BROKEN as fault:
            raise broken(path, line - 1, fault) from fault
        else:
            if line == 1 and len(row) <= 2 and row and row[0].lower().startswith("sep="):
                continue
            yield line, row


class _Lines:
    """The lines of a text, their ends as they are; raises `UnreadableFile` where those of one row are too long."""

    def __init__(self, path: Path, text: TextIO) -> None:
        self._path, self._read = path, text.readline
        self._count = self._first = self._length = 0

    def begins_row(self) -> int:
        """The number of the line that comes next, with which a row begins."""
        self._first, self._length = self._count + 1, 0
        return self._first

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._read(LONGEST_ROW + 1)
        if not line:
            raise StopIteration
        self._count += 1
        self._length += len(line)
        if self._length > LONGEST_ROW:
            raise UnreadableFile(
                f"{self._path.name}, line {self._first}: a row has more than {LONGEST_ROW:,} characters: is a quote "
                "missing, or is this no table?"
            )
        return line


class _faults_as_unreadable:  # noqa: N801 (a context manager reads as a function)
    """What goes wrong before the first row is said like everything else."""

    def __init__(self, path: Path, form: FileForm) -> None:
        self._path, self._form = path, form

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, fault: BaseException | None, __: object) -> None:
        if isinstance(fault, UnicodeDecodeError):
            raise _not_text(self._path, self._form.encoding) from fault
        if isinstance(fault, BROKEN):
            raise broken(self._path, 0, fault) from fault


def _no_row(first: int, last: int, fault: str) -> str:
    if "field larger than field limit" in fault:
        fault = f"a cell has more than {MAX_CELL:,} characters: is a quote missing?"
    return f"line {first} is no CSV: {fault}" if first == last else f"lines {first} to {last} are no CSV: {fault}"


def _not_text(path: Path, encoding: str) -> UnreadableFile:
    """What is said of a file that is not of the encoding, with the line of the first byte that is not."""
    with path.open("rb") as content:
        advice = "utf-16" if content.read(2) in _UTF_16 else "cp1252"
    line = _line_of_fault(path, encoding)
    advised = f"near line {line}: give the mapping another `encoding`, for example {advice}"
    if line > 1 and advice == "cp1252":
        advised += ", or save the file in one encoding"
    return UnreadableFile(f"{path.name} is not {encoding} {advised}")


def _line_of_fault(path: Path, encoding: str) -> int:
    decoder, line = getincrementaldecoder(encoding)(), 1
    with open_bytes(path) as content:
        while chunk := content.read(_CHUNK):
            try:
                line += decoder.decode(chunk).count("\n")
            except UnicodeDecodeError as fault:
                return line + bytes(fault.object[: fault.start]).decode(encoding, "ignore").count("\n")
    return line
