"""A statement as it is shown: its sealed content, and beside it what is known now and may change.

The hash is of the content alone. State, payments, queries and other months stand beside it: an issued statement never
changes, but it is queried and paid.
"""

from dataclasses import dataclass

from billing.domain.comparison import MonthComparison
from billing.domain.statement import Statement
from billing.domain.statement_state import State, StatementState
from shared.period import Month

_ISSUED: tuple[State, ...] = ("issued", "queried", "paid")


@dataclass(frozen=True, slots=True)
class ShownStatement:
    """`now` is None where only the content is known. `months` are those that can be chosen, ascending."""

    statement: Statement
    now: StatementState | None = None
    comparison: MonthComparison | None = None
    months: tuple[Month, ...] = ()

    @property
    def state(self) -> State:
        """Where the statement is in its lifecycle."""
        if self.statement.status == "in-progress":
            return "in-progress"
        if self.now is None:
            return "issued" if self.statement.issued else "draft"
        return self.now.state

    @property
    def is_issued(self) -> bool:
        """Whether anything of it can be due."""
        return self.state in _ISSUED

    @property
    def payable_pence(self) -> int:
        """What is payable: with VAT where it is known, before it where it is not."""
        gross = self.statement.gross_pence
        return self.statement.payable_pence if gross is None else gross

    @property
    def due_pence(self) -> int:
        """What is due now, with VAT where it is known."""
        return self.payable_pence if self.now is None else self.now.amounts.due_pence
