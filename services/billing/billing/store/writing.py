"""One batch into the tables: set-based, inside the caller's transaction, each statement at most once a batch."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects.postgresql import Insert, insert

from billing.domain.ingest import AcceptedEvent
from billing.domain.metering import DefinitionPublished, EventReceived
from billing.domain.steps import PricesDecided, SealingKeyKnown, StepReceived
from billing.domain.verdicts import VerdictReceived
from billing.ports import IngestBatch
from billing.store import tables
from billing.store.changes import record_changes
from billing.store.quarantine import quarantine_records
from billing.store.steps import lock_statements, record_deciders, record_step
from shared.log.validation import CONFLICT, as_quarantined
from shared.sql.inbox import Arrival, InsertResult, receive
from shared.sql.progress import Counts, Progress
from shared.sql.statements import insert_columns, insert_ignore, upsert

Row = tuple[Any, ...]  # in the order of the table's columns
# Columns that are called otherwise than the attribute of the fact.
_ATTRIBUTES = {"source": "origin.source", "event_id": "origin.id", "at_us": "origin.at_us", "place": "origin.place"}


def write(connection: Connection, progress: Progress, batch: IngestBatch, *, expected: int | None) -> None:
    """`batch` is stored and counted; raises `Fenced`, first of all, where the shard is not at `expected`.

    Raises `Flood` where too much of it would be quarantined.
    """
    first = batch.first if expected is None else expected
    progress.advance(
        connection, batch.shard, expected=expected, first_offset=first, next_offset=batch.next_offset, counts=Counts()
    )
    results = receive(connection, tables.inbox, [arrival(event) for event in batch.accepted])
    new, conflicting = (
        [event for event, result in zip(batch.accepted, results, strict=True) if result is wanted]
        for wanted in (InsertResult.NEW, InsertResult.CONFLICT)
    )
    # Of two sendings of one event the smaller sequence counts, whichever came first.
    known = [event for event, result in zip(batch.accepted, results, strict=True) if result is InsertResult.DUPLICATE]
    _store_facts(connection, new)
    record_changes(connection, batch.shard, batch.next_offset, (event.fact for event in batch.accepted))
    _reorder(connection, [event.fact for event in known if isinstance(event.fact, EventReceived)])
    conflicts = [as_quarantined(event.record, CONFLICT) for event in conflicting]
    quarantine_records(connection, batch.shard, [*batch.invalid, *conflicts])
    counts = Counts(
        applied=len(new) + batch.ignored,
        duplicate=results.count(InsertResult.DUPLICATE),
        quarantined=len(batch.invalid) + len(conflicts),
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


def arrival(event: AcceptedEvent) -> Arrival:
    """What the inbox knows the event by."""
    return Arrival(event.fact.origin.source, event.fact.origin.id, event.digest)


def _insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """For facts that are there only where the inbox has their event, so that one of a new event is new."""
    _store(connection, table, insert(table), rows)


def _insert_unknown(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    _store(connection, table, insert_ignore(table), rows)


def _keep_last(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Of all that was published the last in the log stays."""
    _keep(connection, table, sorted(rows, key=_values(table, "offset")), _latest(table))


_TABLES: Mapping[type, tuple[Table, Callable[[Connection, Table, Sequence[Row]], None]]] = {
    EventReceived: (tables.event, _insert),
    DefinitionPublished: (tables.definition_version, _insert_unknown),
    VerdictReceived: (tables.verdict, _keep_last),
    SealingKeyKnown: (tables.sealing_key, _insert_unknown),
}


def _store_facts(connection: Connection, events: Iterable[AcceptedEvent]) -> None:
    by_type: defaultdict[type, list[object]] = defaultdict(list)
    for event in events:
        by_type[type(event.fact)].append(event.fact)
        if isinstance(event.fact, StepReceived):
            lock_statements(connection)
            record_step(connection, event.fact.event)
        elif isinstance(event.fact, PricesDecided):
            record_deciders(connection, event.fact)
    for fact_type, (table, store) in _TABLES.items():
        if facts := by_type[fact_type]:
            store(connection, table, list(map(_row_of(table), facts)))


def _reorder(connection: Connection, again: Sequence[EventReceived]) -> None:
    """Of all sendings of an item's event the one with the smallest sequence stays."""
    rows = map(_row_of(tables.event), (event for event in again if event.stream != "usage"))
    last_first = sorted(rows, key=_values(tables.event, "place"), reverse=True)
    if last_first:
        _keep(connection, tables.event, last_first, _smallest(tables.event))


def _keep(connection: Connection, table: Table, rows: Sequence[Row], statement: Insert) -> None:
    """One row for each key: the last of `rows`, which takes the place of a stored one where `statement` lets it."""
    key_of = _values(table, *table.primary_key.columns.keys())
    _store(connection, table, statement, list({key_of(row): row for row in rows}.values()))


def _store(connection: Connection, table: Table, statement: Insert, rows: Sequence[Row]) -> None:
    columns = dict(zip(_names(table), map(list, zip(*rows, strict=True)), strict=True))
    # A column in which no row has anything need not be sent: most events name no other and have no attributes.
    sent = {name: values for name, values in columns.items() if any(value is not None for value in values)}
    insert_columns(connection, statement, sent)


def _names(table: Table) -> list[str]:
    return [column.name for column in table.columns]


@cache
def _row_of(table: Table) -> Callable[[object], Row]:
    """The row that a fact is in `table`."""
    return attrgetter(*(_ATTRIBUTES.get(name, name) for name in _names(table)))


@cache
def _values(table: Table, *names: str) -> Callable[[Row], Any]:
    """What a row of `table` holds in the columns of these `names`."""
    return itemgetter(*map(_names(table).index, names))


@cache
def _smallest(table: Table) -> Insert:
    return upsert(table, where=insert(table).excluded.place < table.c.place)


@cache
def _latest(table: Table) -> Insert:
    return upsert(table, where=insert(table).excluded.offset > table.c.offset)
