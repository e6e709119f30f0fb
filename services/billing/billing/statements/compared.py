"""A statement beside other months: what a reader compares it with, and which months there are to choose from."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from billing.domain.comparison import MonthComparison, MonthFigures, compare, figures_of, months_compared
from billing.domain.statement import NoAgreement, Statement, UnknownCouncil
from billing.domain.statement_state import StatementState, state_of
from billing.domain.terms import Terms
from billing.ports import Snapshot, SnapshotStore
from billing.statements.drafts import Statements, statement_in
from billing.statements.months import StatementFailed
from shared.clock import Clock
from shared.period import LONDON, Month, month_of
from shared.scope import Scope

# How many months a reader is offered at once.
MONTHS_OFFERED = 12


@dataclass(frozen=True, slots=True)
class ComparedStatement:
    """A statement, what became of it, other months beside it, and those that can be chosen, ascending."""

    statement: Statement
    now: StatementState
    comparison: MonthComparison
    months: tuple[Month, ...]


class ComparedStatements:
    """Statements with what stands beside them. What is beside one is read after it, and is no part of its content."""

    def __init__(self, store: SnapshotStore, statements: Statements, clock: Clock) -> None:
        self._store, self._statements, self._clock = store, statements, clock

    def statement(self, council: str, month: Month, *, scope: Scope) -> ComparedStatement:
        """The council's statement beside its other months. Raises what `Statements.statement` does."""
        statement = self._statements.statement(council, month, scope=scope)
        with self._store.snapshot(scope) as snapshot:
            return compared_in(snapshot, statement, self._clock.now())


def compared_in(snapshot: Snapshot, statement: Statement, now: datetime) -> ComparedStatement:
    """`statement` beside the months that `snapshot` has: as they were issued, or else as they are drafted by `now`."""
    council, month = statement.council.id, statement.month
    others = [figures for each in months_compared(month) for figures in _figures(snapshot, council, each)]
    return ComparedStatement(
        statement,
        state_of(
            statement,
            snapshot.steps.steps(council, month),
            today=now.astimezone(LONDON).date(),
            later=snapshot.steps.later_documents(council),
        ),
        compare(figures_of(statement), others),
        months_offered(snapshot.terms, council, month, month_of(now)),
    )


def months_offered(terms: Terms, council: str, month: Month, present: Month) -> tuple[Month, ...]:
    """The last twelve months with an agreement up to the present one, or up to `month` where that is before them."""
    last = present if month > present.earlier(MONTHS_OFFERED) else month
    offered = (last.earlier(by) for by in reversed(range(MONTHS_OFFERED)))
    return tuple(each for each in offered if terms.agreements_in(council, each))


def _figures(snapshot: Snapshot, council: str, month: Month) -> Iterator[MonthFigures]:
    """Those of one month; none where it has no statement, or none that can be computed."""
    with suppress(UnknownCouncil, NoAgreement, StatementFailed):
        yield figures_of(statement_in(snapshot, council, month, "draft"))
