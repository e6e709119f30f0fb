"""The events behind a month's usage with their attributes: for charges and waivers that read these, and for meters."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, func, literal, or_, select

from billing.domain.item_attributes import ItemChange, item_attributes, reading_attributes, texts_of
from billing.domain.metering import MICRO, kept_type
from billing.domain.meters import MeteredEvent
from billing.domain.usage import UsageDetail
from billing.store.event_rules import (
    ADJUSTED,
    COMPLETED,
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
    same_item,
    service_then,
)
from billing.store.tables import EventRows, event
from shared.contracts.definitions import Service
from shared.contracts.items import TicketReclassified, TicketReprioritised, WorkReclassified
from shared.contracts.meters import Meter
from shared.contracts.topics import REPLAYABLE_DAYS
from shared.period import Month

_DONE, _OPENED, _CHANGE = event.alias("done"), event.alias("done_opened"), event.alias("change")
_READING, _ADJUSTMENT = event.alias("detail"), event.alias("detail_adjustment")
_ADJUSTED_ONE = _ADJUSTMENT.c.target_id.is_not(None)
_CHANGES = tuple(kept_type(each) for each in (TicketReclassified, TicketReprioritised, WorkReclassified))
# A reading older than that is no level with which a month begins.
_LEVEL_DAYS = REPLAYABLE_DAYS
# An event's place among all of a service: details are in this order.
_Placed = tuple[tuple[int, str, str], UsageDetail]
# The parameters of `on_days`.
_Within = Mapping[str, Any]


def details_of(
    connection: Connection, council: str, month: Month, services: Sequence[Service]
) -> dict[str, tuple[UsageDetail, ...]]:
    """The events that each service counts by a named meter in the month, by instant, source and id."""
    named = [service for service in services if not isinstance(service.counted_by, Meter)]
    placed: dict[str, list[_Placed]] = {service.id: [] for service in named}
    read = [service for service in named if service.counted_by == "readings"]
    for service in named:
        if service not in read:
            placed[service.id] += _items(connection, _within(council, month), service)
    for name, detail in _readings(connection, _within(council, month), read) if read else ():
        placed[name].append(detail)
    return {
        name: tuple(detail for _, detail in sorted(of_service, key=lambda each: each[0]))
        for name, of_service in placed.items()
    }


def metered_events(connection: Connection, council: str, month: Month, service: Service) -> tuple[MeteredEvent, ...]:
    """The month's events of the type that the service's own meter counts, and a level from before it; in any order.

    Without those that are reversed or withdrawn; a reading has the quantity to which it was adjusted.
    """
    meter = service.counted_by
    if not isinstance(meter, Meter):
        return ()
    if not meter.is_of_readings:
        return tuple(_item_events(connection, _within(council, month), service, meter))
    first = month.first_day
    if meter.aggregate == "time-weighted-average":
        first -= timedelta(days=_LEVEL_DAYS)
    within = {"council": council, "days": days_between(first, month.next.first_day)}
    return tuple(_reading_events(connection, within, service))


def _within(council: str, month: Month) -> _Within:
    return {"council": council, "days": days_between(month.first_day, month.next.first_day)}


def _item_events(connection: Connection, within: _Within, service: Service, meter: Meter) -> Iterator[MeteredEvent]:
    type_, once = meter.event.removeprefix("tallystick."), meter.once_per_item
    for row, attributes in _items_then(connection, within, service, type_, once=once):
        quantity = None if row.quantity_micro is None else Decimal(row.quantity_micro) / MICRO
        yield _metered_event(row, quantity, {**attributes, **texts_of(row.attributes or "")})


def _reading_events(connection: Connection, within: _Within, service: Service) -> Iterator[MeteredEvent]:
    of, adjusted = _READING.c, func.coalesce(_adjustments_of(_READING), 0)
    query: Select[Any] = select(
        *_columns_of(_READING),
        (of.quantity_micro + adjusted).label("quantity_micro"),
    ).where(*on_days(_READING), of.type == RECORDED, of.service == service.id, ~is_reversed(_READING))
    for row in connection.execute(query, within):
        yield _metered_event(row, Decimal(row.quantity_micro) / MICRO, reading_attributes(row.attributes or ""))


def _adjustments_of(reading: EventRows) -> ColumnElement[Any]:
    """By how much the reading was adjusted; nothing where it was not."""
    of = _ADJUSTMENT.c
    total = select(func.sum(of.quantity_micro)).where(
        of.type == ADJUSTED, of.target_id.is_not(None), names_reading(_ADJUSTMENT, reading)
    )
    return total.correlate(reading).scalar_subquery()


def _metered_event(row: Row[Any], quantity: Decimal | None, attributes: dict[str, str]) -> MeteredEvent:
    return MeteredEvent(
        row.day,
        row.at_us,
        row.source,
        row.event_id,
        row.item,
        quantity,
        attributes,
        unit=row.unit,
        stream=row.stream,
        partition=row.partition,
        offset=row.offset,
    )


def _readings(connection: Connection, within: _Within, services: Sequence[Service]) -> Iterator[tuple[str, _Placed]]:
    """Each reading with its service, and what adjusts one as a part of it, which is no event of its own."""
    of = _READING.c
    in_unit = ((of.service == each.id) & (of.unit.is_(None) | (of.unit == each.unit)) for each in services)
    counted = (*on_days(_READING), of.type == RECORDED, or_(*in_unit), ~is_reversed(_READING))
    columns = (of.service, of.at_us, of.source, of.event_id, of.day, of.attributes)
    queries = [select(*columns, of.quantity_micro, literal(1)).where(*counted)]
    if connection.scalar(any_adjustment(), {"council": within["council"]}):
        adjusts = _ADJUSTMENT.c.type == ADJUSTED, names_reading(_ADJUSTMENT, _READING)
        quantity = _ADJUSTMENT.c.quantity_micro
        queries.append(select(*columns, quantity, literal(0)).where(*counted, *adjusts, _ADJUSTED_ONE))
    for query in queries:
        # Taken apart by place: there may be a million, and names cost as much again.
        for service, at_us, source, id_, day, attributes, micro, events in connection.execute(query, within).all():
            detail = UsageDetail(day, Decimal(micro) / MICRO, reading_attributes(attributes or ""), events)
            yield service, ((at_us, source, id_), detail)


def _items(connection: Connection, within: _Within, service: Service) -> Iterator[_Placed]:
    of_work = service.counted_by == "work-completed"
    type_ = COMPLETED if of_work else RESOLVED
    for row, attributes in _items_then(connection, within, service, type_, once=True):
        units = Decimal(row.quantity_micro) / MICRO if of_work else Decimal(1)
        yield _placed(row), UsageDetail(row.day, units, attributes)


def _items_then(
    connection: Connection, within: _Within, service: Service, type_: str, *, once: bool
) -> Iterator[tuple[Row[Any], dict[str, str]]]:
    """The month's events of a type on items that were of the service, each with what its item was then."""
    changed, found = _item_queries(type_, once=once)
    within = {**within, "of_service": service.id}
    changes: dict[str, list[ItemChange]] = {}
    for row in connection.execute(changed, within):
        changes.setdefault(row.item, []).append(ItemChange(row.at_us, row.attributes or ""))
    for row in connection.execute(found, within):
        opened = ItemChange(row.opened_us, row.opened_attributes or "")
        then = ItemChange(row.at_us, row.attributes or "")
        yield row, item_attributes(opened, changes.get(row.item, ()), then)


@cache
def _item_queries(type_: str, *, once: bool) -> tuple[Select[Any], Select[Any]]:
    """What changed the items, and the events on those that were `of_service`; made once, for they are long."""
    counted = _is_counted(type_, once=once)
    return _item_changes(counted), _events_of_items(counted)


def _events_of_items(counted: Sequence[ColumnElement[bool]]) -> Select[Any]:
    return (
        select(*_columns_of(_DONE), _DONE.c.quantity_micro)
        .add_columns(_OPENED.c.at_us.label("opened_us"), _OPENED.c.attributes.label("opened_attributes"))
        # An outer join, though only items that were opened are of a service: the events of the month are found first.
        .select_from(_DONE.outerjoin(_OPENED, opens(_OPENED, _DONE)))
        .where(*counted, service_then(_DONE, _OPENED) == bindparam("of_service"))
    )


def _columns_of(of: EventRows) -> list[ColumnElement[Any]]:
    """What a metered event is made of, but for its quantity."""
    names = "day", "at_us", "source", "event_id", "item", "stream", "unit", "attributes", "partition", "offset"
    return [of.c[name] for name in names]


def _item_changes(counted: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """What changed the items of those events, each once, in its order."""
    of = _CHANGE.c
    changed = and_(same_item(_CHANGE, _DONE), of.type.in_(_CHANGES), ~is_withdrawn(_CHANGE))
    return (
        select(of.item, of.at_us, of.attributes, of.place, of.source, of.event_id)
        .distinct()
        .select_from(_DONE.outerjoin(_CHANGE, changed))
        .where(*counted, func.coalesce(of.item, "") != "")
        .order_by(of.at_us, of.place, of.source, of.event_id)
    )


def _is_counted(type_: str, *, once: bool) -> tuple[ColumnElement[bool], ...]:
    first = (is_first_of_item(_DONE),) if once else ()
    return (*on_days(_DONE), _DONE.c.type == type_, *first, ~is_withdrawn(_DONE))


def _placed(row: Row[Any]) -> tuple[int, str, str]:
    return row.at_us, row.source, row.event_id
