"""A statement as a workbook: a summary whose sums are formulas over the lines, the lines, and the evidence.

The value that a formula has before anything computes it again is the statement's own, so both must agree. Text is never
a formula. A spreadsheet keeps fifteen digits: the JSON has every one.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.utility import xl_col_to_name

from billing.documents.shown import ShownStatement
from billing.documents.view import StatementView, statement_view
from billing.documents.xlsx_lines import LINE_COLUMNS, SheetLine, sheet_lines
from billing.domain.comparison import ComparisonRow
from billing.domain.statement_vat import CorrectedVat
from billing.domain.vat import VatTotal
from shared.web.strings import text

_WIDTHS = {"summary": (44, 26, 16, 16, 16, 16), "evidence": (64, 26, 12, 16)}
_FIRST_LINE = 2  # below the row of names
# What a part of the lines is called, as formulas write text.
_CHARGE, _CREDIT, _CORRECTION = '"charge"', '"credit"', '"correction"'


@dataclass(frozen=True, slots=True)
class _Formats:
    """What the cells look like: money with its pence, minus signs and no pound sign."""

    bold: Any
    money: Any
    total: Any
    number: Any
    day: Any
    wrapped: Any


def statement_xlsx(shown: ShownStatement) -> bytes:
    """The workbook; the same gives the same bytes. It is dated as the PDF is: the first instant after its month."""
    written = io.BytesIO()
    plain = {"strings_to_numbers": False, "strings_to_formulas": False, "strings_to_urls": False}
    workbook = Workbook(written, {**plain, "in_memory": True})
    workbook.set_properties({"title": _view(shown).title, "created": shown.statement.month.end_at.replace(tzinfo=None)})
    formats = _formats(workbook)
    summary, lines = workbook.add_worksheet(text("xlsx.summary")), workbook.add_worksheet(text("xlsx.lines"))
    rows = sheet_lines(shown.statement)
    _write_lines(lines, rows, shown, formats)
    _Summary(summary, shown, rows, formats).write()
    _write_evidence(workbook.add_worksheet(text("xlsx.evidence")), _view(shown), formats)
    workbook.close()
    return written.getvalue()


def _view(shown: ShownStatement) -> StatementView:
    return statement_view(shown)


def _formats(workbook: Any) -> _Formats:
    money = {"num_format": "#,##0.00;[Red]-#,##0.00"}
    return _Formats(
        bold=workbook.add_format({"bold": True}),
        money=workbook.add_format(money),
        total=workbook.add_format({**money, "bold": True, "top": 1}),
        number=workbook.add_format({"num_format": "#,##0.######"}),
        day=workbook.add_format({"num_format": "yyyy-mm-dd"}),
        wrapped=workbook.add_format({"text_wrap": True, "valign": "top"}),
    )


def _pounds(pence: int) -> float:
    """For a cell: the nearest double, which a spreadsheet shows with the right two decimals up to £10 trillion."""
    return float(Decimal(pence) / 100)


class _Summary:
    """The first sheet, written from the top down."""

    def __init__(self, sheet: Any, shown: ShownStatement, lines: Sequence[SheetLine], formats: _Formats) -> None:
        self._sheet, self._shown, self._formats = sheet, shown, formats
        self._last_line = max(_FIRST_LINE, len(lines) + 1)
        self._row = 0

    def write(self) -> None:
        """All of it."""
        view = _view(self._shown)
        for column, width in enumerate(_WIDTHS["summary"]):
            self._sheet.set_column(column, column, width)
        self._heading(view.title)
        if view.illustrative:
            self._words(text("statement.illustrative"), text("statement.illustrative_detail"))
        self._words(*view.notice)
        for name, value in view.header:
            self._words(name, value)
        self._sums()
        self._vat()
        self._year()
        self._heading(text("statement.verify"))
        self._words(text("statement.hash_name"), view.sha256)

    def _heading(self, *cells: str) -> None:
        if self._row:
            self._row += 1
        for column, cell in enumerate(cells):
            self._sheet.write_string(self._row, column, cell, self._formats.bold)
        self._row += 1

    def _words(self, name: str, value: str) -> None:
        self._sheet.write_string(self._row, 0, name)
        self._sheet.write_string(self._row, 1, value)
        self._row += 1

    def _sum(self, name: str, formula: str, pence: int, *, column: int = 2, total: bool = False) -> int:
        """The row of a sum, counted as the sheet counts, from 1."""
        self._sheet.write_string(self._row, 0, name)
        look = self._formats.total if total else self._formats.money
        self._sheet.write_formula(self._row, column, formula, look, _pounds(pence))
        self._row += 1
        return self._row

    def _of_lines(self, **criteria: str) -> str:
        """A sum over the lines: of those that have each value in the column of that name."""
        chosen = "".join(f",{self._column(name)},{value}" for name, value in criteria.items())
        return f"SUMIFS({self._column('amount_gbp')}{chosen})"

    def _column(self, name: str) -> str:
        letter = xl_col_to_name(LINE_COLUMNS.index(name))
        return f"{text('xlsx.lines')}!${letter}${_FIRST_LINE}:${letter}${self._last_line}"

    def _sums(self) -> None:
        statement = self._shown.statement
        self._heading(text("statement.by_service"), text("xlsx.service_id"), text("statement.amount"))
        first = self._row + 1
        for charges in statement.services:
            self._sheet.write_string(self._row, 1, charges.service.id)
            chosen = self._of_lines(part=_CHARGE, service=f"$B{self._row + 1}")
            self._sum(charges.service.name, f"={chosen}", charges.total_pence)
        self._sum(text("statement.credits"), f"={self._of_lines(part=_CREDIT)}", -statement.credits_pence)
        corrected = f"={self._of_lines(part=_CORRECTION)}"
        last = self._sum(text("statement.corrections"), corrected, statement.corrections_pence)
        total = f"=SUM(C{first}:C{last})"
        self._total = self._sum(text("statement.payable"), total, statement.payable_pence, total=True)

    def _vat(self) -> None:
        statement, names = self._shown.statement, ("vat_category", "xlsx.rate_percent", "vat_net", "vat")
        keys = [name if "." in name else f"statement.{name}" for name in names]
        self._heading(*map(text, keys))
        if statement.vat.vat_pence is None or statement.gross_pence is None:
            for note in _view(self._shown).vat.notes:
                self._words(note, "")
            return
        first = self._row + 1
        for of_provider in statement.vat.providers:
            for total in of_provider.totals:
                self._category(of_provider.provider, total)
            for each in of_provider.corrections:
                self._corrected(each)
        last = self._row
        row = self._sum(text("statement.vat"), f"=SUM(D{first}:D{last})", statement.vat.vat_pence, column=3, total=True)
        gross = f"=C{self._total}+D{row}"
        self._sum(text("statement.gross"), gross, statement.gross_pence, column=3, total=True)

    def _category(self, provider: str, total: VatTotal) -> None:
        row = self._row + 1
        self._sheet.write_string(self._row, 0, text(f"vat_treatment.{total.category.treatment}"))
        self._sheet.write_number(self._row, 1, float(total.category.rate_percent), self._formats.number)
        treated = {"vat_treatment": _quoted(total.category.treatment), "vat_rate_percent": f"$B{row}"}
        of_month = {"provider": _quoted(provider), "month": _quoted(str(self._shown.statement.month)), **treated}
        net = self._of_lines(**of_month)
        self._sheet.write_formula(self._row, 2, f"={net}", self._formats.money, _pounds(total.net_pence))
        vat = f"=ROUND(C{row}*B{row}/100,2)"
        self._sheet.write_formula(self._row, 3, vat, self._formats.money, _pounds(total.vat_pence))
        self._row += 1

    def _corrected(self, each: CorrectedVat) -> None:
        """What corrections of one month add; their VAT is the difference to what was booked, and so no formula."""
        self._sheet.write_string(self._row, 0, text("statement.corrections"))
        self._sheet.write_number(self._row, 1, float(each.category.rate_percent), self._formats.number)
        self._money(2, each.net_pence, self._formats.money)
        self._money(3, each.vat_pence, self._formats.money)
        self._row += 1

    def _year(self) -> None:
        compared = self._shown.comparison
        year = _view(self._shown).year
        if compared is None or year is None:
            return
        self._heading(text("statement.compared"), *year.columns)
        for label, row in zip(year.labels, compared.rows, strict=True):
            self._compared(label, row)
        for note in year.notes:
            self._words(note, "")

    def _compared(self, label: str, row: ComparisonRow) -> None:
        look = self._formats.total if row.kind == "total" else self._formats.money
        self._sheet.write_string(self._row, 0, label)
        for column, pence in enumerate((row.this_pence, row.last_pence), start=1):
            self._money(column, pence, look)
        if row.change_pence is not None:
            change = f"=B{self._row + 1}-C{self._row + 1}"
            self._sheet.write_formula(self._row, 3, change, look, _pounds(row.change_pence))
        self._money(4, row.year_ago_pence, look)
        self._money(5, row.to_date_pence, look)
        self._row += 1

    def _money(self, column: int, pence: int | None, look: Any) -> None:
        if pence is not None:
            self._sheet.write_number(self._row, column, _pounds(pence), look)


def _quoted(id_: str) -> str:
    """An id or a word as formulas write text: neither has a quotation mark."""
    return f'"{id_}"'


def _write_lines(sheet: Any, lines: Sequence[SheetLine], shown: ShownStatement, formats: _Formats) -> None:
    for column, name in enumerate(LINE_COLUMNS):
        sheet.write_string(0, column, name, formats.bold)
        sheet.set_column(column, column, max(12, len(name) + 2))
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(1, len(lines)), len(LINE_COLUMNS) - 1)
    for row, line in enumerate(lines, start=1):
        for column, value in enumerate(line):
            _write(sheet, row, column, value, formats)
    amount = LINE_COLUMNS.index("amount_gbp")
    letter, end = xl_col_to_name(amount), max(_FIRST_LINE, len(lines) + 1)
    sheet.write_string(end + 1, 0, text("statement.payable"), formats.bold)
    formula = f"=SUM({letter}{_FIRST_LINE}:{letter}{end})"
    sheet.write_formula(end + 1, amount, formula, formats.total, _pounds(shown.statement.payable_pence))


def _write(sheet: Any, row: int, column: int, value: object, formats: _Formats) -> None:
    match value:
        case None | "":
            return
        case str():
            sheet.write_string(row, column, value)
        case int():  # pence
            sheet.write_number(row, column, _pounds(value), formats.money)
        case Decimal():
            sheet.write_number(row, column, float(value), formats.number)
        case _:
            sheet.write_datetime(row, column, value, formats.day)


def _write_evidence(sheet: Any, view: StatementView, formats: _Formats) -> None:
    for column, width in enumerate(_WIDTHS["evidence"]):
        sheet.set_column(column, column, width)
    tables: tuple[tuple[tuple[str, ...], Sequence[tuple[str, ...]]], ...] = (
        (("statement.events", "statement.number"), view.events),
        (("statement.unbilled", "statement.service", "statement.events", "statement.quantity"), view.unbilled),
        (("statement.tariffs", "statement.version", "statement.in_force_from"), view.tariffs),
    )
    row = 0
    for names, cells in tables:
        if not cells:
            continue
        for column, name in enumerate(names):
            sheet.write_string(row, column, text(name), formats.bold)
        for row, texts in enumerate(cells, start=row + 1):  # noqa: B020 (the next row below)
            for column, cell in enumerate(texts):
                _write_count(sheet, row, column, cell, formats)
        row += 2


def _write_count(sheet: Any, row: int, column: int, cell: str, formats: _Formats) -> None:
    """A count is a number; a day, a name or a version is text."""
    digits = cell.replace(",", "")
    if column and digits.isascii() and digits.isdigit():
        sheet.write_number(row, column, int(digits), formats.number)
    else:
        sheet.write_string(row, column, cell, formats.wrapped)
