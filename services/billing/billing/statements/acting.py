"""Steps that people take with a statement that is in review or issued: queries, and what answers them. Calls block.

Each is decided on by the statement and the steps of one snapshot, and stored only if no other step was taken since;
where one was, it is decided on again.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from billing.domain.amounts_due import AmountsDue, LaterDocuments, amounts_due_of
from billing.domain.lifecycle import Lifecycle, StepRefused, lifecycle_of
from billing.domain.statement import Statement
from billing.ports import StepStore, StepWriter
from billing.statements.drafts import statement_in, status_of
from billing.statements.steps import SOURCE
from shared.auth.principal import Principal
from shared.clock import Clock
from shared.contracts.definitions import Agreement
from shared.contracts.statements import StepEvent
from shared.ids import derived_id
from shared.period import LONDON, Month
from shared.scope import Scope

# Of two people at once the second is decided on again; more than a few in a row is another fault.
_TRIES = 10


@dataclass(frozen=True, slots=True)
class Seen:
    """A council's statement of a month as it is now, its steps, and the agreements in force in it."""

    statement: Statement
    steps: Sequence[StepEvent]
    lifecycle: Lifecycle
    agreements: Sequence[Agreement]
    later: LaterDocuments

    def amounts_due(self, today: date) -> AmountsDue:
        """What of it is still to be paid on that day."""
        return amounts_due_of(self.statement, self.steps, today=today, later=self.later)


class Acting:
    """Where steps are decided on. Raises what `statement_in` raises, `MonthNotBegun`, and `StepRefused`."""

    def __init__(self, store: StepStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def seen(self, council: str, month: Month, *, scope: Scope) -> Seen:
        """The month as it is now."""
        with self._store.snapshot(scope.narrowed_to(council)) as snapshot:
            statement = statement_in(snapshot, council, month, status_of(month, self._clock))
            steps = snapshot.steps.steps(council, month)
            agreements = [each.definition for each in snapshot.terms.agreements_in(council, month)]
            return Seen(statement, steps, lifecycle_of(steps), agreements, snapshot.steps.later_documents(council))

    @contextmanager
    def step(self, caller: Principal, council: str, month: Month) -> Iterator[tuple[Seen, StepWriter]]:
        """The month as it is, and where to put its next step; nobody else takes one meanwhile."""
        for _ in range(_TRIES):
            seen = self.seen(council, month, scope=caller.scope)
            with self._store.taking_steps() as writer:
                if len(writer.steps(council, month)) == len(seen.steps):
                    yield seen, writer
                    return
        raise StepRefused("others are taking steps with this statement all the time: try again in a moment")

    def today(self) -> date:
        """The London date."""
        return self._clock.now().astimezone(LONDON).date()

    def envelope(self, council: str, month: Month, step: str) -> dict[str, Any]:
        """What the event of every step says beside its data."""
        return {
            "id": derived_id("statement-step", council, str(month), step),
            "source": SOURCE,
            "time": self._clock.now(),
            "subject": str(month),
            "council": council,
        }
