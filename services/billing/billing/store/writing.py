"""One batch into the tables: set-based, inside the caller's transaction, each statement at most once a batch."""

from collections.abc import Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table, tuple_
from sqlalchemy.dialects.postgresql import Insert, insert

from billing.domain.ingest import AcceptedEvent
from billing.domain.metering import DefinitionPublished, ItemCompleted, ItemOpened, ReadingRecorded, ReadingReversed
from billing.domain.verdicts import VerdictReceived
from billing.ports import IngestBatch
from billing.store import tables
from billing.store.flood_guard import check_flood
from shared.log.port import Quarantined, Shard
from shared.log.validation import CONFLICT, as_quarantined
from shared.sql.inbox import Arrival, InsertResult, receive
from shared.sql.progress import Counts, Progress
from shared.sql.statements import insert_ignore, insert_rows, upsert

Row = dict[str, Any]


def write(connection: Connection, progress: Progress, batch: IngestBatch, *, expected: int | None) -> None:
    """`batch` is stored and counted; raises `Fenced`, first of all, where the shard does not stand at `expected`.

    Raises `Flood` where too much of it would be set aside.
    """
    first = batch.first if expected is None else expected
    progress.advance(
        connection, batch.shard, expected=expected, first_offset=first, next_offset=batch.next_offset, counts=Counts()
    )
    fates = receive(connection, tables.inbox, [arrival(kept) for kept in batch.kept])
    _store_facts(connection, [kept for kept, fate in zip(batch.kept, fates, strict=True) if fate is InsertResult.NEW])
    conflicts = [
        as_quarantined(kept.record, CONFLICT)
        for kept, fate in zip(batch.kept, fates, strict=True)
        if fate is InsertResult.CONFLICT
    ]
    check_flood(connection, batch.shard, [*batch.refused, *conflicts])
    _insert(
        connection, tables.quarantine, [_quarantined(batch.shard, record) for record in (*batch.refused, *conflicts)]
    )
    counts = Counts(
        applied=fates.count(InsertResult.NEW) + batch.passed,
        duplicate=fates.count(InsertResult.DUPLICATE),
        quarantined=len(batch.refused) + len(conflicts),
        absent=batch.next_offset - first - batch.records,
    )
    # The counts are known only now, and the fence had to come first: a second step that moves nothing adds them.
    progress.advance(
        connection,
        batch.shard,
        expected=batch.next_offset,
        first_offset=first,
        next_offset=batch.next_offset,
        counts=counts,
    )


def arrival(kept: AcceptedEvent) -> Arrival:
    """What the inbox knows the event by."""
    return Arrival(kept.fact.origin.source, kept.fact.origin.id, kept.digest)


def _store_facts(connection: Connection, kept: Sequence[AcceptedEvent]) -> None:
    facts = [each.fact for each in kept]
    _insert(connection, tables.reading, [_reading(fact) for fact in facts if isinstance(fact, ReadingRecorded)])
    _insert(connection, tables.reversal, [_reversal(fact) for fact in facts if isinstance(fact, ReadingReversed)])
    _keep_first(connection, tables.item_opened, [_accepted(fact) for fact in facts if isinstance(fact, ItemOpened)])
    _keep_first(connection, tables.item_completed, [_done(fact) for fact in facts if isinstance(fact, ItemCompleted)])
    _insert(
        connection,
        tables.definition_version,
        [_definition(fact) for fact in facts if isinstance(fact, DefinitionPublished)],
    )
    said = [_verdict(each.fact, each.record.offset) for each in kept if isinstance(each.fact, VerdictReceived)]
    _keep_last(connection, tables.verdict, said)


def _insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    if rows:
        insert_rows(connection, insert_ignore(table), rows)


def _keep_first(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Of all facts about an item the earliest in event time stays, in whatever order they come."""
    in_time = sorted(rows, key=itemgetter("at_us", "source", "event_id"), reverse=True)
    _keep(connection, table, in_time, _earliest(table))


def _keep_last(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Of all that was said the last in the log stays."""
    _keep(connection, table, sorted(rows, key=itemgetter("offset")), _latest(table))


def _keep(connection: Connection, table: Table, rows: Sequence[Row], upsert: Insert) -> None:
    """One row for each key: the last of `rows`, which takes the place of a stored one where `upsert` lets it."""
    if rows:
        key_of = itemgetter(*table.primary_key.columns.keys())
        insert_rows(connection, upsert, list({key_of(row): row for row in rows}.values()))


@cache
def _earliest(table: Table) -> Insert:
    new = insert(table).excluded
    of_new, of_stored = (tuple_(row.at_us, row.source, row.event_id) for row in (new, table.c))
    return upsert(table, where=of_new < of_stored)


@cache
def _latest(table: Table) -> Insert:
    return upsert(table, where=insert(table).excluded.offset > table.c.offset)


def _quarantined(shard: Shard, record: Quarantined) -> Row:
    return {
        "topic": shard.topic,
        "partition": shard.partition,
        "offset": record.offset,
        "reason": record.reason,
        "detail": record.detail[:2000],
        "timestamp_ms": record.timestamp_ms,
        "key": record.key,
        "value": record.value,
    }


def _reading(fact: ReadingRecorded) -> Row:
    return {
        "source": fact.origin.source,
        "event_id": fact.origin.id,
        "at_us": fact.origin.at_us,
        "day": fact.day,
        "council": fact.council,
        "service": fact.service,
        "unit": fact.unit,
        "quantity_micro": fact.quantity_micro,
    }


def _reversal(fact: ReadingReversed) -> Row:
    return {
        "source": fact.origin.source,
        "event_id": fact.origin.id,
        "at_us": fact.origin.at_us,
        "reversed_source": fact.reversed_source,
        "reversed_id": fact.reversed_id,
        "council": fact.council,
        "service": fact.service,
    }


def _item(fact: ItemOpened | ItemCompleted) -> Row:
    return {
        "source": fact.origin.source,
        "event_id": fact.origin.id,
        "at_us": fact.origin.at_us,
        "council": fact.council,
        "meter": fact.meter,
        "item": fact.item,
        "day": fact.day,
    }


def _accepted(fact: ItemOpened) -> Row:
    return {**_item(fact), "service": fact.service}


def _done(fact: ItemCompleted) -> Row:
    return {**_item(fact), "quantity_micro": fact.quantity_micro}


def _definition(fact: DefinitionPublished) -> Row:
    return {
        "kind": fact.kind,
        "id": fact.id,
        "version": fact.version,
        "effective_from": fact.effective_from,
        "published_at_us": fact.origin.at_us,
        "definition": fact.definition,
    }


def _verdict(fact: VerdictReceived, offset: int) -> Row:
    return {
        "council": fact.council,
        "item": fact.item,
        "target": fact.target,
        "cycle": fact.cycle,
        "month": fact.month,
        "agreement": fact.agreement,
        "service": fact.service,
        "outcome": fact.outcome,
        "value_pence": fact.value_pence,
        "day": fact.day,
        "source": fact.origin.source,
        "event_id": fact.origin.id,
        "at_us": fact.origin.at_us,
        "offset": offset,
    }
