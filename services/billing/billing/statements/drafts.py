"""Statements as queries: one council's month, all of a month, one line down to its source events. Calls block.

Each is made of one snapshot of the store, so that it describes a state that there was.
"""

from dataclasses import dataclass

from billing.domain.statement import NoAgreement, Statement, Status, UnknownCouncil, require_agreement
from billing.domain.usage import UnbilledReason, UnbilledUsage, sum_unbilled
from billing.ports import EventCursor, Snapshot, SnapshotStore, StoredDocument
from billing.statements.correcting import CorrectionsFailed, with_corrections
from billing.statements.explaining import LineExplanation, explanation
from billing.statements.months import CouncilMonths, StatementFailed, issued_statement
from shared.clock import Clock
from shared.contracts.statements import QueryAnswered, QueryRaised, QueryWithdrawn, StepEvent
from shared.period import Month, month_of, require_begun
from shared.quarantine.intake_api import ItemHindrance, parked_until
from shared.quarantine.service import Parked
from shared.scope import Scope

# What queries credited is among the corrections of a draft.
ANSWERED: tuple[type[StepEvent], ...] = (QueryRaised, QueryAnswered, QueryWithdrawn)


@dataclass(frozen=True, slots=True)
class CouncilWithoutStatement:
    """Usage of a council that has no statement in the month."""

    council: str
    unbilled: tuple[UnbilledUsage, ...]


@dataclass(frozen=True, slots=True)
class FailedStatement:
    """A council whose statement could not be computed, and where Tallystick failed."""

    council: str
    why: str


@dataclass(frozen=True, slots=True)
class MonthOfStatements:
    """Every statement of a month, by council, the usage of councils without one, and statements that failed."""

    month: Month
    statements: tuple[Statement, ...]
    without_statement: tuple[CouncilWithoutStatement, ...]
    failed: tuple[FailedStatement, ...] = ()


class Statements:
    """Billing's queries. Each names its `scope`, and finds nothing of councils outside it.

    A month begins and ends by `clock`: before it has begun it has no statement, and while it goes on it says so.
    """

    def __init__(self, store: SnapshotStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def statement(self, council: str, month: Month, *, scope: Scope) -> Statement:
        """The council's statement of the month.

        Raises `MonthNotBegun`, `UnknownCouncil`, `NoAgreement`, `StatementFailed`.
        """
        status = status_of(month, self._clock)
        with self._store.snapshot(scope) as snapshot:
            return statement_in(snapshot, council, month, status)

    def draft(self, council: str, month: Month, *, scope: Scope) -> Statement:
        """What the month comes to by now, also where another statement of it was issued. Raises as `statement`."""
        status = status_of(month, self._clock)
        with self._store.snapshot(scope) as snapshot:
            return draft_in(snapshot, council, month, status)

    def statements(self, month: Month, *, scope: Scope) -> MonthOfStatements:
        """Every statement of the month, the usage that has none, and what failed. Raises `MonthNotBegun`."""
        status = status_of(month, self._clock)
        statements: list[Statement] = []
        without: list[CouncilWithoutStatement] = []
        failed: list[FailedStatement] = []
        with self._store.snapshot(scope) as snapshot:
            for council in sorted({*snapshot.terms.councils.ids(), *snapshot.usage.councils(month)}):
                try:
                    statements.append(statement_in(snapshot, council, month, status))
                except UnknownCouncil:
                    without.append(_unbilled(snapshot, council, month, "unknown-council"))
                except NoAgreement:
                    without.append(_unbilled(snapshot, council, month, "no-agreement"))
                except StatementFailed as failure:
                    failed.append(FailedStatement(council, failure.why))
        with_usage = tuple(each for each in without if each.unbilled)
        return MonthOfStatements(month, tuple(statements), with_usage, tuple(failed))

    def explain(
        self, council: str, month: Month, ref: str, *, after: EventCursor | None, limit: int, scope: Scope
    ) -> LineExplanation:
        """The line `ref` with what it follows from, and up to `limit` of the events it counts, beginning after `after`.

        Raises `UnknownLine`, and what `statement` raises.
        """
        status = status_of(month, self._clock)
        with self._store.snapshot(scope) as snapshot:
            statement = statement_in(snapshot, council, month, status)
            return explanation(snapshot, statement, ref, after=after, limit=limit)

    def numbered(self, number: str, *, scope: Scope) -> list[StoredDocument]:
        """The documents of that number, of different providers, in the order of issuing."""
        with self._store.snapshot(scope) as snapshot:
            return snapshot.steps.numbered(number)

    def hindrance(self, council: str) -> ItemHindrance | None:
        """What keeps events of the council from being recharged; None where nothing does."""
        with self._store.snapshot(Scope.of(council)) as snapshot:
            terms = snapshot.terms
            if council not in terms.councils.ids():
                return parked_until("council", council)
            agreed = any(terms.agreements.of(id_) for id_ in terms.agreements.ids())
            return None if agreed else parked_until("agreement", council)

    def parked(self, *, scope: Scope) -> list[Parked]:
        """Events that recharge nobody in any month until the catalogue knows their council, or an agreement of it."""
        with self._store.snapshot(scope) as snapshot:
            agreements, known = snapshot.terms.agreements, set(snapshot.terms.councils.ids())
            agreed = {version.definition.council for id_ in agreements.ids() for version in agreements.of(id_)}
            return [
                Parked(usage.council, "agreement" if usage.council in known else "council", usage.events, usage.oldest)
                for usage in snapshot.usage.by_council()
                if usage.council not in known & agreed
            ]


def status_of(month: Month, clock: Clock) -> Status:
    """Of the month's statements now; raises `MonthNotBegun`."""
    now = clock.now()
    require_begun(month, now=now)
    return "in-progress" if month == month_of(now) else "draft"


def statement_in(snapshot: Snapshot, council: str, month: Month, status: Status) -> Statement:
    """The council's statement: as it was issued, or what the month comes to by now.

    Raises `UnknownCouncil`, `NoAgreement`, `StatementFailed`.
    """
    issued = snapshot.steps.statement(council, month)
    return draft_in(snapshot, council, month, status) if issued is None else issued_statement(snapshot, issued)


def draft_in(snapshot: Snapshot, council: str, month: Month, status: Status) -> Statement:
    """What the month comes to by all that `snapshot` has, issued or not, with corrections of earlier issued months.

    Raises as `statement_in`.
    """
    months = CouncilMonths(snapshot, council)

    def made() -> Statement:
        try:
            return with_corrections(snapshot, months.statement(month, status))
        except CorrectionsFailed as failure:
            raise StatementFailed(council, month, str(failure)) from failure

    require_agreement(snapshot.terms, council, month)  # outside the scope nothing is found, whatever is known
    events, steps = months.events_state(month), snapshot.steps
    if events is None:
        return made()
    state = events, tuple(steps.document_hashes(council)), tuple(steps.of_types(ANSWERED, council))
    return snapshot.memo.get(("draft", council, month, status), state, made)


def _unbilled(snapshot: Snapshot, council: str, month: Month, reason: UnbilledReason) -> CouncilWithoutStatement:
    usage = snapshot.usage.of_month(month, council)
    return CouncilWithoutStatement(council, sum_unbilled((reason, row) for row in usage if row.state == "counted"))
