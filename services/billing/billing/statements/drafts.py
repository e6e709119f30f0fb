"""Statements as queries: one council's month, all of a month, one line down to its source events. Calls block.

Each is made of one snapshot of the store, so that it describes a state that there was.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

from billing.domain.charge_line import ChargeLine
from billing.domain.credits.credit_line import CreditLine
from billing.domain.meters import left_out, value_of
from billing.domain.rating.pipeline import LineFailed
from billing.domain.sealed import statement_of
from billing.domain.statement import (
    NoAgreement,
    Statement,
    Status,
    UnknownCouncil,
    build_statement,
    counts_points,
    earlier_months,
    needs_its_year,
    services_with_details,
)
from billing.domain.usage import UnbilledReason, UnbilledUsage, metered_services, sum_unbilled
from billing.ports import (
    CountedEvent,
    EventCursor,
    MissFilter,
    Snapshot,
    SnapshotStore,
    UsageFilter,
    counted_event,
)
from shared.clock import Clock
from shared.contracts.definitions import Service
from shared.contracts.meters import Meter
from shared.log.failures import CodeFailure, attempt
from shared.period import Month, month_of, require_begun
from shared.quarantine.service import Parked
from shared.scope import Scope

_Missing = UnknownCouncil | NoAgreement | LineFailed


class UnknownLine(LookupError):
    """The statement has no line of that reference: terms may have changed since it was made."""


@dataclass(frozen=True, slots=True)
class CouncilWithoutStatement:
    """Usage of a council that has no statement in the month."""

    council: str
    unbilled: tuple[UnbilledUsage, ...]


class StatementFailed(Exception):
    """Tallystick failed to compute the council's statement of the month; the message says where."""

    def __init__(self, council: str, month: Month, why: str) -> None:
        super().__init__(f"the statement of {council} for {month} could not be computed: {why}")
        self.council, self.why = council, why


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


@dataclass(frozen=True, slots=True)
class LineExplanation:
    """A line and a page of the events it counts; `next_cursor` is None on the last page."""

    line: ChargeLine | CreditLine
    counted: tuple[CountedEvent, ...]
    next_cursor: EventCursor | None


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
        """The line `ref` and up to `limit` of the events it counts, beginning after `after`.

        A charge that is due whatever was used counts none. Raises `UnknownLine`, and what `statement` raises.
        """
        status = status_of(month, self._clock)
        with self._store.snapshot(scope) as snapshot:
            statement = statement_in(snapshot, council, month, status)
            for charges in statement.services:
                for line in charges.lines:
                    if line.ref == ref and not line.counts_usage:
                        return LineExplanation(line, (), None)
                    if line.ref == ref:
                        found = _counted(snapshot, line, council, charges.service, month, after=after, limit=limit + 1)
                        return _page(line, found, limit)
            for credit in statement.credits:
                if credit.ref == ref:
                    misses = MissFilter(council, month, credit.agreement, credit.service, credit.target)
                    return _page(credit, snapshot.verdicts.misses(misses, after=after, limit=limit + 1), limit)
        raise UnknownLine(f"no line {ref} in the statement of {council} for {month}")

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
    return "in-progress" if month == month_of(now) else "provisional"


def statement_in(snapshot: Snapshot, council: str, month: Month, status: Status) -> Statement:
    """The council's statement: as it was issued, or what the month comes to by now.

    Raises `UnknownCouncil`, `NoAgreement`, `StatementFailed`.
    """
    issued = snapshot.steps.statement(council, month)
    return draft_in(snapshot, council, month, status) if issued is None else statement_of(issued.content)


def draft_in(snapshot: Snapshot, council: str, month: Month, status: Status) -> Statement:
    """What the month comes to by all that `snapshot` has, issued or not. Raises as `statement_in`."""
    if not needs_its_year(snapshot.terms, council, month) and not counts_points(snapshot.terms, council, month):
        alone = _built(snapshot, council, month, (), status)
        if not alone.credits_pence:
            return alone  # no year's cap can reduce it
    return _built(snapshot, council, month, earlier_in(snapshot, council, month), status)


def earlier_in(snapshot: Snapshot, council: str, month: Month) -> list[Statement]:
    """What the earlier months on which the month may depend come to by now, ascending. Raises `StatementFailed`."""
    earlier: list[Statement] = []
    for before in earlier_months(snapshot.terms, council, month):
        with suppress(UnknownCouncil, NoAgreement):
            earlier.append(_built(snapshot, council, before, earlier, "provisional"))
    return earlier


def _built(snapshot: Snapshot, council: str, month: Month, earlier: Sequence[Statement], status: Status) -> Statement:
    usage = snapshot.usage.of_month(month, council)
    attained = snapshot.verdicts.attainment(month, council)
    failed = snapshot.usage.failed_items(month, council)
    detailed = services_with_details(snapshot.terms, council, month)
    details = snapshot.usage.details(month, council, detailed) if detailed else {}

    events = {
        service.id: snapshot.usage.metered(month, council, service)
        for service in metered_services(snapshot.terms, council, month)
    }

    def build() -> Statement | _Missing:
        try:
            return build_statement(
                snapshot.terms,
                council,
                month,
                usage,
                attained=attained,
                earlier=earlier,
                status=status,
                failed=failed,
                details=details,
                events=events,
            )
        except (UnknownCouncil, NoAgreement, LineFailed) as missing:
            return missing

    # Nothing is read within: a failure is of this statement alone.
    match attempt(build):
        case Statement() as statement:
            return statement
        case CodeFailure() as failure:
            raise StatementFailed(council, month, f"a bug in Tallystick, {failure}")
        case LineFailed() as line:
            raise StatementFailed(council, month, str(line))
        case missing:
            raise missing


def _unbilled(snapshot: Snapshot, council: str, month: Month, reason: UnbilledReason) -> CouncilWithoutStatement:
    usage = snapshot.usage.of_month(month, council)
    return CouncilWithoutStatement(council, sum_unbilled((reason, row) for row in usage if row.state == "counted"))


def _counted(
    snapshot: Snapshot,
    line: ChargeLine,
    council: str,
    service: Service,
    month: Month,
    *,
    after: EventCursor | None,
    limit: int,
) -> Sequence[CountedEvent]:
    """The events of the line by day, source and id, beginning after `after`: up to `limit` of them."""
    meter = service.counted_by
    if not isinstance(meter, Meter):
        by = UsageFilter(council, service.id, meter, service.unit, line.first_day, line.end_day)
        return snapshot.usage.counted(by, after=after, limit=limit)
    events = [
        event
        for event in snapshot.usage.metered(month, council, service)
        if line.first_day <= event.day < line.end_day and left_out(meter, event, unit=service.unit) is None
    ]
    found = (counted_event(event, value_of(meter, event) or Decimal(0)) for event in events)
    in_order = sorted(found, key=lambda each: (each.day, each.source, each.id))
    return [each for each in in_order if after is None or (each.day, each.source, each.id) > after][:limit]


def _page(line: ChargeLine | CreditLine, found: Sequence[CountedEvent], limit: int) -> LineExplanation:
    """Up to `limit` of `found`, which has one more where another page follows."""
    page = tuple(found[:limit])
    more = len(found) > limit
    return LineExplanation(line, page, EventCursor(page[-1].day, page[-1].source, page[-1].id) if more else None)
