"""Lookups: small files that say more about a value."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tallystick.replay.file_form import FileForm
from tallystick.replay.files import open_table
from tallystick.replay.piped import as_file
from tallystick.replay.table import InvalidRow, LeftOut, UnreadableFile


class UnusableLookup(ValueError):
    """The file is not there, lacks the key column, or answers one key twice."""


@dataclass(frozen=True, slots=True)
class LookupTable:
    """The rows of a lookup by their key, each from column to cell."""

    columns: frozenset[str]
    rows: Mapping[str, Mapping[str, str]]


def read_lookup(path: Path, *, key: str) -> LookupTable:
    """The lookup in `path`; raises `UnusableLookup`. It is held in memory whole."""
    try:
        with as_file(path) as file:
            return _read(file, key)
    except UnreadableFile as fault:
        raise UnusableLookup(str(fault)) from fault


def _read(path: Path, key: str) -> LookupTable:
    table = open_table(path, FileForm(), needed={key})
    columns = table.header.columns
    rows: dict[str, Mapping[str, str]] = {}
    for line, row in table.rows():
        if isinstance(row, LeftOut):
            continue
        if isinstance(row, InvalidRow):
            raise UnusableLookup(f"{path.name}, line {line}: {row}")
        cells = dict(zip(columns, (cell.strip() for cell in row), strict=True))
        if cells[key] in rows:
            raise UnusableLookup(f"{path.name}, line {line}: {cells[key]!r} was answered before")
        rows[cells[key]] = cells
    return LookupTable(frozenset(columns), rows)
