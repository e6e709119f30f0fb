"""A statement made a second time, from the rows themselves, and compared with the draft before that is issued.

The draft is made of sums that the database makes. Here every event and every verdict of the month is looked at one by
one, by rules of their own (`billing.domain.recount`): no query is shared, so that a mistake in one shows. What is
shared is what both feed: `build_statement`, whose own arithmetic `arithmetic_differences` checks. Calls block.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain
from threading import Lock

from billing.domain.corrections import MonthInputs
from billing.domain.differences import (
    FigureDifference,
    RecomputationResult,
    arithmetic_differences,
    differences,
    pence_of,
)
from billing.domain.metering import EventReceived
from billing.domain.meters import MeteredEvent
from billing.domain.recount import (
    ADJUSTMENT,
    READING,
    CountedPart,
    KnownRows,
    attained,
    by_target,
    day_of,
    histories,
    parts_of,
    parts_without_reading,
    summed,
)
from billing.domain.recounted_events import PlacedDetail, details_of, events_of
from billing.domain.statement import Statement, Status, services_with_details
from billing.domain.usage import UsageDetail, metered_services
from billing.memo import Memo
from billing.ports import Snapshot
from billing.row_ports import RowReads
from billing.statements.months import built_from, statement_hash, statement_made_of
from shared.clock import Clock, WallClock
from shared.contracts.definitions import Service
from shared.contracts.meters import Meter, meter_of
from shared.contracts.topics import REPLAYABLE_DAYS, STATEMENTS
from shared.log.port import Shard
from shared.period import Month

_MOST_COMPARED = 1_000  # councils and months of which the result is kept
_ONE_DAY = timedelta(days=1)


class Recomputation:
    """Compares drafts with what the rows come to. One for a process; safe to share between threads.

    A draft that was compared at the same positions of the log is not read again, nor is a month on which it depends:
    the rows are the same. Rows that somebody changed by hand meanwhile are seen by a new process, and by `compared`.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or WallClock()
        self._known = Memo(_MOST_COMPARED)
        self._new: dict[tuple[str, Month], RecomputationResult] = {}
        self._lock = Lock()

    def differences(self, snapshot: Snapshot, draft: Statement) -> tuple[FigureDifference, ...]:
        """As `compared`, remembered."""
        state = _rows_read(snapshot), statement_hash(snapshot, draft)
        question = "differences", draft.council.id, draft.month, draft.status

        def found() -> tuple[FigureDifference, ...]:
            different = compared(snapshot, draft, self._known)
            council, month, now = draft.council.id, draft.month, self._clock.now()
            with self._lock:
                self._new[council, month] = RecomputationResult(
                    council, month, len(different), pence_of(different), now
                )
            return different

        return self._known.get(question, state, found)

    @contextmanager
    def newest(self) -> Iterator[list[RecomputationResult]]:
        """The newest result of each council and month since the block last ended well, to be shown."""
        with self._lock:
            taken = dict(self._new)
        yield list(taken.values())
        with self._lock:
            self._new = {key: each for key, each in self._new.items() if taken.get(key) != each}


def compared(snapshot: Snapshot, draft: Statement, known: Memo | None = None) -> tuple[FigureDifference, ...]:
    """Where `draft` is not what the rows of the snapshot come to, or does not add up; empty where all is equal.

    Months that are `known` at the same positions are not counted again. Raises `StatementFailed` where the
    recomputation comes to no statement.
    """
    recomputed = recompute(snapshot, draft.council.id, draft.month, draft.status, known)
    return (*differences(draft, recomputed), *arithmetic_differences(draft))


def recompute(
    snapshot: Snapshot, council: str, month: Month, status: Status = "draft", known: Memo | None = None
) -> Statement:
    """The council's statement of the month, from its rows; without the items that failed, which have none.

    Raises `UnknownCouncil`, `NoAgreement`, `StatementFailed`.
    """
    rows, memo = _rows_read(snapshot), known or Memo(0)
    build = built_from(snapshot.terms, council, lambda of: recounted(snapshot, council, of))

    def remembered(month: Month, earlier: Sequence[Statement] = (), status: Status = "draft") -> Statement:
        months = (*(each.month for each in earlier), month)
        return memo.get(("month", council, months, status), rows, lambda: build(month, earlier, status))

    return statement_made_of(snapshot.terms, council, month, status, remembered)


def _rows_read(snapshot: Snapshot) -> frozenset[tuple[Shard, int]]:
    """The positions of all that statements are counted from: steps of people with statements are no part of it."""
    return frozenset((shard, at) for shard, at in snapshot.positions.items() if shard.topic != STATEMENTS.name)


def recounted(snapshot: Snapshot, council: str, month: Month) -> MonthInputs:
    """What a statement of the month is made of, counted row by row: one chunk of them is in memory at a time.

    But for the details that a charge or a meter reads, which rating needs all together.
    """
    details: defaultdict[str, list[PlacedDetail]] = defaultdict(list)
    events: defaultdict[str, list[MeteredEvent]] = defaultdict(list)
    named = [each for each in services_with_details(snapshot.terms, council, month) if not _has_own_meter(each)]
    own = metered_services(snapshot.terms, council, month)

    def parts() -> Iterator[CountedPart]:
        for known in _of_month(snapshot.rows, council, month):
            for service in named:
                details[service.id] += details_of(known, service)
            for service in own:
                events[service.id] += events_of(known, service, meter_of(service.counted_by))
            yield from parts_of(known)
            yield from _without_reading(snapshot.rows, council, month, known.rows)

    usage = summed(parts())
    for service in own:
        events[service.id] += _level_before(snapshot.rows, council, month, service)
    verdicts = chain.from_iterable(snapshot.rows.verdicts(council, month))
    return MonthInputs(
        usage=usage,
        attained=attained(verdicts),
        details={service.id: _in_order(details[service.id]) for service in named},
        events={service.id: events[service.id] for service in own},
    )


def _of_month(rows: RowReads, council: str, month: Month) -> Iterator[KnownRows]:
    """The month's rows. The days around it are read too: on which day an event counts is worked out here."""
    first, end = month.first_day, month.next.first_day
    for chunk in rows.events(council, first - _ONE_DAY, end + _ONE_DAY):
        found = [row for row in chunk if first <= day_of(row) < end]
        if found:
            yield _known(rows, council, found)


def _known(rows: RowReads, council: str, found: Sequence[EventReceived]) -> KnownRows:
    items = {row.item for row in found if row.stream != "usage"}
    readings = {row.origin.id for row in found if row.type == READING}
    return KnownRows(
        found,
        histories(rows.of_items(council, items) if items else ()),
        by_target(rows.naming(council, readings) if readings else ()),
    )


def _without_reading(
    rows: RowReads, council: str, month: Month, found: Sequence[EventReceived]
) -> Iterator[CountedPart]:
    """Adjustments of the month whose reading is not known of the month or the days that can be replayed before it."""
    adjustments = [row for row in found if row.type == ADJUSTMENT]
    if adjustments:
        keys = {(row.target_source or "", row.target_id or "") for row in adjustments}
        first = month.first_day - timedelta(days=REPLAYABLE_DAYS)
        readings = rows.readings(council, keys, first, month.next.first_day)
        yield from parts_without_reading(adjustments, readings)


def _level_before(rows: RowReads, council: str, month: Month, service: Service) -> Iterator[MeteredEvent]:
    """The readings before the month, of a meter whose level holds until the next one."""
    meter = meter_of(service.counted_by)
    if meter.aggregate == "time-weighted-average":
        first = month.first_day - timedelta(days=REPLAYABLE_DAYS)
        for chunk in rows.events(council, first, month.first_day):
            own = [row for row in chunk if row.type == READING and row.service == service.id]
            yield from events_of(_known(rows, council, own), service, meter) if own else ()


def _has_own_meter(service: Service) -> bool:
    return isinstance(service.counted_by, Meter)


def _in_order(placed: Sequence[PlacedDetail]) -> tuple[UsageDetail, ...]:
    return tuple(detail for _, detail in sorted(placed, key=lambda each: each[0]))
