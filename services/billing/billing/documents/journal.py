"""A statement as a journal that the council's finance system takes without typing: debits and credits that balance.

What the services cost is debited by finance code and VAT category, VAT to recover by category, and what is due is
credited to the provider. Amounts below 0 change sides, never signs. Rows of nothing are left out.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from billing.documents.csv_lines import for_spreadsheets
from billing.documents.invoicing_view import category_text
from billing.domain.charge_line import plain
from billing.domain.coding import LineCoding
from billing.domain.statement import Statement
from billing.domain.vat import LineVat, VatCategory
from shared.csv_cells import escape_formula
from shared.money import plain_gbp
from shared.web.formats import month_name
from shared.web.strings import text

# cost: what a service costs · vat: VAT to recover · creditor: what is due to a provider
Account = Literal["cost", "vat", "creditor"]
COLUMNS = (
    "council",
    "month",
    "date",
    "statement_number",
    "status",
    "illustrative",
    "account",
    "provider",
    "service",
    "cost_centre",
    "ledger_code",
    "purchase_order",
    "vat_treatment",
    "vat_rate_percent",
    "narrative",
    "debit_gbp",
    "credit_gbp",
)
_NO_CODES = LineCoding()


@dataclass(frozen=True, slots=True)
class JournalRow:
    """`pence` above 0 are debited, below 0 credited; `service` is empty but for costs."""

    account: Account
    provider: str
    service: str
    coding: LineCoding
    category: VatCategory | None
    narrative: str
    pence: int


@dataclass(frozen=True, slots=True)
class _Cost:
    """What is summed up in one row."""

    provider: str
    service: str
    coding: LineCoding | None
    category: VatCategory | None
    narrative: str


def journal_rows(statement: Statement) -> tuple[JournalRow, ...]:
    """The rows by provider, costs in the order of the lines; their pence sum to 0.

    Those of the creditors are together what is payable: with VAT, or before it while some treatment is not recorded.
    """
    costs: Counter[_Cost] = Counter()
    for cost, pence in _costs(statement):
        costs[cost] += pence
    rows = [*map(_cost_row, costs.items()), *_vat_rows(statement)]
    due: Counter[str] = Counter()
    for row in rows:
        due[row.provider] += row.pence
    rows += [_creditor_row(statement, provider, pence) for provider, pence in due.items()]
    return tuple(row for row in rows if row.pence)


def journal_csv(statement: Statement) -> bytes:
    """The rows as CSV (RFC 4180) in UTF-8, for programs. The column debit_gbp adds up to the same as credit_gbp."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(COLUMNS)
    writer.writerows(_cells(statement, row) for row in journal_rows(statement))
    return written.getvalue().encode()


def journal_file(statement: Statement) -> bytes:
    """The same for spreadsheets."""
    return for_spreadsheets(journal_csv(statement))


def _costs(statement: Statement) -> Iterator[tuple[_Cost, int]]:
    names = {charges.service.id: charges.service.name for charges in statement.services}
    month = month_name(statement.month)
    provider_of = {agreement.id: agreement.provider for agreement in statement.agreements}
    for line in statement.lines:
        narrative = text("journal.charge", service=names[line.service], month=month)
        yield _cost(provider_of[line.agreement], line.service, line.coding, line.vat, narrative), line.amount_pence
    for credit in statement.credits:
        narrative = text("journal.credit", service=names.get(credit.service, credit.service), month=month)
        cost = _cost(provider_of[credit.agreement], credit.service, credit.coding, credit.vat, narrative)
        yield cost, -credit.applied_pence
    for each in statement.corrections:
        service = names.get(each.service, each.service_name or each.service)
        narrative = text("journal.correction", service=service, month=month_name(each.month))
        yield _Cost(each.provider, each.service, each.coding, each.vat, narrative), each.payable_pence


def _cost(provider: str, service: str, coding: LineCoding | None, vat: LineVat | None, narrative: str) -> _Cost:
    return _Cost(provider, service, coding, None if vat is None else vat.category, narrative)


def _cost_row(of: tuple[_Cost, int]) -> JournalRow:
    cost, pence = of
    return JournalRow(
        "cost", cost.provider, cost.service, cost.coding or _NO_CODES, cost.category, cost.narrative, pence
    )


def _vat_rows(statement: Statement) -> Iterator[JournalRow]:
    """None while some treatment is not recorded: no part of the VAT is guessed."""
    if statement.vat.vat_pence is None:
        return
    for of_provider in statement.vat.providers:
        for total in of_provider.rows:
            narrative = text("journal.vat", category=category_text(total.category), month=month_name(statement.month))
            yield JournalRow("vat", of_provider.provider, "", _NO_CODES, total.category, narrative, total.vat_pence)


def _creditor_row(statement: Statement, provider: str, pence: int) -> JournalRow:
    names = {each.id: each.name for each in statement.suppliers}
    names |= {agreement.provider: agreement.provider_name for agreement in statement.agreements}
    key = "journal.owed_before_vat" if statement.vat.vat_pence is None else "journal.owed"
    narrative = text(key, provider=names.get(provider, provider), month=month_name(statement.month))
    return JournalRow("creditor", provider, "", _NO_CODES, None, narrative, -pence)


def _cells(statement: Statement, row: JournalRow) -> Iterable[str]:
    """A code begins with a letter or a digit, so that no spreadsheet runs it."""
    last_day = statement.month.next.first_day - timedelta(days=1)
    treated = ("", "") if row.category is None else (row.category.treatment, plain(row.category.rate_percent))
    return (
        statement.council.id,
        str(statement.month),
        last_day.isoformat(),
        "" if statement.issued is None else statement.issued.number,
        statement.status,
        "yes" if statement.illustrative or row.coding.illustrative else "no",
        row.account,
        row.provider,
        row.service,
        row.coding.cost_centre,
        row.coding.ledger_code,
        row.coding.purchase_order,
        *treated,
        escape_formula(row.narrative),
        plain_gbp(row.pence) if row.pence > 0 else "",
        plain_gbp(-row.pence) if row.pence < 0 else "",
    )
