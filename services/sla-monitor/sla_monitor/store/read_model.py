"""The read model in SQL: what was announced, and the verdicts that hold."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Connection,
    Engine,
    Select,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    tuple_,
    union_all,
)

from shared.contracts.codec import decode_event, encode_event
from shared.contracts.verdicts import (
    TargetBreached,
    TargetMet,
    VerdictCorrected,
    VerdictEvent,
    VerdictRetracted,
    WarningReached,
)
from shared.log.port import Shard
from shared.sql.engine import read_transaction
from shared.sql.progress import Counts, Progress, ShardProgress
from shared.sql.statements import in_list, insert_rows, upsert
from sla_monitor.domain.freezing import Adjustment, CountedAs, CountState, VerdictKey, post, verdict_key
from sla_monitor.ports import Announcement, CauseCount, VerdictCounts
from sla_monitor.store.tables import ADJUSTMENT, ANNOUNCEMENT, PROGRESS, VERDICT

_PROGRESS = Progress(PROGRESS, "sla-monitor-read-model")
_KEY = (VERDICT.c.council, VERDICT.c.item, VERDICT.c.target, VERDICT.c.cycle)
_GROUP = (VERDICT.c.council, VERDICT.c.service, VERDICT.c.target, VERDICT.c.measure)


def _sum(column: ColumnElement[Any], *, met_only: bool) -> ColumnElement[int]:
    """The column's sum, 0 without rows that have it; PostgreSQL would make a numeric of a sum of bigints."""
    summed = case((VERDICT.c.outcome == "met", column)) if met_only else column
    return func.coalesce(func.sum(summed), 0).cast(BigInteger)


_COUNTS = (_sum(literal(1), met_only=True).label("met"), func.count().label("total"))
_SUMS = (
    *_COUNTS,
    _sum(VERDICT.c.value_pence, met_only=True).label("met_pence"),
    _sum(VERDICT.c.value_pence, met_only=False).label("total_pence"),
)
_INSERT_ANNOUNCEMENT, _INSERT_ADJUSTMENT, _REPLACE_VERDICT = insert(ANNOUNCEMENT), insert(ADJUSTMENT), upsert(VERDICT)
_KINDS: dict[type[VerdictEvent], str] = {
    WarningReached: "warning",
    TargetMet: "met",
    TargetBreached: "breached",
    VerdictCorrected: "corrected",
    VerdictRetracted: "retracted",
}


class SqlReadModel:
    """`sla_monitor.ports.ReadModel` on SQLite or PostgreSQL."""

    def __init__(self, engine: Engine, *, freeze_days: int) -> None:
        self._engine, self._freeze_days = engine, freeze_days

    def position(self, shard: Shard) -> int | None:
        """The next offset to read; None at first."""
        with read_transaction(self._engine) as connection:
            return _PROGRESS.position(connection, shard)

    def progress(self) -> list[ShardProgress]:
        """How far each shard of sla.verdicts.v1 has been recorded."""
        with read_transaction(self._engine) as connection:
            return _PROGRESS.shards(connection)

    def record(
        self, shard: Shard, *, expected: int | None, first: int, after: int, events: Sequence[VerdictEvent]
    ) -> None:
        """`events` are recorded once each and the shard stands at `after`; raises `Fenced`."""
        covered = after - (first if expected is None else expected)
        counts = Counts(applied=len(events), absent=covered - len(events))
        with self._engine.begin() as connection:
            _PROGRESS.advance(
                connection, shard, expected=expected, first_offset=first, next_offset=after, counts=counts
            )
            new = _insert_new_announcements(connection, shard, after - len(events), events)
            _update_verdicts(connection, new, self._freeze_days)

    def attainment(
        self, *, months: Collection[str] | None, council: str | None = None, service: str | None = None
    ) -> list[VerdictCounts]:
        """Counts by council, service, target and month, in that order; of every month where `months` is None."""
        month = VERDICT.c.month
        wanted = _equal({VERDICT.c.council: council, VERDICT.c.service: service})
        if months is not None:
            wanted.append(month.in_(months))
        return self._counted(select(*_GROUP, month.label("period"), *_SUMS).where(*wanted).group_by(*_GROUP, month))

    def due_within(self, since: datetime, until: datetime, *, council: str | None = None) -> list[VerdictCounts]:
        """Counts by council, service and target of what fell due in [since, until), each with the period `""`."""
        due_at = VERDICT.c.due_at
        wanted = [due_at >= since, due_at < until, *_equal({VERDICT.c.council: council})]
        return self._counted(select(*_GROUP, literal("").label("period"), *_COUNTS).where(*wanted).group_by(*_GROUP))

    def nth_elapsed(self, counted: VerdictCounts, *, months: Collection[str], nth: int) -> int | None:
        """The clock's seconds of the `nth` fastest item (from 1) that met its target in `months`; None beyond them."""
        columns = VERDICT.c
        same = [column == getattr(counted, column.name) for column in _GROUP]
        query = (
            select(columns.elapsed_s)
            .where(*same, columns.month.in_(months), columns.outcome == "met")
            .order_by(columns.elapsed_s)
            .offset(nth - 1)
            .limit(1)
        )
        with read_transaction(self._engine) as connection:
            return connection.scalar(query)

    def _counted(self, query: Select[Any]) -> list[VerdictCounts]:
        with read_transaction(self._engine) as connection:
            return [VerdictCounts(**row) for row in connection.execute(query.order_by(*_GROUP, "period")).mappings()]

    def months(self) -> list[str]:
        """The months in which anything was decided, ascending."""
        with read_transaction(self._engine) as connection:
            return list(connection.scalars(select(VERDICT.c.month).distinct().order_by(VERDICT.c.month)))

    def announced(self, council: str, item: str) -> list[Announcement]:
        """All that was announced about an item, oldest first."""
        columns = ANNOUNCEMENT.c
        query = (
            select(columns.kind, columns.at, columns.target, columns.cycle, columns.event)
            .where(columns.council == council, columns.item == item)
            .order_by(columns.partition, columns.position)
        )
        with read_transaction(self._engine) as connection:
            return [_announcement_read(*row) for row in connection.execute(query)]

    def adjustments(self, *, posted: str | None = None, council: str | None = None) -> list[Adjustment]:
        """Corrections of frozen months by the month that shows them, in the order in which they were made."""
        columns = ADJUSTMENT.c
        query = select(ADJUSTMENT).where(*_equal({columns.posted: posted, columns.council: council}))
        with read_transaction(self._engine) as connection:
            rows = connection.execute(query.order_by(columns.posted, columns.at, columns.id)).mappings()
            return [Adjustment(**row) for row in rows]

    def caused(self, cause: str) -> list[CauseCount]:
        """How many verdicts were corrected or retracted because of `cause`, by council and kind."""
        columns = ANNOUNCEMENT.c
        group = columns.council, columns.kind
        query = select(*group, func.count().label("count")).where(columns.cause == cause)
        with read_transaction(self._engine) as connection:
            rows = connection.execute(query.group_by(*group).order_by(*group)).mappings()
            return [CauseCount(**row) for row in rows]


def _insert_new_announcements(
    connection: Connection, shard: Shard, first: int, events: Sequence[VerdictEvent]
) -> list[VerdictEvent]:
    """The announcements are in the history; returns those that were not there before, each once, in their order.

    One that is said again stands where it was first said, also within one batch. Looking before inserting is safe: the
    shard's progress was moved first, and keeps every other writer out.
    """
    said: dict[str, tuple[int, VerdictEvent]] = {}
    for position, event in enumerate(events, start=first):
        said.setdefault(event.id, (position, event))
    known = set(connection.scalars(_known_ids(connection.dialect.name), {"ids": list(said)}))
    new = [said[id_] for id_ in said if id_ not in known]
    if new:
        insert_rows(connection, _INSERT_ANNOUNCEMENT, [_announcement(shard, *each) for each in new])
    return [event for _, event in new]


def _update_verdicts(connection: Connection, events: Iterable[VerdictEvent], freeze_days: int) -> None:
    """The last of each verdict's announcements is what holds now; what corrects a frozen month is an adjustment."""
    decisions = [event for event in events if not isinstance(event, WarningReached)]
    if not decisions:
        return
    keys = list({verdict_key(event) for event in decisions})
    booked = post(decisions, _standings(connection, keys), freeze_days=freeze_days)
    gone = [key for key, event in booked.provisional.items() if event is None]
    if gone:
        connection.execute(delete(VERDICT).where(tuple_(*_KEY).in_(gone)))
    held = [_verdict(event) for event in booked.provisional.values() if event is not None]
    if held:
        insert_rows(connection, _REPLACE_VERDICT, held)
    if booked.adjustments:
        insert_rows(connection, _INSERT_ADJUSTMENT, [msgspec.structs.asdict(each) for each in booked.adjustments])


def _standings(connection: Connection, keys: Sequence[VerdictKey]) -> dict[VerdictKey, CountState]:
    """How verdicts stand, among them all those of `keys`: lists of two ids cost less than of whole keys."""
    asked = {"councils": list({key[0] for key in keys}), "items": list({key[1] for key in keys})}
    sums: defaultdict[VerdictKey, Counter[CountedAs]] = defaultdict(Counter)
    adjusted: set[VerdictKey] = set()
    for *key, outcome, month, sign, is_adjustment in connection.execute(_counts_of(connection.dialect.name), asked):
        sums[tuple(key)][outcome, month] += sign
        if is_adjustment:
            adjusted.add(tuple(key))
    return {key: CountState(next(iter(+counts), None), key in adjusted) for key, counts in sums.items()}


@cache
def _known_ids(dialect: str) -> Select[str]:
    return select(ANNOUNCEMENT.c.id).where(in_list(dialect, ANNOUNCEMENT.c.id, "ids"))


@cache
def _counts_of(dialect: str) -> CompoundSelect[Any]:
    """Rows of key, outcome, month, 1 (counted) or -1 (taken away), and whether it is an adjustment that does so."""
    held, late = VERDICT.c, ADJUSTMENT.c
    sides = [
        (held, held.outcome, held.month, 1, False),
        (late, late.was, late.was_month, -1, True),
        (late, late.now, late.month, 1, True),
    ]
    return union_all(
        *(
            select(*(of[column.name] for column in _KEY), outcome, month, literal(sign), literal(is_adjustment)).where(
                in_list(dialect, of.council, "councils"), in_list(dialect, of.item, "items"), outcome.is_not(None)
            )
            for of, outcome, month, sign, is_adjustment in sides
        )
    )


def _announcement(shard: Shard, position: int, event: VerdictEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "council": event.council,
        "item": event.subject,
        "target": event.data.target,
        "cycle": event.data.cycle,
        "kind": _KINDS[type(event)],
        "at": event.time,
        "partition": shard.partition,
        "position": position,
        "event": encode_event(event),
        "cause": event.data.cause if isinstance(event, VerdictCorrected | VerdictRetracted) else None,
    }


def _verdict(event: TargetMet | TargetBreached | VerdictCorrected) -> dict[str, Any]:
    data = event.data
    return {
        "council": event.council,
        "item": event.subject,
        "target": data.target,
        "cycle": data.cycle,
        "service": data.service,
        "measure": data.measure,
        "month": data.month,
        "outcome": data.outcome,
        "due_at": data.due_at,
        "value_pence": data.value_pence,
        "elapsed_s": data.elapsed_s if data.outcome == "met" else None,
    }


def _announcement_read(kind: str, at: Any, target: str, cycle: int, event: bytes) -> Announcement:
    decoded = decode_event(event)
    if not isinstance(decoded, VerdictEvent):
        raise TypeError(f"expected a verdict in the history, got {type(decoded).__name__}")
    return Announcement(kind, at, target, cycle, decoded)


def _equal(wanted: dict[Any, str | None]) -> list[ColumnElement[bool]]:
    return [column == value for column, value in wanted.items() if value is not None]
