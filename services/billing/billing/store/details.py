"""The events behind a month's usage with their attributes, for charges and waivers that read these."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, literal, select

from billing.domain.item_attributes import ItemChange, item_attributes, reading_attributes
from billing.domain.metering import MICRO, kept_type
from billing.domain.usage import UsageDetail
from billing.store.event_rules import (
    ADJUSTED,
    COMPLETED,
    RECORDED,
    RESOLVED,
    is_first_of_item,
    is_reversed,
    is_withdrawn,
    names_reading,
    opens,
    same_item,
    service_then,
)
from billing.store.tables import EventRows, event
from shared.contracts.definitions import Service
from shared.contracts.items import TicketReclassified, TicketReprioritised, WorkReclassified
from shared.period import Month

_DONE, _OPENED, _CHANGE = event.alias("done"), event.alias("done_opened"), event.alias("change")
_READING, _ADJUSTMENT = event.alias("detail"), event.alias("detail_adjustment")
_CHANGES = tuple(kept_type(each) for each in (TicketReclassified, TicketReprioritised, WorkReclassified))
_COMPLETED_BY = {"work-completed": COMPLETED, "tickets-resolved": RESOLVED}
# An event's place among all of a service: details are in this order.
_Placed = tuple[tuple[int, str, str], UsageDetail]


def details_of(connection: Connection, council: str, month: Month, service: Service) -> tuple[UsageDetail, ...]:
    """The service's counted events of the month, by instant, source and id."""
    of_service = _readings if service.counted_by == "readings" else _items
    placed = of_service(connection, council, month, service)
    return tuple(detail for _, detail in sorted(placed, key=lambda each: each[0]))


def _readings(connection: Connection, council: str, month: Month, service: Service) -> Iterator[_Placed]:
    """Each reading, and what adjusts one as part of it: no event of its own."""
    of = _READING.c
    counted = (
        *_of_month(_READING, council, month),
        of.type == RECORDED,
        of.service == service.id,
        of.unit.is_(None) | (of.unit == service.unit),
        ~is_reversed(_READING),
    )
    columns = (of.day, of.at_us, of.source, of.event_id, of.attributes)
    recorded: Select[Any] = select(*columns, of.quantity_micro).where(*counted)
    for row in connection.execute(recorded):
        yield _placed(row), _detail(row, reading_attributes(row.attributes or ""))
    adjusts = _ADJUSTMENT.c.type == ADJUSTED, names_reading(_ADJUSTMENT, _READING)
    adjusting: Select[Any] = select(*columns, _ADJUSTMENT.c.quantity_micro).where(
        *counted, *adjusts, _ADJUSTMENT.c.target_id.is_not(None)
    )
    for row in connection.execute(adjusting):
        yield _placed(row), _detail(row, reading_attributes(row.attributes or ""), events=0)


def _items(connection: Connection, council: str, month: Month, service: Service) -> Iterator[_Placed]:
    changes: dict[str, list[ItemChange]] = {}
    for row in connection.execute(_item_changes(council, month, service)):
        changes.setdefault(row.item, []).append(ItemChange(row.at_us, row.attributes or ""))
    for row in connection.execute(_completed_items(council, month, service)):
        attributes = item_attributes(
            ItemChange(row.opened_us, row.opened_attributes or ""),
            changes.get(row.item, ()),
            ItemChange(row.at_us, row.attributes or ""),
        )
        yield _placed(row), _detail(row, attributes)


def _completed_items(council: str, month: Month, service: Service) -> Select[Any]:
    of = _DONE.c
    units = of.quantity_micro if service.counted_by == "work-completed" else literal(MICRO)
    return (
        select(of.day, of.at_us, of.source, of.event_id, of.item, of.attributes, units.label("quantity_micro"))
        .add_columns(_OPENED.c.at_us.label("opened_us"), _OPENED.c.attributes.label("opened_attributes"))
        .select_from(_DONE.join(_OPENED, opens(_OPENED, _DONE)))
        .where(*_is_counted(council, month, service), service_then(_DONE, _OPENED) == service.id)
    )


def _item_changes(council: str, month: Month, service: Service) -> Select[Any]:
    """What changed items that were completed in the month, in its order."""
    of = _CHANGE.c
    return (
        select(of.item, of.at_us, of.attributes)
        .select_from(_DONE.join(_CHANGE, same_item(_CHANGE, _DONE)))
        .where(*_is_counted(council, month, service), of.type.in_(_CHANGES), ~is_withdrawn(_CHANGE))
        .order_by(of.at_us, of.place, of.source, of.event_id)
    )


def _is_counted(council: str, month: Month, service: Service) -> tuple[ColumnElement[bool], ...]:
    completed = _DONE.c.type == _COMPLETED_BY[service.counted_by]
    return (*_of_month(_DONE, council, month), completed, is_first_of_item(_DONE), ~is_withdrawn(_DONE))


def _of_month(of: EventRows, council: str, month: Month) -> tuple[ColumnElement[bool], ...]:
    return of.c.council == council, of.c.day >= month.first_day, of.c.day < month.next.first_day


def _placed(row: Row[Any]) -> tuple[int, str, str]:
    return row.at_us, row.source, row.event_id


def _detail(row: Row[Any], attributes: dict[str, str], *, events: int = 1) -> UsageDetail:
    return UsageDetail(row.day, Decimal(row.quantity_micro) / MICRO, attributes, events)
