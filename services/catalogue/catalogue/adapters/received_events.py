"""Received events in SQL: each one row for as long as it can be asked about, published in order, once it is in the log.

The row is the outbox's, too: it waits while `published_us` is null. Its content is kept as long as anything can ask for
it, and its identity is what a repetition is recognised by here; the readers of the log know it for ever.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from catalogue.domain.received_events import EventStatus, ReceivedEvent
from catalogue.ports import WaitingEvent
from shared.instants import instant_at
from shared.log.port import Place
from shared.log.processor import Busy
from shared.scope import Scope
from shared.sql.engine import busy_during_outages, read_transaction
from shared.sql.inbox import InsertResult
from shared.sql.isolation import Database, scoped_read
from shared.sql.outbox import current_transaction, settled_below
from shared.sql.statements import in_list, in_scope, insert_rows, reading_by_index
from shared.units import EpochMillis

# Of its own, so that the revision which makes it is the only one that does.
metadata = MetaData()
RELAY_BATCH = 2_000
_DELETED_AT_ONCE = 10_000

received_event = Table(
    "received_event",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("written_by", BigInteger, nullable=False),
    Column("id", String(128), nullable=False),
    Column("source", String(256), nullable=False),
    Column("type", String(128), nullable=False),
    Column("council", String(64), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("topic", String(249), nullable=False),
    Column("key", String(256), nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("occurred_us", BigInteger, nullable=False),
    Column("sent_by", String(64), nullable=False),
    Column("received_us", BigInteger, nullable=False, index=True),
    Column("published_us", BigInteger, nullable=True),
    Column("log_partition", Integer, nullable=True),
    Column("log_offset", BigInteger, nullable=True),
    UniqueConstraint("id", "source"),
    sqlite_autoincrement=True,
)
_is_waiting = received_event.c.published_us.is_(None)
Index("received_event_waiting", received_event.c.position, sqlite_where=_is_waiting, postgresql_where=_is_waiting)
_insert = insert(received_event)
_publish = (
    update(received_event)
    .where(received_event.c.position == bindparam("at"))
    .values(published_us=bindparam("us"), log_partition=bindparam("in_partition"), log_offset=bindparam("at_offset"))
)


class SqlReceivedEvents:
    """`catalogue.ports.ReceivedEventStore` on a migrated database: workers receive, requests ask."""

    def __init__(self, database: Database) -> None:
        self._engine, self._requests = database.workers, database.requests

    def receive(
        self, requests: Sequence[tuple[str, Sequence[ReceivedEvent]]], *, now_us: int
    ) -> list[list[InsertResult]]:
        """What each event of each request is; those of a request are stored together, unless one is a conflict.

        `requests` are the senders with their events. One transaction. Raises `Busy`.
        """
        with busy_during_outages(), self._engine.begin() as connection:
            known = _known(connection, [event for _, events in requests for event in events])
            results, rows = [], []
            for sent_by, events in requests:
                found, new = _compared(events, known)
                results.append(found)
                if InsertResult.CONFLICT not in found:
                    known |= {(each.id, each.source): each.digest for each in new}
                    rows += [_row(event, sent_by, now_us) for event in new]
            _store(connection, rows)
        return results

    def preview(self, events: Sequence[ReceivedEvent]) -> list[InsertResult]:
        """What `receive` would return now for one request; nothing is stored. Raises `Busy`."""
        with busy_during_outages(), read_transaction(self._engine) as connection:
            return _compared(events, _known(connection, events))[0]

    def waiting(self) -> int:
        """How many events are not known to be published. Raises `Busy`."""
        with busy_during_outages(), read_transaction(self._engine) as connection:
            return connection.scalar(select(func.count()).select_from(received_event).where(_is_waiting)) or 0

    def oldest_waiting(self) -> Sequence[WaitingEvent]:
        """The first of them in the order of receiving: all of a transaction once each before it has ended."""
        columns = received_event.c
        settled = columns.written_by < settled_below()
        query = select(columns.id, columns.topic, columns.key, columns.value, columns.received_us, columns.position)
        with busy_during_outages(), read_transaction(self._engine) as connection:
            found = connection.execute(query.where(_is_waiting, settled).order_by(columns.position).limit(RELAY_BATCH))
            return [_waiting(row) for row in found]

    def published(self, places: Mapping[int, Place], *, now_us: int) -> None:
        """The events at those positions are in the log at those places. Raises `Busy`."""
        rows = [
            {"at": position, "us": now_us, "in_partition": place.partition, "at_offset": place.offset}
            for position, place in places.items()
        ]
        with busy_during_outages(), self._engine.begin() as connection:
            connection.execute(_publish, rows)

    def status(self, source: str, id_: str, scope: Scope) -> EventStatus | None:
        """What is known of an event of a council in scope; None where there is none."""
        columns = received_event.c
        query = select(received_event).where(columns.id == id_, columns.source == source)
        with scoped_read(self._requests, scope) as connection:
            row = connection.execute(query.where(in_scope(columns.council, scope))).one_or_none()
        return None if row is None else _status(row)

    def listed(
        self, scope: Scope, sources: Sequence[str] | None, *, after: int, newest: bool, limit: int
    ) -> list[EventStatus]:
        """The first events after that number of the sources (None: of any), or the newest ones, always ascending.

        All of a transaction are there once each before it has ended. Raises `Busy`.
        """
        columns = received_event.c
        wanted = [columns.position > after, columns.written_by < settled_below(), in_scope(columns.council, scope)]
        wanted += [] if sources is None else [columns.source.in_(sources)]
        order = columns.position.desc() if newest else columns.position
        with scoped_read(self._requests, scope) as connection:
            rows = connection.execute(select(received_event).where(*wanted).order_by(order).limit(limit)).all()
        return sorted(map(_status, rows), key=lambda each: each.number)

    def forget(self, *, before_us: int) -> int:
        """Published events received before that instant are gone, so many at once; returns how many. Raises `Busy`."""
        columns = received_event.c
        old = select(columns.position).where(columns.received_us < before_us, ~_is_waiting).limit(_DELETED_AT_ONCE)
        with busy_during_outages(), self._engine.begin() as connection:
            return connection.execute(delete(received_event).where(columns.position.in_(old))).rowcount


def _known(connection: Connection, events: Sequence[ReceivedEvent]) -> dict[tuple[str, str], bytes]:
    if not events:
        return {}
    columns = received_event.c
    query = select(columns.id, columns.source, columns.digest).where(
        in_list(connection.dialect.name, columns.id, "ids")
    )
    with reading_by_index(connection):
        found = connection.execute(query, {"ids": [event.id for event in events]}).all()
    return {(id_, source): digest for id_, source, digest in found}


def _compared(
    events: Sequence[ReceivedEvent], known: Mapping[tuple[str, str], bytes]
) -> tuple[list[InsertResult], list[ReceivedEvent]]:
    results: list[InsertResult] = []
    new: dict[tuple[str, str], ReceivedEvent] = {}
    for event in events:
        identity = (event.id, event.source)
        first = known.get(identity) or (new[identity].digest if identity in new else None)
        if first is None:
            new[identity] = event
            results.append(InsertResult.NEW)
        else:
            results.append(InsertResult.DUPLICATE if first == event.digest else InsertResult.CONFLICT)
    return results, list(new.values())


def _store(connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    if not rows:
        return
    number = connection.scalar(select(current_transaction()))
    try:
        insert_rows(connection, _insert, [{**row, "written_by": number} for row in rows])
    except IntegrityError as fault:
        raise Busy("another instance has just received one of the same events") from fault


def _row(event: ReceivedEvent, sent_by: str, now_us: int) -> dict[str, object]:
    return {
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "council": event.council,
        "subject": event.subject,
        "topic": event.topic,
        "key": event.key,
        "value": event.value,
        "digest": event.digest,
        "occurred_us": event.occurred_us,
        "sent_by": sent_by,
        "received_us": now_us,
    }


def _status(row: Any) -> EventStatus:
    return EventStatus(
        number=row.position,
        source=row.source,
        id=row.id,
        type=row.type,
        council=row.council,
        subject=row.subject,
        topic=row.topic,
        occurred_at=instant_at(row.occurred_us),
        received_at=instant_at(row.received_us),
        published_at=None if row.published_us is None else instant_at(row.published_us),
        partition=row.log_partition,
        offset=row.log_offset,
    )


def _waiting(row: Any) -> WaitingEvent:
    sent_ms = EpochMillis(row.received_us // 1_000)
    return WaitingEvent(row.id, row.topic, row.key, row.value, sent_ms, row.position)
