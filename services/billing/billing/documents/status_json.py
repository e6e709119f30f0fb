"""Where a statement is in its lifecycle, what is due and how it compares: what stands beside its content, as JSON."""

from datetime import date

from msgspec import Struct

from billing.documents.shown import ShownStatement
from billing.domain.amounts_due import amounts_due_of
from billing.domain.comparison import MonthComparison
from billing.domain.payments import Payment
from billing.domain.queries import StatementQuery


class ComparedAmount(Struct, frozen=True):
    """One service, or a sum, in pence before VAT; null where there is no statement to compare with."""

    kind: str
    service: str
    name: str
    this_pence: int
    last_pence: int | None
    change_pence: int | None
    year_ago_pence: int | None
    to_date_pence: int


class ComparedMonths(Struct, frozen=True):
    """A month beside last month, the same month a year ago and the financial year to date; `drafts` are not issued."""

    last_month: str | None
    year_ago: str | None
    to_date_from: str
    drafts: tuple[str, ...]
    rows: tuple[ComparedAmount, ...]


class StatementStatus(Struct, frozen=True):
    """The state of a council's statement, and the figures that change after it is issued. Before, nothing is due."""

    council: str
    month: str
    state: str
    number: str | None
    issued_on: date | None
    due_on: date | None
    review_until: date | None
    payable_pence: int
    credited_pence: int
    paid_pence: int
    held_pence: int
    due_pence: int
    queries: tuple[StatementQuery, ...]
    payments: tuple[Payment, ...]
    compared: ComparedMonths | None


def statement_status(shown: ShownStatement) -> StatementStatus:
    """What stands beside the content of `shown`."""
    statement, issued = shown.statement, shown.statement.issued
    now = shown.now
    amounts = amounts_due_of(statement, (), today=date.min) if now is None else now.amounts
    return StatementStatus(
        council=statement.council.id,
        month=str(statement.month),
        state=shown.state,
        number=None if issued is None else issued.number,
        issued_on=None if issued is None else issued.issued_on,
        due_on=None if issued is None else issued.due_on,
        review_until=None if now is None else now.lifecycle.review_until,
        payable_pence=shown.payable_pence,
        credited_pence=amounts.credited_pence,
        paid_pence=amounts.paid_pence,
        held_pence=amounts.held_pence,
        due_pence=shown.due_pence if shown.is_issued else 0,
        queries=() if now is None else now.queries,
        payments=() if now is None else now.payments,
        compared=None if shown.comparison is None else _compared(shown.comparison),
    )


def _compared(found: MonthComparison) -> ComparedMonths:
    return ComparedMonths(
        last_month=None if found.last is None else str(found.last),
        year_ago=None if found.year_ago is None else str(found.year_ago),
        to_date_from=str(found.to_date_from),
        drafts=tuple(map(str, found.drafts)),
        rows=tuple(
            ComparedAmount(
                row.kind,
                row.service,
                row.name,
                row.this_pence,
                row.last_pence,
                row.change_pence,
                row.year_ago_pence,
                row.to_date_pence,
            )
            for row in found.rows
        ),
    )
