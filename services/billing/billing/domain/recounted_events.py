"""The events behind recounted usage: with attributes for charges that read these, and for a service's own meter."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal

from billing.domain.metering import MICRO, EventReceived
from billing.domain.meters import MeteredEvent
from billing.domain.recount import ENDS, KnownRows, data_of, day_of, units_micro
from billing.domain.usage import UsageDetail
from shared.contracts.definitions import Service
from shared.contracts.meters import Meter

# An event's place among all of a service, by instant, source and id: details are in this order.
PlacedDetail = tuple[tuple[int, str, str], UsageDetail]
_ENDS_OF = {"work-completed": ENDS["work"], "tickets-resolved": ENDS["ticket"]}


def details_of(known: KnownRows, service: Service) -> Iterator[PlacedDetail]:
    """What the service counts by a named meter, with attributes; an adjustment has those of its reading."""
    if service.counted_by == "readings":
        yield from _readings(known, service)
    elif not isinstance(service.counted_by, Meter):
        for row, history in known.of_items(service.id, _ENDS_OF[service.counted_by], once=True):
            quantity = Decimal(units_micro(row)) / MICRO
            yield _place(row), UsageDetail(day_of(row), quantity, history.attributes_at(row))


def events_of(known: KnownRows, service: Service, meter: Meter) -> Iterator[MeteredEvent]:
    """The events that the service's own meter looks at: what it counts of them is for the meter to say."""
    if meter.is_of_readings:
        for row, adjustments in known.readings():
            if row.service == service.id and adjustments is not None:
                micro = sum(each.quantity_micro or 0 for each in (row, *adjustments))
                yield _event(row, row.day, micro, data_of(row).get("attributes", {}))
        return
    type_ = meter.event.removeprefix("tallystick.")
    for row, history in known.of_items(service.id, type_, once=meter.once_per_item):
        own = {name: text for name, text in data_of(row).items() if isinstance(text, str)}
        yield _event(row, day_of(row), row.quantity_micro, {**history.attributes_at(row), **own})


def _readings(known: KnownRows, service: Service) -> Iterator[PlacedDetail]:
    for row, adjustments in known.readings():
        if row.service == service.id and row.unit in (None, service.unit) and adjustments is not None:
            for each in (row, *adjustments):
                quantity = Decimal(each.quantity_micro or 0) / MICRO
                attributes = data_of(row).get("attributes", {})
                yield _place(row), UsageDetail(row.day, quantity, attributes, events=int(each is row))


def _event(row: EventReceived, day: date, micro: int | None, attributes: Mapping[str, str]) -> MeteredEvent:
    return MeteredEvent(
        day,
        row.origin.at_us,
        row.origin.source,
        row.origin.id,
        row.item,
        None if micro is None else Decimal(micro) / MICRO,
        attributes,
        unit=row.unit,
        stream=row.stream,
        partition=row.partition,
        offset=row.offset,
    )


def _place(row: EventReceived) -> tuple[int, str, str]:
    return row.origin.at_us, row.origin.source, row.origin.id
