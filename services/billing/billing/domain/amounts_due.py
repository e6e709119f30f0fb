"""What of a statement is still to be paid: payable with VAT, less what queries hold and what was paid.

Law: `due_pence == payable_pence + vat_pence - credited_pence - held_pence - paid_pence`, always.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from billing.domain.credit_note import credit_note_of
from billing.domain.issued import query_credit_reference
from billing.domain.packing import unpacked
from billing.domain.payments import paid_pence, payments_of
from billing.domain.queries import QueriedLine, StatementQuery, queried_line, queries_of
from billing.domain.statement import Statement
from shared.contracts.statements import CreditNoteIssued, StepEvent
from shared.period import Month

# paid: nothing is left to pay, whether it was paid, written off, or never asked for
PaymentStatus = Literal["not-issued", "unpaid", "part-paid", "paid"]


@dataclass(frozen=True, slots=True)
class LaterDocuments:
    """What a council was issued in all: when the statement of each month was, and what it settled of earlier ones.

    `settled` has the references of corrections that are booked, as the ledger has them.
    """

    issued_at: tuple[tuple[Month, datetime], ...] = ()
    settled: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AmountsDue:
    """Figures of one statement, in pence. `payable_pence` is before VAT, `vat_pence` is 0 where VAT is not known.

    `credited_pence` is what credit notes about its month took off, with VAT where it is known, above 0.

    What is held is with its VAT, and never more than what is unpaid. `due_pence` is below 0 where the council has paid
    on account, or is owed a credit.
    """

    payable_pence: int
    vat_pence: int
    credited_pence: int
    held_pence: int
    paid_pence: int
    due_pence: int
    open_queries: int
    overdue_queries: int
    status: PaymentStatus


NO_DOCUMENTS = LaterDocuments()


def amounts_due_of(
    statement: Statement, steps: Sequence[StepEvent], *, today: date, later: LaterDocuments = NO_DOCUMENTS
) -> AmountsDue:
    """The figures after `steps`; `today` is a London date, `later` what the council was issued beside the statement.

    What a query credited is held until a document has settled it: not by another that happened to be issued meanwhile.
    """
    queries, payments = queries_of(steps), payments_of(steps)
    gross, credited = gross_pence(statement), credited_pence(steps)
    paid = 0 if statement.issued is None else paid_pence(statement.issued.number, payments)
    held = sum(_held(statement, query, later) for query in queries)
    held = max(min(held, gross - credited - paid), 0)
    return AmountsDue(
        payable_pence=statement.payable_pence,
        vat_pence=gross - statement.payable_pence,
        credited_pence=credited,
        held_pence=held,
        paid_pence=paid,
        due_pence=gross - credited - held - paid,
        open_queries=sum(query.is_open for query in queries),
        overdue_queries=sum(query.is_overdue(today) for query in queries),
        status=_status(statement, gross - credited, paid),
    )


def credited_pence(steps: Sequence[StepEvent]) -> int:
    """What credit notes took off, with VAT; without it where the VAT of a service is not known."""
    notes = (credit_note_of(unpacked(step.data.content)) for step in steps if isinstance(step, CreditNoteIssued))
    return -sum(note.total_pence if note.gross_pence is None else note.gross_pence for note in notes)


def gross_pence(statement: Statement) -> int:
    """What the statement asks for with VAT; without it while the VAT of a service is not known."""
    return statement.payable_pence if statement.gross_pence is None else statement.gross_pence


def holds(statement: Statement, query: StatementQuery, later: LaterDocuments) -> bool:
    """Whether the query holds anything of the issued statement while it is not paid."""
    return _held(statement, query, later) > 0


def _held(statement: Statement, query: StatementQuery, later: LaterDocuments) -> int:
    """What the query holds of the statement as it is now, with VAT: a draft may have lost the line since."""
    line = None if query.line is None else queried_line(statement, query.line)
    if line is None:
        return 0
    is_released = not query.is_open and _is_settled(statement.month, query, line, later)
    before_vat = query.held_pence if query.is_open else query.credited_pence
    pence = 0 if is_released else min(before_vat, line.at_stake_pence)
    return pence + (0 if statement.gross_pence is None else line.vat_on(pence))


def _is_settled(month: Month, query: StatementQuery, line: QueriedLine, later: LaterDocuments) -> bool:
    """Whether what was credited is booked; of what a correction moves, whether a later month was issued since."""
    if query.status == "credited":
        return query_credit_reference(month, query.id, line.vat) in later.settled
    return query.closed_at is not None and any(of > month and at > query.closed_at for of, at in later.issued_at)


def _status(statement: Statement, gross: int, paid: int) -> PaymentStatus:
    if statement.issued is None:
        return "not-issued"
    if paid >= gross:
        return "paid"
    return "part-paid" if paid > 0 else "unpaid"
