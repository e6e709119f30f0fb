"""What became of an issued statement, from its steps: queries and what they hold, payments, credit notes."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal

from billing.domain.life import Life, LifeStatus, life_of
from shared.contracts.statements import (
    CreditNoteIssued,
    PaymentRecorded,
    PaymentWithdrawn,
    QueryAnswered,
    QueryRaised,
    QueryWithdrawn,
    StepEvent,
)

# A statement's words: those of its life, and once it is issued that it is queried, or paid in full.
State = Literal[LifeStatus, "in-progress", "queried", "paid"]
# upheld: the charge stands · credited, corrected: a later document changes it
QueryState = Literal["open", "upheld", "credited", "corrected", "withdrawn"]


@dataclass(frozen=True, slots=True)
class StatementQuery:
    """What the council queries: a line, or an item's verdict. While it is `open` it holds pence, which are not due."""

    id: str
    line: str | None
    item: str | None
    words: str
    reply_by: date
    held_pence: int
    state: QueryState = "open"
    answer: str = ""


@dataclass(frozen=True, slots=True)
class StatementPayment:
    """A payment that the provider recorded, and did not take back."""

    id: str
    paid_on: date
    amount_pence: int
    reference: str


@dataclass(frozen=True, slots=True)
class StatementState:
    """The life of a statement and what came after its issue, in the order of the steps.

    `held_pence` is what its queries hold, `credited_pence` what credit notes about its month took off, above 0.
    """

    life: Life = field(default_factory=Life)
    queries: tuple[StatementQuery, ...] = ()
    payments: tuple[StatementPayment, ...] = ()
    credited_pence: int = 0
    held_pence: int = 0

    @property
    def paid_pence(self) -> int:
        """What has been paid."""
        return sum(payment.amount_pence for payment in self.payments)

    def state(self, payable_pence: int) -> State:
        """Where a statement of so many payable pence is: queried while a query is open, paid once nothing is left."""
        if self.life.status != "issued":
            return self.life.status
        if any(query.state == "open" for query in self.queries):
            return "queried"
        return "paid" if self.paid_pence and self.paid_pence + self.credited_pence >= payable_pence else "issued"


def state_of(steps: Sequence[StepEvent]) -> StatementState:
    """What became of a statement by its steps, in their order."""
    queries: dict[str, StatementQuery] = {}
    payments: dict[str, StatementPayment] = {}
    credited_pence = 0
    for step in steps:
        match step:
            case QueryRaised(data=data):
                queries[data.query] = StatementQuery(
                    data.query, data.line, data.item, data.words, data.reply_by, data.held_pence
                )
            case QueryAnswered(data=data) if data.query in queries:
                queries[data.query] = replace(queries[data.query], state=data.outcome, answer=data.words)
            case QueryWithdrawn(data=data) if data.query in queries:
                queries[data.query] = replace(queries[data.query], state="withdrawn", answer=data.words)
            case PaymentRecorded(data=data):
                payments[data.payment] = StatementPayment(data.payment, data.paid_on, data.amount_pence, data.reference)
            case PaymentWithdrawn(data=data):
                payments.pop(data.payment, None)
            case CreditNoteIssued(data=data):
                credited_pence -= data.total_pence  # a credit note's total is below 0
            case _:
                continue
    return StatementState(
        life_of(steps),
        tuple(queries.values()),
        tuple(payments.values()),
        credited_pence,
        held_pence=sum(query.held_pence for query in queries.values() if query.state == "open"),
    )
