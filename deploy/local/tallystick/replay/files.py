"""An export opened as a table: CSV, TSV, workbook or JSON lines, plain or packed."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from shared.faults import did_you_mean, first_of
from tallystick.replay.delimited import declared_delimiter, delimited_rows
from tallystick.replay.file_form import DELIMITERS, FileForm
from tallystick.replay.json_lines import json_rows, require_columns
from tallystick.replay.opened import BROKEN, broken, kind_of
from tallystick.replay.table import Header, InvalidRow, RawRow, Row, Table, UnreadableFile

_HEADER_WITHIN = 30  # rows
Rows = Callable[[], Iterator[RawRow]]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A way to read the file, its first rows by it, and what is noted where it is the one."""

    rows: Rows
    first: list[RawRow]
    note: str | None = None


def open_table(path: Path, form: FileForm, *, needed: Collection[str]) -> Table:
    """The table in `path`; raises `UnreadableFile`, naming every needed column that its header does not have once.

    Where the mapping does not say on which line the header is, or what separates cells, it is the first line of the
    file that has all the columns that are needed, by the first separator by which any has; that is noted. A column of
    text or of a workbook may differ from the name that is needed in capital letters and spaces, which is noted too.
    """
    needed = form.with_columns(needed)
    try:
        kind = kind_of(path)
    except BROKEN as fault:
        raise broken(path, 0, fault) from fault
    if kind == "json-lines":
        return _json_table(path, form, needed)
    if kind == "workbook":
        from tallystick.replay.workbook import workbook_rows

        rows = partial(workbook_rows, path, form)
        candidates = [_Candidate(rows, _first(rows, form))]
        return _table(path, form, candidates, needed, typed=True)
    return _table(path, form, _by_separator(path, form, tabs=kind == "tabs"), needed, typed=False)


def _json_table(path: Path, form: FileForm, needed: Collection[str]) -> Table:
    require_columns(path, form, needed)
    header = Header(tuple(sorted(needed)), form.blank)
    left_out = tuple(each.left_out(header) for each in form.where)
    return Table(path, header, partial(json_rows, path, form, header.columns), left_out)


def _by_separator(path: Path, form: FileForm, *, tabs: bool) -> list[_Candidate]:
    if form.delimiter is not None:
        delimiters, note = [form.delimiter], None
    elif (declared := declared_delimiter(path, form)) is not None:
        delimiters, note = [declared], None
    else:
        delimiters = ["\t"] if tabs else list(DELIMITERS)
        note = "cells are separated by {!r}, as the header shows"
    found: list[_Candidate] = []
    for each in delimiters:
        rows = partial(delimited_rows, path, form, each)
        unusual = None if note is None or each == "," or tabs else note.format(each)
        found.append(_Candidate(rows, _first(rows, form), unusual))
    return found


def _first(rows: Rows, form: FileForm) -> list[RawRow]:
    until = max(_HEADER_WITHIN, form.header_line or 0)
    return list(islice(rows(), until))


def _table(path: Path, form: FileForm, candidates: list[_Candidate], needed: Collection[str], *, typed: bool) -> Table:
    for candidate in candidates:
        for index, (line, row) in enumerate(candidate.first):
            if _is_header(form, index, line, row, needed):
                return _found(path, form, candidate, index, needed, typed=typed)
    raise UnreadableFile(f"{path.name}: {_what_is_missing(form, candidates, needed)}")


def _is_header(form: FileForm, index: int, line: int, row: Row | InvalidRow, needed: Collection[str]) -> bool:
    if isinstance(row, InvalidRow) or form.header_line not in {None, line}:
        return False
    columns = _as_needed([cell.strip() for cell in row], needed)
    is_named = bool(needed) or form.header_line is not None or index == 0
    return is_named and all(columns.count(name) == 1 for name in needed)


def _as_needed(columns: list[str], needed: Collection[str]) -> list[str]:
    """The columns, by the needed name where that differs from one of them alone, in capital letters and spaces."""
    missing, folded = set(needed) - set(columns), [_folded(name) for name in columns]
    names = {_folded(name): name for name in missing if folded.count(_folded(name)) == 1}
    return [names.get(each, column) for column, each in zip(columns, folded, strict=True)]


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def _found(
    path: Path, form: FileForm, candidate: _Candidate, index: int, needed: Collection[str], *, typed: bool
) -> Table:
    line, row = candidate.first[index]
    columns = [] if isinstance(row, InvalidRow) else [cell.strip() for cell in row]
    header = Header(tuple(_as_needed(columns, needed)), form.blank)
    notes = {candidate.note: 1} if candidate.note is not None else {}
    for there, named in zip(columns, header.columns, strict=True):
        if there != named:
            notes[f"the column {there!r} is read as {named!r}"] = 1
    if index and form.header_line is None:
        notes[f"lines above the header, which is on line {line}: not read"] = index
    return Table(
        path,
        header,
        lambda: islice(candidate.rows(), index + 1, None),
        tuple(each.left_out(header) for each in form.where),
        ragged=typed,
        typed=typed,
        notes=notes,
    )


def _what_is_missing(form: FileForm, candidates: list[_Candidate], needed: Collection[str]) -> str:
    """Every column that is not there once, in the row that has the most of them."""
    rows = [
        (line, [cell.strip() for cell in row])
        for candidate in candidates
        for line, row in candidate.first
        if not isinstance(row, InvalidRow) and row and form.header_line in {None, line}
    ]
    if not rows:
        broken_row = next((str(row) for each in candidates for _, row in each.first if isinstance(row, InvalidRow)), "")
        where = "is empty" if form.header_line is None else f"has no line {form.header_line}"
        return broken_row or f"the file {where}"
    line, columns = max(rows, key=lambda found: (sum(name in found[1] for name in needed), -found[0]))
    faults = [_fault(name, columns) for name in sorted(needed) if columns.count(name) != 1]
    return f"{'; '.join(faults)}. Its columns{'' if line == 1 else f' on line {line}'} are: {first_of(columns)}"


def _fault(name: str, columns: list[str]) -> str:
    if name in columns:
        return f"the header has {columns.count(name)} columns called {name!r}"
    return f"there is no column {name!r}{did_you_mean(name, columns)}"
