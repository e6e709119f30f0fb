"""A month's usage and the facts behind a line, read from the tables."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    null,
    select,
    tuple_,
    union,
    union_all,
)

from billing.domain.metering import MICRO
from billing.domain.usage import Usage
from billing.ports import CouncilUsage, CountedEvent, EventCursor, UsageFilter
from billing.store.tables import item_completed, item_opened, reading, reversal
from shared.instants import instant_at
from shared.period import Month


def usage(connection: Connection, month: Month, council: str) -> Iterator[Usage]:
    """The council's facts of the month, summed by service, day, meter, state and unit."""
    first, end = month.first_day, month.next.first_day
    for query in (_readings(), _items_completed(), _items_opened()):
        for row in connection.execute(query, {"council": council, "first": first, "end": end}):
            yield Usage(row.service, row.day, row.meter, row.state, row.unit, _quantity(row), row.facts)


def councils_with_usage(connection: Connection, month: Month) -> list[str]:
    """Every council that a fact of the month names, ascending."""
    first, end = month.first_day, month.next.first_day
    each = (
        select(table.c.council).where(table.c.day >= first, table.c.day < end)
        for table in (reading, item_completed, item_opened)
    )
    return sorted(connection.scalars(union(*each)))


def heard(connection: Connection) -> list[CouncilUsage]:
    """How many facts name each council, and the day of the first of them; by council."""
    each = union_all(
        *(
            select(table.c.council, func.count().label("facts"), func.min(table.c.day).label("oldest")).group_by(
                table.c.council
            )
            for table in (reading, item_completed, item_opened)
        )
    ).subquery()
    sums = select(each.c.council, func.sum(each.c.facts).label("facts"), func.min(each.c.oldest).label("oldest"))
    rows = connection.execute(sums.group_by(each.c.council).order_by(each.c.council))
    return [CouncilUsage(row.council, int(row.facts), row.oldest) for row in rows]


def counted(connection: Connection, by: UsageFilter, after: EventCursor | None, limit: int) -> list[CountedEvent]:
    """The facts of one meter and service, by day, source and id, beginning after `after`."""
    query = _counted_readings(by) if by.meter == "readings" else _counted_items(by)
    table = reading if by.meter == "readings" else item_completed
    order = (table.c.day, table.c.source, table.c.event_id)
    if after is not None:
        query = query.where(tuple_(*order) > tuple_(literal(after.day), literal(after.source), literal(after.id)))
    return [
        CountedEvent(row.source, row.event_id, instant_at(row.at_us), row.day, row.item, _micro(row.quantity_micro))
        for row in connection.execute(query.order_by(*order).limit(limit))
    ]


def _readings() -> Select[Any]:
    state = case((_is_reversed(), "reversed"), else_="counted").label("state")
    return (
        select(
            reading.c.service,
            reading.c.day,
            literal("readings").label("meter"),
            state,
            reading.c.unit,
            *_sums(reading.c.quantity_micro),
        )
        .where(*_of_month(reading))
        .group_by(reading.c.service, reading.c.day, reading.c.unit, state)
    )


def _items_completed() -> Select[Any]:
    return (
        select(
            item_opened.c.service,
            item_completed.c.day,
            item_completed.c.meter,
            literal("counted").label("state"),
            null().label("unit"),
            *_sums(item_completed.c.quantity_micro),
        )
        .select_from(item_completed.outerjoin(item_opened, _same_item()))
        .where(*_of_month(item_completed))
        .group_by(item_opened.c.service, item_completed.c.day, item_completed.c.meter)
    )


def _items_opened() -> Select[Any]:
    return (
        select(
            item_opened.c.service,
            item_opened.c.day,
            item_opened.c.meter,
            literal("accepted").label("state"),
            null().label("unit"),
            *_sums(literal(0)),
        )
        .where(*_of_month(item_opened))
        .group_by(item_opened.c.service, item_opened.c.day, item_opened.c.meter)
    )


def _counted_readings(by: UsageFilter) -> Select[Any]:
    unit = reading.c.unit.is_(None) | (reading.c.unit == by.unit)
    columns = (reading.c.source, reading.c.event_id, reading.c.at_us, reading.c.day, reading.c.quantity_micro)
    return select(*columns, null().label("item")).where(
        *_of_line(reading, by), reading.c.service == by.service, unit, ~_is_reversed()
    )


def _counted_items(by: UsageFilter) -> Select[Any]:
    done = item_completed.c
    return (
        select(done.source, done.event_id, done.at_us, done.day, done.quantity_micro, done.item)
        .select_from(item_completed.join(item_opened, _same_item()))
        .where(*_of_line(item_completed, by), done.meter == by.meter, item_opened.c.service == by.service)
    )


def _of_month(table: Table) -> tuple[ColumnElement[bool], ...]:
    return (
        table.c.council == bindparam("council"),
        table.c.day >= bindparam("first"),
        table.c.day < bindparam("end"),
    )


def _of_line(table: Table, by: UsageFilter) -> tuple[ColumnElement[bool], ...]:
    return table.c.council == by.council, table.c.day >= by.first_day, table.c.day < by.end_day


def _is_reversed() -> ColumnElement[bool]:
    """A reversal names the reading, and is of the same council and service: nobody takes back another's reading."""
    return exists().where(
        reversal.c.reversed_source == reading.c.source,
        reversal.c.reversed_id == reading.c.event_id,
        reversal.c.council == reading.c.council,
        reversal.c.service == reading.c.service,
    )


def _same_item() -> ColumnElement[bool]:
    return and_(*(item_completed.c[name] == item_opened.c[name] for name in ("council", "meter", "item")))


def _sums(quantity_micro: ColumnElement[int]) -> tuple[ColumnElement[int], ...]:
    """Whole units and millionths apart: their sum as one integer may pass 64 bits, which SQLite refuses to add."""
    return (
        func.count().label("facts"),
        func.sum(quantity_micro // MICRO).label("units"),
        func.sum(quantity_micro % MICRO).label("millionths"),
    )


def _quantity(row: Row[Any]) -> Decimal:
    return _micro(int(row.units) * MICRO + int(row.millionths))


def _micro(quantity_micro: int) -> Decimal:
    return Decimal(quantity_micro) / MICRO
