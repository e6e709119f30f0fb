"""Rows of a CSV of payments, read strictly: each is a payment or the faults of its cells.

Columns, in any order: number, amount, paid_on, reference, payment. Amounts are pounds in plain digits.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from io import StringIO

import msgspec

from billing.domain.payments import WantedPayment
from shared.contracts.scalars import END_OF_TEXT
from shared.contracts.statements import DocumentNumber
from shared.period import YEARS

COLUMNS = ("number", "amount", "paid_on", "reference", "payment")
MAX_ROWS = 2_000
MAX_CELL = 500
_AMOUNT = re.compile(r"([0-9]{1,11})(?:\.([0-9]{1,2}))?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
STEP_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}" + END_OF_TEXT
_ID = re.compile(STEP_ID_PATTERN)


class UnreadableCsv(ValueError):
    """The file is no CSV of payments, so that nothing of it is recorded; `faults` say where and why."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class RowFault:
    """What is wrong with a row: the line of the file on which it begins, counted from 1, and the column."""

    line: int
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """A payment, the number of the statement that it is for, and the line on which its row begins."""

    line: int
    number: str
    payment: WantedPayment


def payment_rows(content: bytes) -> tuple[list[PaymentRow], list[RowFault]]:
    """The rows that can be read, and the faults of the others. Raises `UnreadableCsv`."""
    rows: list[PaymentRow] = []
    faults: list[RowFault] = []
    for line, cells in _records(content):
        wrong = list(_faults(line, cells))
        faults += wrong
        if not wrong:
            rows.append(PaymentRow(line, cells["number"], _payment(cells)))
    return rows, faults


def _records(content: bytes) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Each row's first line, and its cells by column; empty rows are left out."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise UnreadableCsv(f"expected UTF-8: byte {fault.start + 1} is not") from fault
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    read, line = 0, 1
    columns: tuple[str, ...] | None = None
    faults: list[str] = []
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as fault:
            raise UnreadableCsv(*faults, f"line {line}: {fault}") from fault
        if cells is None:
            break
        first, line = line, reader.line_num + 1
        if not any(cell.strip() for cell in cells):
            continue
        if columns is None:
            columns = _columns(first, cells)
            continue
        read += 1
        if len(cells) != len(columns) and read <= MAX_ROWS:
            faults.append(f"line {first}: expected {len(columns)} cells as in the first row, got {len(cells)}")
            continue
        if read > MAX_ROWS:
            raise UnreadableCsv(*faults, f"line {first}: expected at most {MAX_ROWS:,} payments in a file")
        yield first, dict(zip(columns, (cell.strip() for cell in cells), strict=True))
    if columns is None:
        raise UnreadableCsv(f"expected a first row with the columns {', '.join(COLUMNS)}")
    if faults:
        raise UnreadableCsv(*faults)


def _columns(line: int, cells: list[str]) -> tuple[str, ...]:
    columns = tuple(cell.strip() for cell in cells)
    if sorted(columns) != sorted(COLUMNS):
        raise UnreadableCsv(f"line {line}: expected the columns {', '.join(COLUMNS)}, each once, and no other")
    return columns


def _faults(line: int, cells: Mapping[str, str]) -> Iterator[RowFault]:
    if not _is_number(cells["number"]):
        yield RowFault(line, "number", "expected the number of a statement, like 2026-27.0001")
    if pence_of(cells["amount"]) is None:
        yield RowFault(line, "amount", "expected pounds above 0 in plain digits, like 1234.50")
    if day_of(cells["paid_on"]) is None:
        yield RowFault(line, "paid_on", f"expected a date like 2026-04-01, of {YEARS[0]} to {YEARS[-1]}")
    if len(cells["reference"]) > MAX_CELL or (cells["reference"] and not cells["reference"].isprintable()):
        yield RowFault(line, "reference", f"expected at most {MAX_CELL} characters of plain text on one line")
    if not _ID.match(cells["payment"]):
        yield RowFault(line, "payment", "expected an id of your own: 1 to 40 of A-Z a-z 0-9 _ . -")


def _payment(cells: Mapping[str, str]) -> WantedPayment:
    amount, day = pence_of(cells["amount"]), day_of(cells["paid_on"])
    if amount is None or day is None:
        raise ValueError("a row with faults is no payment")
    return WantedPayment(cells["payment"], amount, day, cells["reference"])


def pence_of(text: str) -> int | None:
    """The pence that pounds in plain digits are, up to £10 billion; None for anything else, and for nothing."""
    found = _AMOUNT.fullmatch(text)
    if found is None:
        return None
    amount = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
    return amount if 0 < amount <= 1_000_000_000_000 else None


def day_of(text: str) -> date | None:
    """The date that `2026-04-01` is; None for anything else."""
    if not _DAY.fullmatch(text):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year in YEARS else None


def _is_number(text: str) -> bool:
    try:
        msgspec.convert(text, DocumentNumber)
    except msgspec.ValidationError:
        return False
    return True
