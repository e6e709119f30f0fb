"""A month's usage counted again from the events themselves, one item or one reading at a time.

The rules are those of docs/statements.md, written in plain Python; the statement's own figures are sums that a database
made. So one is a check of the other. Nothing is kept of what has been counted but sums: a million events take no more
memory than a thousand, unless a charge or a meter reads their attributes.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from billing.domain.item_attributes import ItemChange, item_attributes, reading_attributes, texts_of
from billing.domain.metering import MICRO, EventReceived, kept_type
from billing.domain.meters import MeteredEvent
from billing.domain.usage import Usage, UsageDetail, UsageState
from shared.contracts.definitions import Service
from shared.contracts.items import (
    FactWithdrawn,
    TicketOpened,
    TicketReclassified,
    TicketReprioritised,
    TicketResolved,
    WorkCompleted,
    WorkReceived,
    WorkReclassified,
)
from shared.contracts.meters import Meter, NamedMeter
from shared.contracts.usage import UsageAdjusted, UsageRecorded, UsageReversed
from shared.instants import SECOND_US
from shared.period import Month

RECORDED, REVERSED, ADJUSTED = kept_type(UsageRecorded), kept_type(UsageReversed), kept_type(UsageAdjusted)
_COMPLETED, _RESOLVED, _WITHDRAWN = kept_type(WorkCompleted), kept_type(TicketResolved), kept_type(FactWithdrawn)
_OPENINGS = frozenset({kept_type(TicketOpened), kept_type(WorkReceived)})
_METERED_ONCE = frozenset({_COMPLETED, _RESOLVED})
_RECLASSIFIED = frozenset({kept_type(TicketReclassified), kept_type(WorkReclassified)})
_CHANGES = _RECLASSIFIED | {kept_type(TicketReprioritised)}
_METERS: Mapping[str, NamedMeter] = {"work": "work-completed"}
_Key = tuple[str | None, date, NamedMeter, UsageState, str | None]
_Order = tuple[int, str, str]


@dataclass(slots=True)
class Recount:
    """What has been counted of a month. `detailed` services are charged by attributes, `metered` have own meters."""

    month: Month
    detailed: Sequence[Service] = ()
    metered: Sequence[Service] = ()
    _sums: dict[_Key, list[int]] = field(default_factory=dict)
    _details: dict[str, list[tuple[_Order, UsageDetail]]] = field(default_factory=lambda: defaultdict(list))
    _events: dict[str, list[MeteredEvent]] = field(default_factory=lambda: defaultdict(list))
    _days: range = field(init=False)

    def __post_init__(self) -> None:
        self._days = range(self.month.first_day.toordinal(), self.month.next.first_day.toordinal())

    def usage(self) -> list[Usage]:
        """One entry for each service, day, meter, state and unit."""
        return [
            Usage(service, day, meter, state, unit, Decimal(micro) / MICRO, events)
            for (service, day, meter, state, unit), (micro, events) in self._sums.items()
        ]

    def details(self) -> dict[str, tuple[UsageDetail, ...]]:
        """The events of each detailed service that a named meter counts, by instant, source and id."""
        return {
            service.id: tuple(each for _, each in sorted(self._details[service.id], key=lambda placed: placed[0]))
            for service in self.detailed
            if not isinstance(service.counted_by, Meter)
        }

    def events(self) -> dict[str, tuple[MeteredEvent, ...]]:
        """The events of each service that has a meter of its own."""
        return {service.id: tuple(self._events[service.id]) for service in self.metered}

    def add_reading(self, events: Sequence[EventReceived]) -> None:
        """A reading, and whatever reverses or adjusts it; without the reading where nobody has it."""
        reading = events[0] if events[0].type == RECORDED else None
        named = [each for each in events if reading is None or each.service == reading.service]
        adjustments = [each for each in named if each.type == ADJUSTED]
        if reading is None:
            self._orphans(adjustments)
            return
        self._orphans([each for each in events if each.type == ADJUSTED and each.service != reading.service])
        is_reversed = any(each.type == REVERSED for each in named)
        if reading.day.toordinal() in self._days:
            state: UsageState = "reversed" if is_reversed else "counted"
            for each in (reading, *adjustments):
                self._count((reading.service, reading.day, "readings", state, reading.unit), each.quantity_micro or 0)
        if not is_reversed:
            self._detail_reading(reading, adjustments)

    def add_item(self, events: Sequence[EventReceived]) -> None:
        """All events of one item, by instant, place, source and id."""
        untrue = {(each.target_source, each.target_id) for each in events if each.type == _WITHDRAWN}
        true = [each for each in events if (each.origin.source, each.origin.id) not in untrue] if untrue else events
        opened = next((each for each in true if each.type in _OPENINGS), None)
        done = next((each for each in true if each.type in _METERED_ONCE), None)
        meter = _METERS.get(events[0].stream, "tickets-resolved")
        if opened is not None and opened.day.toordinal() in self._days:
            self._count((opened.service, opened.day, meter, "opened", None), 0)
        if untrue:
            self._untrue([each for each in events if (each.origin.source, each.origin.id) in untrue], meter)
        service = None
        if done is not None and done.day.toordinal() in self._days:
            service = _service_then(done, opened, true)
            self._count((service, done.day, meter, "counted", None), _units_micro(done))
        if opened is not None:
            self._detail_item(opened, done, service, meter, true)

    def _count(self, key: _Key, micro: int) -> None:
        sums = self._sums.get(key)
        if sums is None:
            self._sums[key] = [micro, 1]
        else:
            sums[0] += micro
            sums[1] += 1

    def _orphans(self, adjustments: Iterable[EventReceived]) -> None:
        for each in adjustments:
            if each.day.toordinal() in self._days:
                key: _Key = (each.service, each.day, "readings", "without-reading", None)
                self._count(key, each.quantity_micro or 0)

    def _untrue(self, withdrawn: Iterable[EventReceived], meter: NamedMeter) -> None:
        for each in withdrawn:
            if each.day.toordinal() in self._days and (each.type in _METERED_ONCE or each.type in _OPENINGS):
                self._count((each.service, each.day, meter, "withdrawn", None), 0)

    def _detail_reading(self, reading: EventReceived, adjustments: Sequence[EventReceived]) -> None:
        for service in self.detailed:
            if service.counted_by == "readings" and self._is_in_unit(reading, service):
                said = reading_attributes(reading.attributes or "")
                for events, each in ((1, reading), *((0, each) for each in adjustments)):
                    detail = UsageDetail(reading.day, _quantity(each), said, events)
                    self._details[service.id].append((_order(reading), detail))
        for service in self.metered:
            meter = service.counted_by
            if isinstance(meter, Meter) and meter.is_of_readings and reading.service == service.id:
                quantity = sum((_quantity(each) for each in (reading, *adjustments)), Decimal(0))
                self._meter(service, meter, reading, quantity, reading_attributes(reading.attributes or ""))

    def _is_in_unit(self, reading: EventReceived, service: Service) -> bool:
        is_of_service = reading.service == service.id and reading.unit in (None, service.unit)
        return is_of_service and reading.day.toordinal() in self._days

    def _detail_item(
        self,
        opened: EventReceived,
        done: EventReceived | None,
        service_done: str | None,
        counted_by: NamedMeter,
        true: Sequence[EventReceived],
    ) -> None:
        for service in self.detailed:
            if service.counted_by == counted_by and service.id == service_done and done is not None:
                detail = UsageDetail(done.day, Decimal(_units_micro(done)) / MICRO, _attributes(opened, true, done))
                self._details[service.id].append((_order(done), detail))
        for service in self.metered:
            meter = service.counted_by
            if isinstance(meter, Meter) and not meter.is_of_readings:
                found = [each for each in true if f"tallystick.{each.type}" == meter.event]
                for each in found[:1] if meter.once_per_item else found:
                    if each.day.toordinal() in self._days and _service_then(each, opened, true) == service.id:
                        said = {**_attributes(opened, true, each), **texts_of(each.attributes or "")}
                        self._meter(service, meter, each, None, said)

    def _meter(
        self, service: Service, meter: Meter, event: EventReceived, quantity: Decimal | None, said: dict[str, str]
    ) -> None:
        """Of a level that holds until the next one the readings before the month count too."""
        is_before = event.day.toordinal() < self._days.start and meter.aggregate == "time-weighted-average"
        if not (event.day.toordinal() in self._days or is_before):
            return
        own = None if event.quantity_micro is None else _quantity(event)
        self._events[service.id].append(
            MeteredEvent(
                event.day,
                event.origin.at_us,
                event.origin.source,
                event.origin.id,
                event.item,
                own if quantity is None else quantity,
                said,
                unit=event.unit,
                stream=event.stream,
                partition=event.partition,
                offset=event.offset,
            )
        )


def _service_then(event: EventReceived, opened: EventReceived | None, true: Sequence[EventReceived]) -> str | None:
    """The service of the item at the event: None while nobody has its opening.

    What it became in the very second of the event it was for no time; by the second of its opening, from the start.
    """
    if opened is None or opened.service is None:
        return None
    then_s, opened_s = event.origin.at_us // SECOND_US, opened.origin.at_us // SECOND_US
    service = opened.service
    for each in true:
        at_s = each.origin.at_us // SECOND_US
        if each.type in _RECLASSIFIED and each.service is not None and (at_s < then_s or at_s <= opened_s):
            service = each.service
    return service


def _attributes(opened: EventReceived, true: Sequence[EventReceived], then: EventReceived) -> dict[str, str]:
    changes = (_change(each) for each in true if each.type in _CHANGES)
    return item_attributes(_change(opened), changes, _change(then))


def _change(event: EventReceived) -> ItemChange:
    return ItemChange(event.origin.at_us, event.attributes or "")


def _units_micro(done: EventReceived) -> int:
    """A ticket is one unit, whatever units its resolution names."""
    return MICRO if done.type == _RESOLVED else done.quantity_micro or 0


def _quantity(event: EventReceived) -> Decimal:
    return Decimal(event.quantity_micro or 0) / MICRO


def _order(event: EventReceived) -> _Order:
    return event.origin.at_us, event.origin.source, event.origin.id
