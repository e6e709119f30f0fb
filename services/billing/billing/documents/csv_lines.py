"""A statement's lines as CSV (RFC 4180): ISO dates, plain decimals, no pound signs, text that no spreadsheet runs."""

import csv
import io
from collections.abc import Iterator

from billing.domain.charge_line import ChargeLine, ProratedMonth, TierStep, Working, exact_text, plain
from billing.domain.credits.credit_line import CreditLine
from billing.domain.credits.reason import reason
from billing.domain.statement import Statement
from shared.csv_cells import escape_formula
from shared.money import plain_gbp
from shared.period import Month

BOM = "\ufeff"  # Excel takes a file without one for the machine's old code page, and mangles Welsh names
COLUMNS = (
    "council",
    "council_name",
    "gss",
    "month",
    "status",
    "illustrative",
    "service",
    "service_name",
    "charge",
    "kind",
    "agreement",
    "tariff",
    "tariff_version",
    "first_day",
    "end_day_excluded",
    "quantity",
    "unit",
    "working",
    "amount_exact_gbp",
    "amount_gbp",
    "absence",
    "line_ref",
)


def lines_csv(statement: Statement) -> str:
    """A row for each charge line, then for each service credit, under a row of names.

    The column amount_gbp adds up to the statement's total: credits are below 0.
    """
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(COLUMNS)
    writer.writerows(_rows(statement))
    return written.getvalue()


def _rows(statement: Statement) -> Iterator[tuple[str, ...]]:
    council = statement.council
    head = (
        council.id,
        escape_formula(council.name),
        council.gss or "",
        str(statement.month),
        statement.status,
        "yes" if statement.illustrative else "no",
    )
    for charges in statement.services:
        for line in charges.lines:
            yield (*head, charges.service.id, escape_formula(charges.service.name), *_line(line))
    names = {charges.service.id: charges.service.name for charges in statement.services}
    for credit in statement.credits:
        yield (*head, credit.service, escape_formula(names.get(credit.service, "")), *_credit(credit, statement.month))


def _line(line: ChargeLine) -> tuple[str, ...]:
    return (
        escape_formula(line.charge),
        line.kind,
        line.agreement,
        line.tariff,
        str(line.tariff_version),
        line.first_day.isoformat(),
        line.end_day.isoformat(),
        plain(line.quantity),
        line.unit,
        "; ".join(_working(working) for working in line.workings),
        exact_text(line.amount_exact),
        plain_gbp(line.amount_pence),
        line.absence or "",
        line.ref,
    )


def _credit(line: CreditLine, month: Month) -> tuple[str, ...]:
    amount = plain_gbp(-line.applied_pence)
    return (
        f"Service credit: {line.target}",
        "service-credit",
        line.agreement,
        "",
        "",
        month.first_day.isoformat(),
        month.next.first_day.isoformat(),
        "",
        "",
        reason(line),
        amount,
        amount,
        "",
        line.ref,
    )


def _working(working: Working) -> str:
    match working:
        case ProratedMonth(days=days, of_days=of_days, price=price):
            return f"{plain(price)} x {days}/{of_days} days"
        case TierStep(above=above, up_to=None, quantity=quantity, price=price) if above == 0:
            return f"{plain(quantity)} x {plain(price)}"
        case TierStep(above=above, up_to=up_to, quantity=quantity, price=price):
            bound = "no limit" if up_to is None else plain(up_to)
            return f"above {plain(above)} to {bound}: {plain(quantity)} x {plain(price)}"
