"""The lines of a statement as a workbook has them: a row each, money in pence and dates until they are written."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from billing.domain.charge_line import ChargeLine
from billing.domain.coding import LineCoding
from billing.domain.credits.credit_line import CreditLine
from billing.domain.credits.reason import reason
from billing.domain.issued import CorrectionLine
from billing.domain.statement import Statement
from billing.domain.vat import VatCategory
from shared.money import plain_gbp
from shared.web.strings import text


class SheetLine(NamedTuple):
    """`part` is charge, credit or correction; an amount in pence is written in pounds; days are both included."""

    part: str
    provider: str
    service: str
    service_name: str
    line: str
    month: str
    agreement: str
    tariff: str
    tariff_version: str
    first_day: date | None
    last_day: date | None
    quantity: Decimal | None
    unit: str
    working: str
    amount_gbp: int
    vat_treatment: str
    vat_rate_percent: Decimal | None
    cost_centre: str
    ledger_code: str
    purchase_order: str
    line_ref: str


LINE_COLUMNS = SheetLine._fields


def sheet_lines(statement: Statement) -> tuple[SheetLine, ...]:
    """Charges, credits below 0, then corrections; a correction that is not settled here is of 0 pence."""
    return (*_charges(statement), *_credits(statement), *_corrections(statement))


def _charges(statement: Statement) -> Iterator[SheetLine]:
    for charges in statement.services:
        for line in charges.lines:
            yield _charge(line, statement, charges.service.name)


def _charge(line: ChargeLine, statement: Statement, service: str) -> SheetLine:
    return SheetLine(
        "charge",
        _provider(statement, line.agreement),
        line.service,
        service,
        line.charge,
        str(statement.month),
        line.agreement,
        line.tariff,
        str(line.tariff_version),
        line.first_day,
        date.fromordinal(line.end_day.toordinal() - 1),
        line.quantity,
        line.unit,
        "; ".join(working.formula for working in line.workings),
        line.amount_pence,
        *_treatment(None if line.vat is None else line.vat.category),
        *_codes(line.coding),
        line.ref,
    )


def _credits(statement: Statement) -> Iterator[SheetLine]:
    names = _names(statement)
    for line in statement.credits:
        yield _credit(line, statement, names.get(line.service, line.service))


def _credit(line: CreditLine, statement: Statement, service: str) -> SheetLine:
    month = statement.month
    return SheetLine(
        "credit",
        _provider(statement, line.agreement),
        line.service,
        service,
        line.target,
        str(month),
        line.agreement,
        "",
        "",
        month.first_day,
        month.first_day.replace(day=month.days),
        None,
        "",
        reason(line),
        -line.applied_pence,
        *_treatment(None if line.vat is None else line.vat.category),
        *_codes(line.coding),
        line.ref,
    )


def _corrections(statement: Statement) -> Iterator[SheetLine]:
    names = _names(statement)
    for line in statement.corrections:
        yield _correction(line, names.get(line.service, line.service_name or line.service))


def _correction(line: CorrectionLine, service: str) -> SheetLine:
    return SheetLine(
        "correction",
        line.provider,
        line.service,
        service,
        line.name,
        str(line.month),
        line.agreement,
        "",
        "",
        line.month.first_day,
        line.month.first_day.replace(day=line.month.days),
        None,
        "",
        text(
            "statement.correction_working",
            was=plain_gbp(line.was_pence),
            now=plain_gbp(line.now_pence),
            cause=text(f"correction_cause.{line.cause}"),
            settled=text(f"settled.{line.settled}"),
        ),
        line.payable_pence,
        *_treatment(line.vat),
        *_codes(line.coding),
        line.ref,
    )


def _names(statement: Statement) -> dict[str, str]:
    return {charges.service.id: charges.service.name for charges in statement.services}


def _provider(statement: Statement, agreement: str) -> str:
    return next(each.provider for each in statement.agreements if each.id == agreement)


def _treatment(category: VatCategory | None) -> tuple[str, Decimal | None]:
    return ("", None) if category is None else (category.treatment, category.rate_percent)


def _codes(coding: LineCoding | None) -> tuple[str, str, str]:
    return ("", "", "") if coding is None else (coding.cost_centre, coding.ledger_code, coding.purchase_order)
