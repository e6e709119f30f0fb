"""The read model in SQL: what was announced, and the verdicts that hold."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Integer, case, delete, func, insert, select, tuple_

from shared.bus.port import Shard
from shared.contracts.codec import decode_event, encode_event
from shared.contracts.verdicts import (
    TargetBreached,
    TargetMet,
    VerdictCorrected,
    VerdictEvent,
    VerdictRetracted,
    WarningReached,
)
from shared.sql.engine import reading
from shared.sql.progress import Counts, Progress
from sla_monitor.adapters.tables import ANNOUNCEMENT, PROGRESS, VERDICT
from sla_monitor.ports import Counted, Said

Decision = TargetMet | TargetBreached | VerdictCorrected | VerdictRetracted

_PROGRESS = Progress(PROGRESS, "sla-monitor-read-model")
_KEY = (VERDICT.c.council, VERDICT.c.item, VERDICT.c.target, VERDICT.c.cycle)
_KINDS: dict[type[VerdictEvent], str] = {
    WarningReached: "warning",
    TargetMet: "met",
    TargetBreached: "breached",
    VerdictCorrected: "corrected",
    VerdictRetracted: "retracted",
}


class SqlReadModel:
    """`sla_monitor.ports.ReadModel` on SQLite or PostgreSQL."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def position(self, shard: Shard) -> int | None:
        """The next offset to read; None at first."""
        with reading(self._engine) as connection:
            return _PROGRESS.position(connection, shard)

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
            new = _keep(connection, shard, after - len(events), events)
            _hold(connection, [event for event in events if event.id in new])

    def attainment(self, *, month: str | None, council: str | None, service: str | None) -> list[Counted]:
        """Counts by council, service, target and month, in that order."""
        columns = VERDICT.c
        group = (columns.council, columns.service, columns.target, columns.measure, columns.month)
        met = func.sum(case((columns.outcome == "met", 1), else_=0)).cast(Integer)
        wanted = _equal({columns.month: month, columns.council: council, columns.service: service})
        query = select(*group, met.label("met"), func.count().label("total")).where(*wanted)
        with reading(self._engine) as connection:
            rows = connection.execute(query.group_by(*group).order_by(*group)).mappings()
            return [Counted(**row) for row in rows]

    def months(self) -> list[str]:
        """The months in which anything was decided, ascending."""
        with reading(self._engine) as connection:
            return list(connection.scalars(select(VERDICT.c.month).distinct().order_by(VERDICT.c.month)))

    def announced(self, council: str, item: str) -> list[Said]:
        """All that was announced about an item, oldest first."""
        columns = ANNOUNCEMENT.c
        query = (
            select(columns.kind, columns.at, columns.target, columns.cycle, columns.event)
            .where(columns.council == council, columns.item == item)
            .order_by(columns.partition, columns.position)
        )
        with reading(self._engine) as connection:
            return [_said(*row) for row in connection.execute(query)]


def _keep(connection: Connection, shard: Shard, first: int, events: Sequence[VerdictEvent]) -> set[str]:
    """The announcements are in the history; returns the ids of those that were not there before.

    Looking before inserting is safe: the shard's progress was moved first, and keeps every other writer out.
    """
    last = {event.id: (position, event) for position, event in enumerate(events, start=first)}
    known = connection.scalars(select(ANNOUNCEMENT.c.id).where(ANNOUNCEMENT.c.id.in_(list(last))))
    new = last.keys() - set(known)
    rows = [_announcement(shard, *last[id_]) for id_ in new]
    if rows:
        connection.execute(insert(ANNOUNCEMENT), rows)
    return new


def _hold(connection: Connection, events: Iterable[VerdictEvent]) -> None:
    """The last of each verdict's announcements is what holds now."""
    last: dict[tuple[str, str, str, int], Decision] = {}
    for event in events:
        if not isinstance(event, WarningReached):
            last[event.council, event.subject, event.data.target, event.data.cycle] = event
    if not last:
        return
    connection.execute(delete(VERDICT).where(tuple_(*_KEY).in_(list(last))))
    held = [_verdict(event) for event in last.values() if not isinstance(event, VerdictRetracted)]
    if held:
        connection.execute(insert(VERDICT), held)


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
    }


def _said(kind: str, at: Any, target: str, cycle: int, event: bytes) -> Said:
    decoded = decode_event(event)
    if not isinstance(decoded, VerdictEvent):
        raise TypeError(f"expected a verdict in the history, got {type(decoded).__name__}")
    return Said(kind, at, target, cycle, decoded)


def _equal(wanted: dict[Any, str | None]) -> list[ColumnElement[bool]]:
    return [column == value for column, value in wanted.items() if value is not None]
