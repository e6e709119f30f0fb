"""Announcements recorded in SQL as they are read from the log, with the verdicts that hold after them."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import CompoundSelect, Connection, Engine, Select, bindparam, delete, insert, literal, select, union_all

from shared.contracts.codec import decode_event, encode_event
from shared.contracts.judged import JudgedThrough
from shared.contracts.verdicts import (
    TargetBreached,
    TargetMet,
    VerdictCorrected,
    VerdictEvent,
    VerdictKey,
    VerdictRetracted,
    WarningReached,
    verdict_key,
)
from shared.log.port import Record, Shard
from shared.log.processor import CaughtUp
from shared.sql.engine import busy_during_outages, read_transaction
from shared.sql.progress import Counts, Progress, ShardProgress
from shared.sql.statements import in_list, insert_rows, upsert
from sla_monitor.domain.freezing import CountedAs, CountState, post
from sla_monitor.ports import AnnouncementStore
from sla_monitor.store.tables import ADJUSTMENT, ANNOUNCEMENT, PROGRESS, VERDICT

_PROGRESS = Progress(PROGRESS, "sla-monitor-read-model")
_KEY = tuple(VERDICT.c[name] for name in VerdictKey._fields)
_INSERT_ANNOUNCEMENT, _INSERT_ADJUSTMENT, _UPSERT_VERDICT = insert(ANNOUNCEMENT), insert(ADJUSTMENT), upsert(VERDICT)
# One at a time, by the primary key: SQLite would look through the whole table for a list of keys.
_DELETE_VERDICT = delete(VERDICT).where(*(column == bindparam(column.name) for column in _KEY))
_KINDS: dict[type[VerdictEvent], str] = {
    WarningReached: "warning",
    TargetMet: "met",
    TargetBreached: "breached",
    VerdictCorrected: "corrected",
    VerdictRetracted: "retracted",
}


class VerdictRecorder:
    """The processor of sla.verdicts.v1. Only the monitor writes there: an unreadable record is a bug in Tallystick.

    `recorded` is called with what was recorded, once it is stored; an event that comes twice is in two calls.
    """

    def __init__(
        self, store: AnnouncementStore, recorded: Callable[[Sequence[VerdictEvent]], None] = lambda _: None
    ) -> None:
        self._store, self._recorded = store, recorded
        self._expected: dict[Shard, int | None] = {}

    async def position(self, shard: Shard) -> int | None:
        """The stored next offset."""
        with busy_during_outages():
            self._expected[shard] = await asyncio.to_thread(self._store.position, shard)
        return self._expected[shard]

    async def apply(self, shard: Shard, records: Sequence[Record]) -> int:
        """The announcements are recorded once each; raises `Busy` while the database is away."""
        events = [event for record in records if (event := _verdict_event(record)) is not None]
        after = records[-1].offset + 1
        with busy_during_outages():
            await asyncio.to_thread(
                self._store.record,
                shard,
                expected=self._expected.get(shard),
                first=records[0].offset,
                after=after,
                events=events,
                marks=len(records) - len(events),
            )
        self._recorded(events)
        self._expected[shard] = after
        return after

    async def idle(self, shard: Shard, *, caught_up: CaughtUp) -> None:
        """Nothing waits for time to pass."""


def _verdict_event(record: Record) -> VerdictEvent | None:
    """The announcement; None for a mark, which says of no verdict anything."""
    event = decode_event(record.value or b"")
    if isinstance(event, JudgedThrough):
        return None
    if not isinstance(event, VerdictEvent):
        raise TypeError(f"expected a verdict at offset {record.offset}, got {type(event).__name__}")
    return event


class SqlAnnouncementStore:
    """`sla_monitor.ports.AnnouncementStore` on SQLite or PostgreSQL."""

    def __init__(self, engine: Engine, *, freeze_days: int) -> None:
        self._engine, self._freeze_days = engine, freeze_days

    def position(self, shard: Shard) -> int | None:
        with read_transaction(self._engine) as connection:
            return _PROGRESS.position(connection, shard)

    def positions(self) -> dict[Shard, int]:
        """The next offset of every shard of which anything was recorded. Blocks."""
        return {each.shard: each.next_offset for each in self.progress()}

    def progress(self) -> list[ShardProgress]:
        """How far each shard of sla.verdicts.v1 has been recorded."""
        with read_transaction(self._engine) as connection:
            return _PROGRESS.shards(connection)

    def record(
        self, shard: Shard, *, expected: int | None, first: int, after: int, events: Sequence[VerdictEvent], marks: int
    ) -> None:
        applied, covered = len(events) + marks, after - (first if expected is None else expected)
        counts = Counts(applied=applied, absent=covered - applied)
        with self._engine.begin() as connection:
            _PROGRESS.advance(
                connection, shard, expected=expected, first_offset=first, next_offset=after, counts=counts
            )
            new = _insert_new_announcements(connection, shard, after - len(events), events)
            _update_verdicts(connection, new, self._freeze_days)


def _insert_new_announcements(
    connection: Connection, shard: Shard, first: int, events: Sequence[VerdictEvent]
) -> list[VerdictEvent]:
    """The announcements are in the history; returns those that were not there before, each once, in their order.

    One that is published again keeps its first position, also within one batch. Looking before inserting is safe: the
    shard's progress was moved first, and keeps every other writer out.
    """
    by_id: dict[str, tuple[int, VerdictEvent]] = {}
    for position, event in enumerate(events, start=first):
        by_id.setdefault(event.id, (position, event))
    known = set(connection.scalars(_known_ids(connection.dialect.name), {"ids": list(by_id)}))
    new = [by_id[id_] for id_ in by_id if id_ not in known]
    if new:
        insert_rows(connection, _INSERT_ANNOUNCEMENT, [_announcement(shard, *each) for each in new])
    return [event for _, event in new]


def _update_verdicts(connection: Connection, events: Iterable[VerdictEvent], freeze_days: int) -> None:
    """The last of each verdict's announcements is what holds now; what corrects a frozen month is an adjustment."""
    decisions = [event for event in events if not isinstance(event, WarningReached)]
    if not decisions:
        return
    keys = list({verdict_key(event) for event in decisions})
    postings = post(decisions, _count_states(connection, keys), freeze_days=freeze_days)
    retracted = [key for key, event in postings.provisional.items() if event is None]
    if retracted:
        connection.execute(_DELETE_VERDICT, [key._asdict() for key in retracted])
    rows = [_verdict(event) for event in postings.provisional.values() if event is not None]
    if rows:
        insert_rows(connection, _UPSERT_VERDICT, rows)
    if postings.adjustments:
        insert_rows(connection, _INSERT_ADJUSTMENT, [msgspec.structs.asdict(each) for each in postings.adjustments])


def _count_states(connection: Connection, keys: Sequence[VerdictKey]) -> dict[VerdictKey, CountState]:
    """How verdicts are counted, among them all those of `keys`: lists of two ids cost less than of whole keys."""
    ids = {"councils": list({key.council for key in keys}), "items": list({key.item for key in keys})}
    sums: defaultdict[VerdictKey, Counter[CountedAs]] = defaultdict(Counter)
    adjusted: set[VerdictKey] = set()
    for *key, outcome, month, sign, is_adjustment in connection.execute(_counts_of(connection.dialect.name), ids):
        sums[VerdictKey(*key)][outcome, month] += sign
        if is_adjustment:
            adjusted.add(VerdictKey(*key))
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
        **verdict_key(event)._asdict(),
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
        **verdict_key(event)._asdict(),
        "service": data.service,
        "measure": data.measure,
        "month": data.month,
        "outcome": data.outcome,
        "due_at": data.due_at,
        "value_pence": data.value_pence,
        "elapsed_s": data.elapsed_s if data.outcome == "met" else None,
    }
