"""A month's usage and the events behind a line, read from the tables."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
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
from billing.store.tables import (
    decisions,
    item_completed,
    item_opened,
    item_reclassified,
    quarantine,
    reading,
    reversal,
)
from shared.contracts.codec import UndecodableEvent, UnknownEventType, decode_event
from shared.contracts.scalars import Stream
from shared.instants import SECOND_US, instant_at
from shared.period import Month, month_of
from shared.scope import Scope
from shared.sql.statements import in_scope

_USAGE_TABLES = (reading, item_completed, item_opened)


@dataclass(frozen=True, slots=True)
class SqlUsage:
    """`billing.ports.UsageReads` in one transaction."""

    connection: Connection
    scope: Scope

    def of_month(self, month: Month, council: str) -> list[Usage]:
        if not self.scope.allows(council):
            return []
        within = {"council": council, "first": month.first_day, "end": month.next.first_day}
        return [
            Usage(row.service, row.day, row.meter, row.state, row.unit, _quantity(row), row.events)
            for query in (_readings(), _items_completed(), _items_opened())
            for row in self.connection.execute(query, within)
        ]

    def councils(self, month: Month) -> list[str]:
        first, end = month.first_day, month.next.first_day
        councils = (
            select(table.c.council).where(
                table.c.day >= first, table.c.day < end, in_scope(table.c.council, self.scope)
            )
            for table in _USAGE_TABLES
        )
        return sorted(self.connection.scalars(union(*councils)))

    def failed_items(self, month: Month, council: str) -> list[str]:
        if not self.scope.allows(council):
            return []
        table, first, end = quarantine.c, f"{council}:".encode(), f"{council};".encode()  # `;` is next after `:`
        decided = exists().where(
            decisions.c.topic == table.topic,
            decisions.c.partition == table.partition,
            decisions.c.offset == table.offset,
            decisions.c.action != "flood-accepted",
        )
        query = select(table.key, table.value, table.timestamp_ms).where(
            table.reason == "FAILED", table.key >= first, table.key < end, ~decided
        )
        rows = self.connection.execute(query)
        return sorted(row.key.decode()[len(first) :] for row in rows if _month_of(row.value, row.timestamp_ms) == month)

    def by_council(self) -> list[CouncilUsage]:
        each = union_all(
            *(
                select(table.c.council, func.count().label("events"), func.min(table.c.day).label("oldest"))
                .where(in_scope(table.c.council, self.scope))
                .group_by(table.c.council)
                for table in _USAGE_TABLES
            )
        ).subquery()
        sums = select(each.c.council, func.sum(each.c.events).label("events"), func.min(each.c.oldest).label("oldest"))
        rows = self.connection.execute(sums.group_by(each.c.council).order_by(each.c.council))
        return [CouncilUsage(row.council, int(row.events), row.oldest) for row in rows]

    def counted(self, by: UsageFilter, *, after: EventCursor | None, limit: int) -> list[CountedEvent]:
        if not self.scope.allows(by.council):
            return []
        readings = by.meter == "readings"
        table, query = (reading, _counted_readings(by)) if readings else (item_completed, _counted_items(by))
        return event_page(self.connection, table, query, after=after, limit=limit)


def _month_of(value: bytes | None, timestamp_ms: int) -> Month:
    """The month of the event where it can be read, else that of its record."""
    try:
        return month_of(decode_event(value or b"").time)
    except (UndecodableEvent, UnknownEventType):
        return month_of(instant_at(timestamp_ms * 1000))


def event_page(
    connection: Connection, table: Table, query: Select[Any], *, after: EventCursor | None, limit: int
) -> list[CountedEvent]:
    """What `query` finds in `table` as events, by day, source and id, beginning after `after`.

    `query` selects `stream`, `item` and `quantity_micro`, and leaves the rest to this.
    """
    order = (table.c.day, table.c.source, table.c.event_id)
    if after is not None:
        query = query.where(tuple_(*order) > tuple_(literal(after.day), literal(after.source), literal(after.id)))
    rows = connection.execute(query.add_columns(*order, table.c.at_us).order_by(*order).limit(limit))
    return [
        CountedEvent(
            source=row.source,
            id=row.event_id,
            occurred_at=instant_at(row.at_us),
            day=row.day,
            stream=row.stream,
            item=row.item,
            quantity=Decimal(row.quantity_micro) / MICRO,
        )
        for row in rows
    ]


def _readings() -> Select[Any]:
    state = case((_is_reversed(), "reversed"), else_="counted")
    query = _sums(reading, reading.c.quantity_micro, reading.c.service, reading.c.unit, state.label("state"))
    return query.add_columns(literal("readings").label("meter"))


def _items_completed() -> Select[Any]:
    """With the service that each item was of when it was completed; None while its opening is not known."""
    items = _item_services().subquery()
    query = _sums(items, items.c.quantity_micro, items.c.service, items.c.meter)
    return query.add_columns(literal("counted").label("state"), null().label("unit"))


def _items_opened() -> Select[Any]:
    query = _sums(item_opened, literal(0), item_opened.c.service, item_opened.c.meter)
    return query.add_columns(literal("opened").label("state"), null().label("unit"))


def _sums(table: FromClause, quantity_micro: ColumnElement[int], *group: ColumnElement[Any]) -> Select[Any]:
    """Events and quantities of a council's month by day and `group`.

    Whole units and millionths apart: their sum as one integer may pass 64 bits, which SQLite refuses to add.
    """
    day = table.c.day
    return (
        select(
            day,
            *group,
            func.count().label("events"),
            func.sum(quantity_micro // MICRO).label("units"),
            func.sum(quantity_micro % MICRO).label("millionths"),
        )
        .where(table.c.council == bindparam("council"), day >= bindparam("first"), day < bindparam("end"))
        .group_by(day, *group)
    )


def _counted_readings(by: UsageFilter) -> Select[Any]:
    unit = reading.c.unit.is_(None) | (reading.c.unit == by.unit)
    return select(null().label("stream"), null().label("item"), reading.c.quantity_micro).where(
        *_of_line(reading, by), reading.c.service == by.service, unit, ~_is_reversed()
    )


def _counted_items(by: UsageFilter) -> Select[Any]:
    completed = item_completed.c
    stream: Stream = "work" if by.meter == "work-completed" else "ticket"
    return (
        select(literal(stream).label("stream"), completed.item, completed.quantity_micro)
        .select_from(item_completed.join(item_opened, _same_item(item_opened)))
        .where(*_of_line(item_completed, by), completed.meter == by.meter, _service_then() == by.service)
    )


def _item_services() -> Select[Any]:
    """The items of a council that were completed in a month, each with the service that it was of then."""
    completed = item_completed.c
    of_month = completed.day >= bindparam("first"), completed.day < bindparam("end")
    return (
        select(
            completed.council,
            completed.day,
            completed.meter,
            completed.quantity_micro,
            _service_then().label("service"),
        )
        .select_from(item_completed.outerjoin(item_opened, _same_item(item_opened)))
        .where(completed.council == bindparam("council"), *of_month)
    )


def _service_then() -> ColumnElement[str]:
    """The service of an item at its completion: by the last reclassification in effect, else by its opening."""
    of = item_reclassified.c
    at_s, completed_s, opened_s = (
        column // SECOND_US for column in (of.at_us, item_completed.c.at_us, item_opened.c.at_us)
    )
    last = (
        select(of.service)
        .where(_same_item(item_reclassified), (at_s < completed_s) | (at_s <= opened_s))
        .order_by(of.at_us.desc(), of.place.desc(), of.source.desc(), of.event_id.desc())
        .limit(1)
        .correlate(item_completed, item_opened)
        .scalar_subquery()
    )
    return case((item_opened.c.service.is_(None), null()), else_=func.coalesce(last, item_opened.c.service))


def _of_line(table: Table, by: UsageFilter) -> tuple[ColumnElement[bool], ...]:
    return table.c.council == by.council, table.c.day >= by.first_day, table.c.day < by.end_day


def _is_reversed() -> ColumnElement[bool]:
    """A reversal names the reading, and is of the same council and service: nobody reverses another's reading."""
    return exists().where(
        reversal.c.reversed_source == reading.c.source,
        reversal.c.reversed_id == reading.c.event_id,
        reversal.c.council == reading.c.council,
        reversal.c.service == reading.c.service,
    )


def _same_item(table: Table) -> ColumnElement[bool]:
    return and_(*(item_completed.c[name] == table.c[name] for name in ("council", "meter", "item")))


def _quantity(row: Row[Any]) -> Decimal:
    return Decimal(int(row.units) * MICRO + int(row.millionths)) / MICRO
