"""A month's usage and the events behind a line, read from the table of events."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    null,
    select,
    tuple_,
)

from billing.domain.issued import CorrectedBy, ReadThrough
from billing.domain.metering import MICRO
from billing.domain.meters import MeteredEvent
from billing.domain.usage import Usage, UsageDetail
from billing.ports import CausedBy, CouncilUsage, CountedEvent, EventCursor, MonthChange, UsageFilter
from billing.store.changes import changes_of, usage_since
from billing.store.details import details_of, metered_events
from billing.store.event_rules import (
    ADJUSTED,
    COMPLETED,
    COUNTED_TYPES,
    OPENINGS,
    RECORDED,
    RESOLVED,
    any_adjustment,
    days_between,
    is_first_of_item,
    is_reversed,
    is_withdrawn,
    names_reading,
    on_days,
    opens,
    service_then,
)
from billing.store.quarantine import is_decided
from billing.store.read_through import TOPIC_OF, as_of
from billing.store.tables import EventRows, event, quarantine
from shared.contracts.codec import UndecodableEvent, UnknownEventType, decode_event
from shared.contracts.definitions import Service
from shared.contracts.meters import NamedMeter
from shared.contracts.topics import REPLAYABLE_DAYS
from shared.instants import instant_at
from shared.period import Month, month_of
from shared.scope import Scope
from shared.sql.statements import in_scope

_EVENT, _READING, _OPENED, _ADJUSTMENT = (event.alias(name) for name in ("e", "reading", "opened", "adjustment"))
_METER = case(
    (_EVENT.c.type == RECORDED, "readings"),
    (_EVENT.c.stream == "work", "work-completed"),
    else_="tickets-resolved",
)


@dataclass(frozen=True, slots=True)
class SqlUsage:
    """`billing.ports.UsageReads` in one transaction."""

    connection: Connection
    scope: Scope

    def of_month(self, month: Month, council: str) -> list[Usage]:
        if not self.scope.allows(council):
            return []
        within = {"council": council, "days": days_between(month.first_day, month.next.first_day)}
        queries = (_readings(), _items_completed(), _items_opened(), _items_withdrawn())
        found = [row for query in queries for row in self.connection.execute(query, within)]
        return list(_merged(map(_usage, [*found, *self._adjusted(month, council)])))

    def details(self, month: Month, council: str, services: Sequence[Service]) -> Mapping[str, Sequence[UsageDetail]]:
        return details_of(self.connection, council, month, services) if self.scope.allows(council) else {}

    def metered(self, month: Month, council: str, service: Service) -> tuple[MeteredEvent, ...]:
        return metered_events(self.connection, council, month, service) if self.scope.allows(council) else ()

    def _adjusted(self, month: Month, council: str) -> list[Row[Any]]:
        """What adjustments add to the month's readings, and those of the month whose reading is not here."""
        if not self.connection.scalar(any_adjustment(), {"council": council}):
            return []  # as nearly always: the rest would look for each among the days
        around = days_between(month.first_day - timedelta(days=REPLAYABLE_DAYS), month.next.first_day)
        within = {"council": council, "days": days_between(month.first_day, month.next.first_day)}
        adjusting = self.connection.execute(_adjustments(), within)
        return [*adjusting, *self.connection.execute(_orphans(), {**within, "around": around})]

    def councils(self, month: Month) -> list[str]:
        of = event.c
        of_month = of.day >= month.first_day, of.day < month.next.first_day
        named = select(of.council).distinct().where(*of_month, of.type.in_(COUNTED_TYPES))
        return sorted(self.connection.scalars(named.where(in_scope(of.council, self.scope))))

    def failed_items(self, month: Month, council: str) -> list[str]:
        return self.failed_by_month(council).get(month, [])

    def failed_by_month(self, council: str) -> dict[Month, list[str]]:
        if not self.scope.allows(council):
            return {}
        table, first, end = quarantine.c, f"{council}:".encode(), f"{council};".encode()  # `;` is next after `:`
        query = select(table.key, table.value, table.timestamp_ms).where(
            table.reason == "FAILED", table.key >= first, table.key < end, ~is_decided()
        )
        found: dict[Month, list[str]] = {}
        for row in self.connection.execute(query.order_by(table.key)):
            found.setdefault(_month_of(row.value, row.timestamp_ms), []).append(row.key.decode()[len(first) :])
        return found

    def by_council(self) -> list[CouncilUsage]:
        of = event.c
        counts = (
            select(of.council, func.count().label("events"), func.min(of.day).label("oldest"))
            .where(of.type.in_(COUNTED_TYPES), in_scope(of.council, self.scope))
            .group_by(of.council)
            .order_by(of.council)
        )
        return [CouncilUsage(row.council, row.events, row.oldest) for row in self.connection.execute(counts)]

    def counted(self, by: UsageFilter, *, after: EventCursor | None, limit: int) -> list[CountedEvent]:
        if not self.scope.allows(by.council):
            return []
        if by.meter != "readings":
            return _page_by_days(self.connection, _counted_items(by), by, after=after, limit=limit)
        page = _page_by_days(self.connection, _counted_readings(by), by, after=after, limit=limit)
        adjusting = [each for each in self._adjusting(by) if after is None or _cursor(each) > after]
        return sorted([*page, *adjusting], key=_cursor)[:limit]

    def changes(self, council: str) -> list[MonthChange]:
        return changes_of(self.connection, council) if self.scope.allows(council) else []

    def since(self, by: CausedBy, *, limit: int) -> tuple[list[CorrectedBy], int]:
        return usage_since(self.connection, by, limit=limit) if self.scope.allows(by.council) else ([], 0)

    def as_of(self, read_through: Sequence[ReadThrough]) -> "SqlUsage":
        return replace(self, connection=as_of(self.connection, read_through))

    def _adjusting(self, by: UsageFilter) -> list[CountedEvent]:
        """The adjustments of the line's readings, each on its reading's day; few, or the sender is asked."""
        if not self.connection.scalar(any_adjustment(), {"council": by.council}):
            return []
        rows = self.connection.execute(_counted_adjustments(by), {"days": days_between(by.first_day, by.end_day)})
        return [_counted_event(row) for row in rows]


def _month_of(value: bytes | None, timestamp_ms: int) -> Month:
    """The month of the event where it can be read, else that of its record."""
    try:
        return month_of(decode_event(value or b"").time)
    except (UndecodableEvent, UnknownEventType):
        return month_of(instant_at(timestamp_ms * 1000))


def event_page(
    connection: Connection, table: FromClause, query: Select[Any], *, limit: int, topic: str | None = None
) -> list[CountedEvent]:
    """What `query` finds in `table` as events, by day, source and id: the first of them.

    `query` selects `stream`, `item`, `partition` and `quantity_micro`, and leaves the rest to this. `topic` is where
    all of them are, unless it is that of each one's stream.
    """
    order = (table.c.day, table.c.source, table.c.event_id)
    rows = connection.execute(query.add_columns(*order, table.c.at_us, table.c.offset).order_by(*order).limit(limit))
    return [_counted_event(row, topic) for row in rows]


def _page_by_days(
    connection: Connection, query: Select[Any], by: UsageFilter, *, after: EventCursor | None, limit: int
) -> list[CountedEvent]:
    """The first events of the line after `after`, day by day: so each look is a part of the key, whoever else is there.

    The table's key is day, council, source and id.
    """
    of = _EVENT.c
    found: list[CountedEvent] = []
    for day in days_between(by.first_day if after is None else max(after.day, by.first_day), by.end_day):
        of_day = query.where(of.day == day)
        if after is not None and after.day == day:
            of_day = of_day.where(tuple_(of.source, of.event_id) > tuple_(literal(after.source), literal(after.id)))
        found += event_page(connection, _EVENT, of_day, limit=limit - len(found))
        if len(found) == limit:
            break
    return found


def _counted_event(row: Row[Any], topic: str | None = None) -> CountedEvent:
    return CountedEvent(
        source=row.source,
        id=row.event_id,
        occurred_at=instant_at(row.at_us),
        day=row.day,
        stream=None if row.stream == "usage" else row.stream,
        item=None if row.stream == "usage" else row.item,
        quantity=Decimal(row.quantity_micro) / MICRO,
        topic=topic or TOPIC_OF[row.stream],
        partition=row.partition,
        offset=row.offset,
    )


def _cursor(counted: CountedEvent) -> EventCursor:
    return EventCursor(counted.day, counted.source, counted.id)


def _usage(row: Row[Any]) -> Usage:
    return Usage(row.service, row.day, row.meter, row.state, row.unit, _quantity(row), row.events)


def _merged(rows: Iterable[Usage]) -> Iterable[Usage]:
    """One row for each service, day, meter, state and unit."""
    merged: dict[tuple[object, ...], Usage] = {}
    for row in rows:
        key = row.service, row.day, row.meter, row.state, row.unit
        known = merged.get(key)
        merged[key] = (
            row
            if known is None
            else replace(known, quantity=known.quantity + row.quantity, events=known.events + row.events)
        )
    return merged.values()


@cache
def _readings() -> Select[Any]:
    state = case((is_reversed(_EVENT), "reversed"), else_="counted").label("state")
    query = _sums(_EVENT, _EVENT.c.quantity_micro, _EVENT.c.service, _EVENT.c.unit, state).add_columns(
        _meter("readings")
    )
    return query.where(_EVENT.c.type == RECORDED)


@cache
def _items_completed() -> Select[Any]:
    """With the service that each item was of when it was completed; None while its opening is not known."""
    items = (
        select(
            _EVENT.c.council,
            _EVENT.c.day,
            _METER.label("meter"),
            _units().label("quantity_micro"),
            service_then(_EVENT, _OPENED).label("service"),
        )
        .select_from(_EVENT.outerjoin(_OPENED, opens(_OPENED, _EVENT)))
        .where(*on_days(_EVENT), *_is_counted())
    ).subquery()
    query = _sums(items, items.c.quantity_micro, items.c.service, items.c.meter).add_columns(null().label("unit"))
    return query.add_columns(literal("counted").label("state"))


@cache
def _items_opened() -> Select[Any]:
    opened = _EVENT.c.type.in_(OPENINGS), is_first_of_item(_EVENT), ~is_withdrawn(_EVENT)
    return _items_in_state("opened", _EVENT.c.service).where(*opened)


@cache
def _items_withdrawn() -> Select[Any]:
    """Completions and openings that their own source says are not so."""
    of_item = _EVENT.c.type.in_((COMPLETED, RESOLVED, *OPENINGS)), is_withdrawn(_EVENT)
    return _items_in_state("withdrawn", _EVENT.c.service).where(*of_item)


def _items_in_state(state: str, service: ColumnElement[Any]) -> Select[Any]:
    query = _sums(_EVENT, literal(0), service, _METER.label("meter")).add_columns(null().label("unit"))
    return query.add_columns(literal(state).label("state"))


@cache
def _adjustments() -> Select[Any]:
    """What they add to the readings of `days`, with the state of these."""
    state = case((is_reversed(_READING), "reversed"), else_="counted").label("state")
    day, quantity = _READING.c.day, _ADJUSTMENT.c.quantity_micro
    group = day, _READING.c.service, _READING.c.unit, state
    sums = select(*group, _meter("readings"), *_totals(quantity)).group_by(*group)
    return sums.where(_adjusts_one_of("days"), _ADJUSTMENT.c.council == bindparam("council"))


@cache
def _orphans() -> Select[Any]:
    """Adjustments of the month whose reading is not known on any of the days `around`."""
    known = exists(select(literal(1)).where(_adjusts_one_of("around")).correlate(_ADJUSTMENT))
    query = _sums(_ADJUSTMENT, _ADJUSTMENT.c.quantity_micro, _ADJUSTMENT.c.service)
    return query.add_columns(null().label("unit"), _meter("readings"), literal("without-reading").label("state")).where(
        _ADJUSTMENT.c.type == ADJUSTED, _ADJUSTMENT.c.target_id.is_not(None), ~known
    )


def _adjusts_one_of(days: str) -> ColumnElement[bool]:
    return and_(
        _ADJUSTMENT.c.type == ADJUSTED,
        _ADJUSTMENT.c.target_id.is_not(None),
        names_reading(_ADJUSTMENT, _READING),
        _READING.c.type == RECORDED,
        _READING.c.day.in_(bindparam(days, expanding=True)),
    )


def _counted_readings(by: UsageFilter) -> Select[Any]:
    """Of any day, as `_counted_items`."""
    return _columns(_EVENT, _EVENT.c.quantity_micro).where(
        _EVENT.c.type == RECORDED, _EVENT.c.council == by.council, *_in_unit(_EVENT, by), ~is_reversed(_EVENT)
    )


def _counted_adjustments(by: UsageFilter) -> Select[Any]:
    of = _ADJUSTMENT.c
    query = _columns(_ADJUSTMENT, of.quantity_micro).add_columns(
        _READING.c.day, of.source, of.event_id, of.at_us, of.offset
    )
    return query.where(
        _adjusts_one_of("days"), _READING.c.council == by.council, *_in_unit(_READING, by), ~is_reversed(_READING)
    )


def _counted_items(by: UsageFilter) -> Select[Any]:
    type_ = COMPLETED if by.meter == "work-completed" else RESOLVED
    return (
        _columns(_EVENT, _units())
        .select_from(_EVENT.outerjoin(_OPENED, opens(_OPENED, _EVENT)))
        .where(_EVENT.c.council == by.council, *_is_counted(), _EVENT.c.type == type_)
        .where(service_then(_EVENT, _OPENED) == by.service)
    )


def _columns(of: EventRows, quantity_micro: ColumnElement[Any]) -> Select[Any]:
    """What `event_page` wants of a query."""
    return select(of.c.stream, of.c.item, of.c.partition, quantity_micro.label("quantity_micro"))


def _is_counted() -> tuple[ColumnElement[bool], ...]:
    """The first completion of its item that is not withdrawn."""
    return _EVENT.c.type.in_((COMPLETED, RESOLVED)), is_first_of_item(_EVENT), ~is_withdrawn(_EVENT)


def _units() -> ColumnElement[Any]:
    """A ticket is one unit, whatever units its resolution names."""
    return case((_EVENT.c.type == RESOLVED, MICRO), else_=_EVENT.c.quantity_micro)


def _meter(name: NamedMeter) -> ColumnElement[Any]:
    return literal(name).label("meter")


def _in_unit(reading: EventRows, by: UsageFilter) -> tuple[ColumnElement[bool], ...]:
    return reading.c.service == by.service, reading.c.unit.is_(None) | (reading.c.unit == by.unit)


def _sums(table: FromClause, quantity_micro: ColumnElement[Any], *group: ColumnElement[Any]) -> Select[Any]:
    """Events and quantities of a council's month by day and `group`."""
    by = table.c.day, *group
    return select(*by, *_totals(quantity_micro)).where(*on_days(table)).group_by(*by)


def _totals(quantity_micro: ColumnElement[Any]) -> tuple[ColumnElement[Any], ...]:
    """Whole units and millionths apart: their sum as one integer may pass 64 bits, which SQLite refuses to add."""
    return (
        func.count().label("events"),
        func.sum(quantity_micro // MICRO).label("units"),
        func.sum(quantity_micro % MICRO).label("millionths"),
    )


def _quantity(row: Row[Any]) -> Decimal:
    return Decimal(int(row.units) * MICRO + int(row.millionths)) / MICRO
