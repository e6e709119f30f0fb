"""What became of a statement: its lifecycle up to its issue, and then queries, payments, and what is due now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from billing.domain.amounts_due import NO_DOCUMENTS, AmountsDue, LaterDocuments, amounts_due_of
from billing.domain.lifecycle import Lifecycle, LifecycleStatus, lifecycle_of
from billing.domain.payments import Payment, payments_of
from billing.domain.queries import StatementQuery, queries_of
from billing.domain.statement import Statement
from shared.contracts.statements import StepEvent

# A statement's words: those of its lifecycle, and once it is issued that it is queried, or paid in full.
State = Literal[LifecycleStatus, "in-progress", "queried", "paid"]


@dataclass(frozen=True, slots=True)
class StatementState:
    """The lifecycle of a statement, its queries and the payments that count, in order, and its sums."""

    lifecycle: Lifecycle
    queries: tuple[StatementQuery, ...]
    payments: tuple[Payment, ...]
    amounts: AmountsDue

    @property
    def state(self) -> State:
        """Where the statement is: queried while a query is open, paid once nothing is left of what was asked for."""
        if self.lifecycle.status != "issued":
            return self.lifecycle.status
        if self.amounts.open_queries:
            return "queried"
        return "paid" if self.amounts.status == "paid" and self.amounts.paid_pence else "issued"


def state_of(
    statement: Statement, steps: Sequence[StepEvent], *, today: date, later: LaterDocuments = NO_DOCUMENTS
) -> StatementState:
    """What became of a statement by its steps, in their order; `today` and `later` as in `amounts_due_of`."""
    return StatementState(
        lifecycle_of(steps),
        queries_of(steps),
        tuple(each for each in payments_of(steps) if each.counts),
        amounts_due_of(statement, steps, today=today, later=later),
    )
