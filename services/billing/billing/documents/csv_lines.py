"""A statement's lines as CSV (RFC 4180): ISO dates, plain decimals, no pound signs, text that no spreadsheet runs."""

import codecs
import csv
import io
from collections.abc import Iterator

from billing.domain.charge_line import ChargeLine, plain
from billing.domain.coding import LineCoding
from billing.domain.credits.credit_line import CreditLine
from billing.domain.credits.reason import reason
from billing.domain.issued import CorrectionLine
from billing.domain.statement import Statement
from billing.domain.statement_vat import CorrectedVat
from billing.domain.vat import LineVat, VatTotal
from shared.csv_cells import escape_formula
from shared.money import exact_text, plain_gbp
from shared.period import Month

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
    "vat_treatment",
    "vat_rate_percent",
    "vat_gbp",
    "rules_version",
    "cost_centre",
    "ledger_code",
    "purchase_order",
)


def lines_csv(statement: Statement) -> str:
    """A row for each charge line, service credit and correction, and then each VAT category, under a row of names.

    The column amount_gbp adds up to what is payable before VAT: credits are below 0, and a correction that is not
    settled in this statement is of 0. VAT is of a category and of no line: it is in the column vat_gbp of its own row.
    """
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(COLUMNS)
    writer.writerows(_rows(statement))
    return written.getvalue()


def csv_form(statement: Statement) -> bytes:
    """The lines in UTF-8, for programs."""
    return lines_csv(statement).encode()


def csv_file(statement: Statement) -> bytes:
    """The same for spreadsheets."""
    return for_spreadsheets(csv_form(statement))


def for_spreadsheets(written: bytes) -> bytes:
    """CSV in UTF-8 with a mark: without it Excel takes the old code page, and mangles Welsh names."""
    return codecs.BOM_UTF8 + written


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
    for each in statement.corrections:
        yield (*head, each.service, escape_formula(names.get(each.service, each.service_name)), *_correction(each))
    for of_provider in statement.vat.providers:
        for total in of_provider.rows:
            yield (*head, "", "", *_vat(of_provider.provider, total, statement.month))


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
        "; ".join(working.formula for working in line.workings),
        exact_text(line.amount_exact),
        plain_gbp(line.amount_pence),
        line.absence or "",
        line.ref,
        *_treatment(line.vat),
        "",
        str(line.rules_version),
        *_codes(line.coding),
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
        *_treatment(line.vat),
        "",
        str(line.rules_version),
        *_codes(line.coding),
    )


def _correction(line: CorrectionLine) -> tuple[str, ...]:
    """Its days are those of the month that it corrects."""
    amount = plain_gbp(line.payable_pence)
    return (
        f"Correction: {line.name}",
        "correction",
        line.agreement,
        "",
        "",
        line.month.first_day.isoformat(),
        line.month.next.first_day.isoformat(),
        "",
        "",
        f"was {plain_gbp(line.was_pence)}, now {plain_gbp(line.now_pence)}; {line.cause}; {line.settled}",
        amount,
        amount,
        "",
        line.ref,
        *(("", "") if line.vat is None else (line.vat.treatment, plain(line.vat.rate_percent))),
        "",
        "",
        *_codes(line.coding),
    )


def _vat(provider: str, total: VatTotal | CorrectedVat, month: Month) -> tuple[str, ...]:
    category = total.category
    return (
        f"VAT on the charges of {provider}",
        "vat",
        "",
        "",
        "",
        month.first_day.isoformat(),
        month.next.first_day.isoformat(),
        "",
        "",
        f"{plain_gbp(total.net_pence)} x {plain(category.rate_percent)}/100",
        "0",
        plain_gbp(0),
        "",
        "",
        category.treatment,
        plain(category.rate_percent),
        plain_gbp(total.vat_pence),
        "",
        *_codes(None),
    )


def _treatment(vat: LineVat | None) -> tuple[str, str]:
    return ("", "") if vat is None else (vat.treatment, plain(vat.rate_percent))


def _codes(coding: LineCoding | None) -> tuple[str, str, str]:
    """A code begins with a letter or a digit, so that no spreadsheet runs it."""
    return ("", "", "") if coding is None else (coding.cost_centre, coding.ledger_code, coding.purchase_order)
