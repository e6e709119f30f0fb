"""A statement as it is shown: its sealed content, and beside it what is known now and may change.

The hash is of the content alone. State, payments, queries and other months stand beside it: an issued statement never
changes, but it is queried and paid.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from billing.domain.comparison import Comparison
from billing.domain.statement import Statement
from shared.period import Month

# The words of a statement's life, everywhere: in-progress while its month goes on, the others in their order.
State = Literal["in-progress", "draft", "in-review", "checked", "approved", "issued", "queried", "paid"]
# open: not answered yet · upheld: the charge stands · credited, corrected: it changes in a later document
QueryState = Literal["open", "upheld", "credited", "corrected", "withdrawn"]


@dataclass(frozen=True, slots=True)
class ShownQuery:
    """What the council queries, in words; how much it holds; by when it is answered, and how it was."""

    id: str
    about: str
    words: str
    reply_by: date
    held_pence: int
    state: QueryState = "open"
    answer: str = ""


@dataclass(frozen=True, slots=True)
class ShownPayment:
    """A payment that the provider recorded."""

    paid_on: date
    amount_pence: int
    reference: str


@dataclass(frozen=True, slots=True)
class ShownStatement:
    """`state` is None where only the content is known: then it is what the content says.

    `months` are those that can be chosen, ascending. `credited_pence` is what credit notes took off since.
    """

    statement: Statement
    state: State | None = None
    comparison: Comparison | None = None
    months: tuple[Month, ...] = ()
    review_until: date | None = None
    queries: tuple[ShownQuery, ...] = ()
    payments: tuple[ShownPayment, ...] = ()
    credited_pence: int = 0

    @property
    def state_shown(self) -> State:
        """Where the statement is in its life."""
        if self.state is not None:
            return self.state
        return "draft" if self.statement.status == "provisional" else self.statement.status

    @property
    def payable_pence(self) -> int:
        """What is payable: with VAT where it is known, before it where it is not."""
        gross = self.statement.gross_pence
        return self.statement.payable_pence if gross is None else gross

    @property
    def held_pence(self) -> int:
        """What open queries hold: it is not due until they are answered."""
        return sum(query.held_pence for query in self.queries if query.state == "open")

    @property
    def paid_pence(self) -> int:
        """What has been paid."""
        return sum(payment.amount_pence for payment in self.payments)

    @property
    def due_pence(self) -> int:
        """What is due now: payable less what credit notes took off, what has been paid, and what is held."""
        return self.payable_pence - self.credited_pence - self.paid_pence - self.held_pence
