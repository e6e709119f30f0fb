"""What came in about a council's months, and when: written with each batch, read when issued months are looked at."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, func, or_, select

from billing.domain.issued import CorrectedBy
from billing.domain.metering import EventReceived
from billing.ports import CausedBy, MonthChange
from billing.store.event_rules import OPENINGS, same_item
from billing.store.read_through import TOPIC_OF, came_after
from billing.store.tables import EventRows, event, month_change
from shared.log.port import Shard
from shared.period import Month
from shared.sql.statements import insert_rows, upsert

_EVENT, _NAMED = event.alias("cause"), event.alias("named")
_ANY_MONTH = ""


def record_changes(connection: Connection, shard: Shard, next_offset: int, facts: Iterable[object]) -> None:
    """It is known that the batch of `shard` that ends before `next_offset` brought something about these months."""
    days = {(fact.council, None if fact.target_id else fact.day) for fact in facts if isinstance(fact, EventReceived)}
    months = sorted({(council, _ANY_MONTH if day is None else f"{day:%Y-%m}") for council, day in days})
    rows = [
        {
            "council": council,
            "month": month,
            "topic": shard.topic,
            "partition": shard.partition,
            "next_offset": next_offset,
        }
        for council, month in months
    ]
    if rows:
        insert_rows(connection, upsert(month_change), rows)


def changes_of(connection: Connection, council: str) -> list[MonthChange]:
    """By month, topic and partition."""
    of = month_change.c
    query = select(month_change).where(of.council == council).order_by(of.month, of.topic, of.partition)
    return [
        MonthChange(Month.parse(row.month) if row.month else None, row.topic, row.partition, row.next_offset)
        for row in connection.execute(query)
    ]


def usage_since(connection: Connection, by: CausedBy, *, limit: int) -> tuple[list[CorrectedBy], int]:
    """As `billing.ports.UsageReads.since`: events of the month's service, and those that name one of these."""
    of = _EVENT.c
    of_month = and_(*_in_month(_EVENT, by), _of_service(_EVENT, by.service))
    named = and_(
        of.target_id.is_not(None),
        exists().where(
            _NAMED.c.council == by.council,
            _NAMED.c.source == of.target_source,
            _NAMED.c.event_id == of.target_id,
            *_in_month(_NAMED, by),
            _of_service(_NAMED, by.service),
        ),
    )
    late = of.council == by.council, came_after(_EVENT, by.read_through), or_(of_month, named)
    return _first_and_all(connection, _columns().where(*late), limit=limit)


def _columns() -> Select[Any]:
    of = _EVENT.c
    return select(of.source, of.event_id, of.stream, of.partition, of.offset, of.at_us)


def _in_month(of: EventRows, by: CausedBy) -> tuple[ColumnElement[bool], ...]:
    return of.c.day >= by.month.first_day, of.c.day < by.month.next.first_day


def _of_service(of: EventRows, service: str) -> ColumnElement[bool]:
    """It names the service, or is of an item that was opened for it."""
    opened = event.alias(f"{of.name}_opened")
    was_opened = exists().where(same_item(opened, of), opened.c.type.in_(OPENINGS), opened.c.service == service)
    return or_(of.c.service == service, and_(of.c.service.is_(None), was_opened))


def _first_and_all(connection: Connection, query: Select[Any], *, limit: int) -> tuple[list[CorrectedBy], int]:
    found = query.subquery()
    in_all = connection.scalar(select(func.count()).select_from(found)) or 0
    first = select(found).order_by(found.c.at_us, found.c.source, found.c.event_id).limit(limit)
    return _caused(connection.execute(first).all()), in_all


def _caused(rows: Sequence[Row[Any]]) -> list[CorrectedBy]:
    return [CorrectedBy(row.source, row.event_id, TOPIC_OF[row.stream], row.partition, row.offset) for row in rows]
