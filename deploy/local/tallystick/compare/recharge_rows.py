"""The rows of a spreadsheet of recharges, by council and service; those that cannot be read, with their lines."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from shared.money import pence
from shared.period import InvalidMonth, Month
from tallystick.compare.mapping import AmountColumn, CreditRows, MonthColumn, RechargeMapping
from tallystick.replay.amounts import amount
from tallystick.replay.fields import IdField
from tallystick.replay.files import open_table
from tallystick.replay.rows import RejectedRow
from tallystick.replay.table import Header, InvalidRow, LeftOut, Row

OTHER_MONTHS = "of other months"
# As many as a workbook has of the result of a formula.
_DECIMALS = 17
_MONTH_LENGTH = len("2026-03")
# Council and service.
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class RechargeRow:
    """An amount that was charged, rounded half up to pence; a credit is below 0.

    `quantity` and `price` are None where the row has none.
    """

    line: int
    amount_pence: int
    quantity: Fraction | None
    price: Fraction | None
    is_credit: bool = False


@dataclass(slots=True)
class EarlierRecharges:
    """What the file says: rows by council and service, and what became of all of its rows.

    `names` has what the file calls each council and service, by its id.
    """

    rows: dict[Pair, list[RechargeRow]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    rows_read: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    refused: list[RejectedRow] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)


def read_recharges(path: Path, mapping: RechargeMapping, first: Month, last: Month) -> EarlierRecharges:
    """The recharges of the months from `first` to `last`, or all where the file has no months.

    Raises `UnreadableFile`.
    """
    table = open_table(path, mapping.form, needed=mapping.columns)
    found, reader = EarlierRecharges(notes=dict(table.notes)), _RowReader(mapping, table.header)
    for line, row in table.rows():
        found.rows_read += 1
        if isinstance(row, LeftOut):
            found.left_out[row.reason] += 1
        elif isinstance(row, InvalidRow):
            found.refused.append(RejectedRow(line, str(row)))
        else:
            _add(found, reader, line, row, (first, last))
    return found


def _add(found: EarlierRecharges, reader: "_RowReader", line: int, row: Row, months: tuple[Month, Month]) -> None:
    try:
        month = reader.month(row)
        if month is not None and not months[0] <= month <= months[1]:
            found.left_out[OTHER_MONTHS] += 1
            return
        pair, read = reader.pair(row), reader.recharge(line, row)
    except InvalidRow as why:
        found.refused.append(RejectedRow(line, str(why)))
        return
    found.rows.setdefault(pair, []).append(read)
    for made, text in zip(pair, reader.texts(row), strict=True):
        found.names.setdefault(made, text or made)


class _RowReader:
    def __init__(self, mapping: RechargeMapping, header: Header) -> None:
        self._council = IdField("council", mapping.council, header, {})
        self._service = IdField("service", mapping.service, header, {})
        self._amount = _number_reader(mapping.amount, header)
        self._quantity = None if mapping.quantity is None else _number_reader(mapping.quantity, header)
        self._price = None if mapping.price is None else _number_reader(mapping.price, header)
        self._month = None if mapping.month is None else _month_reader(mapping.month, header)
        self._credit = mapping.credit
        self._kind = None if mapping.credit is None else header.cell(mapping.credit.column)

    def month(self, row: Row) -> Month | None:
        """The month of the row; None where the file has none."""
        return None if self._month is None else self._month(row)

    def pair(self, row: Row) -> Pair:
        """Whom the row charged, and for what; raises `InvalidRow`, as all of these do."""
        return self._council(row), self._service(row)

    def texts(self, row: Row) -> Pair:
        """The same as the file has it."""
        return self._council.text(row), self._service.text(row)

    def recharge(self, line: int, row: Row) -> RechargeRow:
        charged = self._pence(row)
        is_credit = self._credit is not None and self._kind is not None and self._kind(row) in self._credit.in_
        if is_credit and self._credit is not None:
            return RechargeRow(line, _signed(charged, self._credit), None, None, is_credit=True)
        quantity = None if self._quantity is None else self._quantity(row)
        price = None if self._price is None or quantity is None else self._price(row)
        return RechargeRow(line, charged, quantity, price)

    def _pence(self, row: Row) -> int:
        pounds = self._amount(row)
        if pounds is None:
            raise InvalidRow("amount: the cell is blank")
        return pence(pounds)


def _signed(amount_pence: int, credit: CreditRows) -> int:
    if credit.signs == "negative" and amount_pence > 0:
        raise InvalidRow("amount: a credit above 0: write `signs: positive` under `credit` if the file has them so")
    if credit.signs == "positive" and amount_pence < 0:
        raise InvalidRow("amount: a credit below 0, though the mapping says `signs: positive`")
    return -abs(amount_pence)


def _number_reader(column: AmountColumn, header: Header) -> Callable[[Row], Fraction | None]:
    """A function that reads the number in a row; None for a blank cell."""
    cell = header.cell(column.column)

    def read(row: Row) -> Fraction | None:
        text = cell(row)
        if not text:
            return None
        return Fraction(Decimal(amount(text, column.decimal, column=column.column, decimals=_DECIMALS)))

    return read


def _month_reader(column: MonthColumn, header: Header) -> Callable[[Row], Month]:
    cell, form = header.cell(column.column), column.format

    def read(row: Row) -> Month:
        text = cell(row)
        try:
            return _month(text, form)
        except (InvalidMonth, ValueError):
            wanted = "like 2026-03, or a date within it" if form is None else f"of the form {form}"
            raise InvalidRow(f"{column.column}: {text!r} is not a month {wanted}") from None

    return read


def _month(text: str, form: str | None) -> Month:
    """A date of a workbook is a date, whatever its cell shows, and so has its day."""
    if form is not None:
        try:
            read = datetime.strptime(text, form)  # noqa: DTZ007 (only its month is read)
        except ValueError:
            read = datetime.fromisoformat(text)
        return Month.parse(f"{read.year:04}-{read.month:02}")
    return Month.parse(text if len(text) == _MONTH_LENGTH else f"{datetime.fromisoformat(text):%Y-%m}")
