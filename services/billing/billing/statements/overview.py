"""Statements side by side: a council's last twelve months, or one month of all councils; with what is due. Blocks."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime

from billing.domain.statement import NoAgreement, Statement, UnknownCouncil
from billing.domain.statement_state import StatementState, state_of
from billing.ports import Snapshot, SnapshotStore, StoredDocument
from billing.statements.compared import months_offered
from billing.statements.drafts import statement_in, status_of
from billing.statements.months import StatementFailed
from shared.clock import Clock
from shared.period import LONDON, Month, month_of
from shared.scope import Scope

_WITHOUT = (UnknownCouncil, NoAgreement, StatementFailed)


@dataclass(frozen=True, slots=True)
class ListedStatement:
    """A statement, what became of it, and the credit notes about its month."""

    statement: Statement
    now: StatementState
    credit_notes: tuple[StoredDocument, ...]


class StatementLists:
    """What there is to choose from. Months without a statement, or with one that fails, are left out."""

    def __init__(self, store: SnapshotStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def months(self) -> tuple[Month, ...]:
        """The last twelve, the newest first: this one, which goes on, and those before it."""
        present = month_of(self._clock.now())
        return tuple(present.earlier(back) for back in range(12))

    def of_council(self, council: str, *, scope: Scope) -> tuple[ListedStatement, ...]:
        """The council's last twelve months, the newest first. Raises `UnknownCouncil`."""
        now = self._clock.now()
        present = month_of(now)
        with self._store.snapshot(scope.narrowed_to(council)) as snapshot:
            if council not in snapshot.terms.councils.ids():
                raise UnknownCouncil(f"no council {council}")
            months = months_offered(snapshot.terms, council, present, present)
            return tuple(each for month in reversed(months) for each in self._listed(snapshot, council, month, now))

    def of_month(self, month: Month, *, scope: Scope) -> tuple[ListedStatement, ...]:
        """Every council's statement of the month, by council. Raises `MonthNotBegun`."""
        status_of(month, self._clock)
        now = self._clock.now()
        with self._store.snapshot(scope) as snapshot:
            councils = sorted(snapshot.terms.councils.ids())
            return tuple(each for council in councils for each in self._listed(snapshot, council, month, now))

    def _listed(self, snapshot: Snapshot, council: str, month: Month, now: datetime) -> Iterator[ListedStatement]:
        with suppress(*_WITHOUT):
            statement = statement_in(snapshot, council, month, status_of(month, self._clock))
            yield _with_what_became_of_it(snapshot, statement, now.astimezone(LONDON).date())


def _with_what_became_of_it(snapshot: Snapshot, statement: Statement, today: date) -> ListedStatement:
    council, month = statement.council.id, statement.month
    steps, later = snapshot.steps.steps(council, month), snapshot.steps.later_documents(council)
    notes = snapshot.steps.credit_notes(council, month)
    return ListedStatement(statement, state_of(statement, steps, today=today, later=later), tuple(notes))
