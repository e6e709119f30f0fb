"""What of a statement is still to be paid: payable with VAT, less what queries hold and what was paid.

Law: `due_pence == payable_pence + vat_pence - held_pence - paid_pence`, always.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from billing.domain.payments import paid_pence, payments_of
from billing.domain.queries import StatementQuery, queried_line, queries_of
from billing.domain.statement import Statement
from shared.contracts.statements import StepEvent

# paid: nothing is left to pay, whether it was paid, written off, or never asked for
PaymentStatus = Literal["not-issued", "unpaid", "part-paid", "paid"]


@dataclass(frozen=True, slots=True)
class AmountsDue:
    """Figures of one statement, in pence. `payable_pence` is before VAT, `vat_pence` is 0 where VAT is not known.

    What is held is with its VAT, and never more than what is unpaid. `due_pence` is below 0 where the council has paid
    on account, or is owed a credit.
    """

    payable_pence: int
    vat_pence: int
    held_pence: int
    paid_pence: int
    due_pence: int
    open_queries: int
    overdue_queries: int
    status: PaymentStatus


def amounts_due_of(
    statement: Statement, steps: Sequence[StepEvent], *, today: date, later: Iterable[datetime] = ()
) -> AmountsDue:
    """The figures after `steps`; `today` is a London date, `later` when each later document of the council was issued.

    What a query credited is held until one of those carries it.
    """
    queries, payments = queries_of(steps), payments_of(steps)
    gross = gross_pence(statement)
    paid = 0 if statement.issued is None else paid_pence(statement.issued.number, payments)
    issued_at = tuple(later)
    held = sum(_held(statement, query, issued_at) for query in queries)
    held = max(min(held, gross - paid), 0)
    return AmountsDue(
        payable_pence=statement.payable_pence,
        vat_pence=gross - statement.payable_pence,
        held_pence=held,
        paid_pence=paid,
        due_pence=gross - held - paid,
        open_queries=sum(query.is_open for query in queries),
        overdue_queries=sum(query.is_overdue(today) for query in queries),
        status=_status(statement, gross, paid),
    )


def gross_pence(statement: Statement) -> int:
    """What the statement asks for with VAT; without it while the VAT of a service is not known."""
    return statement.payable_pence if statement.gross_pence is None else statement.gross_pence


def _held(statement: Statement, query: StatementQuery, later: Sequence[datetime]) -> int:
    """What the query holds of the statement as it is now, with VAT: a draft may have lost the line since."""
    line = None if query.line is None else queried_line(statement, query.line)
    if line is None:
        return 0
    pence = min(_held_before_vat(query, later), line.at_stake_pence)
    return pence + (0 if statement.gross_pence is None else line.vat_on(pence))


def _held_before_vat(query: StatementQuery, later: Sequence[datetime]) -> int:
    if query.is_open:
        return query.held_pence
    was_carried = query.closed_at is not None and any(at > query.closed_at for at in later)
    return 0 if was_carried else query.credited_pence


def _status(statement: Statement, gross: int, paid: int) -> PaymentStatus:
    if statement.issued is None:
        return "not-issued"
    if paid >= gross:
        return "paid"
    return "part-paid" if paid > 0 else "unpaid"
