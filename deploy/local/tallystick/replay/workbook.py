"""Rows of a sheet of a workbook (.xlsx), one in memory at a time. Cells become text as a person would write them.

A date is written as ISO 8601 has it, whatever its cell shows; a formula is its last result.
"""

import io
import warnings
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile, ZipFile

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from shared.faults import did_you_mean, first_of
from tallystick.replay.file_form import FileForm
from tallystick.replay.opened import BROKEN, broken, open_bytes
from tallystick.replay.table import RawRow, UnreadableFile

_NO_WORKBOOK = (*BROKEN, BadZipFile, InvalidFileException, KeyError, ParseError, ValueError)
# Rows and cells repeat their tags, and unpack to ten or thirty times their size. What unpacks to more than this, which
# is the bound of Apache POI too (`ZipSecureFile`), is made to fill the memory.
_MOST_TIMES = 100
_SUSPECT_FROM = 64 * 1024 * 1024  # bytes


def workbook_rows(path: Path, form: FileForm) -> Iterator[RawRow]:
    """Each row of the sheet with its number; raises `UnreadableFile`, also where the mapping must name the sheet."""
    number = 0
    with open_bytes(path, form.read) as content, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and extensions, which say nothing about cells
        try:
            workbook = _opened(path, content)
            sheet = workbook[_sheet(path, form, workbook.sheetnames)]
            for number, cells in enumerate(sheet.iter_rows(), start=1):
                yield number, _without_empty_end([_text(cell) for cell in cells])
        except UnreadableFile:
            raise
        except _NO_WORKBOOK as fault:
            raise broken(path, number, fault) from fault


def sheet_names(path: Path) -> list[str]:
    """The sheets of the workbook, in order; raises `UnreadableFile`."""
    with open_bytes(path) as content, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return [str(name) for name in _opened(path, content).sheetnames]
        except _NO_WORKBOOK as fault:
            raise broken(path, 0, fault) from fault


def _opened(path: Path, content: BinaryIO) -> openpyxl.Workbook:
    seekable = content if content.seekable() else io.BytesIO(content.read())
    _require_proportion(path, seekable)
    return openpyxl.load_workbook(seekable, read_only=True, data_only=True)


def _require_proportion(path: Path, content: BinaryIO) -> None:
    """Raises `UnreadableFile` where a part of the workbook unpacks to far more than it is. No part unpacks to more."""
    with ZipFile(content) as archive:
        for part in archive.infolist():
            if part.file_size > max(_SUSPECT_FROM, _MOST_TIMES * part.compress_size):
                raise UnreadableFile(f"{path.name} unpacks to more than {_MOST_TIMES} times its size: save it as CSV")


def _sheet(path: Path, form: FileForm, names: list[str]) -> str:
    if form.sheet is None and len(names) == 1:
        return names[0]
    if form.sheet in names:
        return str(form.sheet)
    if form.sheet is None:
        raise UnreadableFile(f"{path.name} has the sheets {first_of(names)}: name one under `sheet` in the mapping")
    near = did_you_mean(form.sheet, names)
    raise UnreadableFile(f"{path.name} has no sheet {form.sheet!r}{near}; it has {first_of(names)}")


def _text(cell: Any) -> str:
    value = cell.value
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return _instant_text(value, shows_time="h" in (cell.number_format or "").lower())
        case date() | time():
            return value.isoformat()
        case timedelta():
            return f"{value.total_seconds():.0f}s"
        case float():
            return _number_text(value)
        case _:
            return "" if value is None else str(value)


def _instant_text(value: datetime, *, shows_time: bool) -> str:
    """Excel keeps a date as its midnight: only what the cell shows tells the two apart."""
    if not shows_time and value.time() == time():
        return value.date().isoformat()
    return value.isoformat()


def _number_text(value: float) -> str:
    """The shortest number that is this one, without an exponent: ids are often numbers."""
    return f"{Decimal(repr(value)):f}".removesuffix(".0")


def _without_empty_end(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells.pop()
    return cells
