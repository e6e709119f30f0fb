"""A council's usage of a month: counted for a service, or unbilled with the reason. No event is left out.

Usage comes from the store summed by service, day and meter, not yet priced.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from billing.domain.meters import (
    MeteredEvent,
    QuantityRounding,
    left_out,
    parts_of,
    rounding_of,
    sum_exactly,
    units_by_day,
)
from billing.domain.terms import TariffPeriod, Terms, closing_day
from shared.contracts.definitions import Service
from shared.contracts.meters import NAMED_METERS, Meter, NamedMeter, meter_of
from shared.period import Month

# counted: it meters usage · reversed: a reading that was reversed · opened: an item was opened, which meters nothing ·
# withdrawn: its own source says that it is not so · without-reading: it adjusts a reading that is not here
UsageState = Literal["counted", "reversed", "opened", "withdrawn", "without-reading"]
UnbilledReason = Literal[
    "unknown-council",  # counts once the catalogue knows the council
    "no-agreement",  # the council has no agreement in the month
    "unknown-service",  # counts once the catalogue knows the service
    "item-not-opened",  # completed, but the event that opened the item, and names its service, is not here yet
    "no-tariff",  # no tariff of the council prices the service on that day
    "wrong-meter",  # the service is billed from other records
    "wrong-unit",  # the reading names a unit that is not the service's
    "not-metered",  # the service's own meter selects other events
    "no-number",  # the attribute that the service's meter reads is missing, or no number
    "without-reading",  # an adjustment that counts once the reading which it names is here
    "failed",  # Tallystick failed to meter the event: it is in quarantine until it is redriven
]


@dataclass(frozen=True, slots=True)
class Usage:
    """What one meter counts for one service on one day.

    `service` is None for items whose service is not known yet; `unit` is None unless a reading names one.
    """

    service: str | None
    day: date
    meter: NamedMeter
    state: UsageState
    unit: str | None
    quantity: Decimal
    events: int


@dataclass(frozen=True, slots=True)
class UsageDetail:
    """`events` counted events of one day that are alike: `quantity` units in all, and each with these attributes.

    An item's priority, its outcome and its value in pounds are attributes, too: `priority`, `outcome`, `value`.
    """

    day: date
    quantity: Decimal
    attributes: Mapping[str, str]
    events: int = 1


@dataclass(frozen=True, slots=True)
class MeteredUsage:
    """The usage of one service that its own meter counts, by day, and how many events named the service at all.

    `details` are the events behind the days, by instant, source and id; they are here only where a charge or a waiver
    reads attributes. `rounding` is of the quantity, and None where it is exact.
    """

    by_day: Mapping[date, Decimal] = field(default_factory=dict)
    events_counted: int = 0
    events_received: int = 0
    details: Sequence[UsageDetail] = ()
    rounding: QuantityRounding | None = None

    def between(self, first: date, end: date) -> Decimal:
        """The quantity of the days `[first, end)`.

        With a rounding, what the month's rounded quantity grows by in them: the parts of a month sum to the whole.
        """
        if self.rounding is None:
            return sum_exactly(amount for day, amount in self.by_day.items() if first <= day < end)
        before = sum_exactly(amount for day, amount in self.by_day.items() if day < first)
        after = sum_exactly(amount for day, amount in self.by_day.items() if day < end)
        return self.rounding.of(after) - self.rounding.of(before)

    def details_between(self, first: date, end: date) -> tuple[UsageDetail, ...]:
        """The details of the days `[first, end)`, in their order."""
        return tuple([detail for detail in self.details if first <= detail.day < end])


@dataclass(frozen=True, slots=True)
class UnbilledUsage:
    """Events that recharge nothing now; `item` names the one that failed, whose quantity is not known either."""

    reason: UnbilledReason
    service: str | None
    events: int
    quantity: Decimal
    item: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """How many events became what: `received` = counted + reversed + opened + withdrawn + those that are unbilled."""

    counted: int
    reversed: int
    opened: int
    unbilled: tuple[UnbilledUsage, ...]
    withdrawn: int = 0

    @property
    def received(self) -> int:
        """All events about the council in the month."""
        unbilled = sum(each.events for each in self.unbilled)
        return self.counted + self.reversed + self.opened + self.withdrawn + unbilled


def classify_usage(
    terms: Terms,
    tariff_periods: Sequence[TariffPeriod],
    usage: Sequence[Usage],
    month: Month,
    events: Mapping[str, Sequence[MeteredEvent]] = MappingProxyType({}),
) -> tuple[dict[str, MeteredUsage], Evidence]:
    """The usage of each service that any event named, and what became of every event; rows may come in any order.

    `events` are those of each service that has a meter of its own (`metered_services`).
    """
    day = closing_day(month)
    counted: list[Usage] = []
    unbilled: list[tuple[UnbilledReason, Usage]] = []
    named = {row.service for row in usage if row.service is not None} | set(events)
    found = {service: terms.services.on(service, day) for service in named}
    known = {service: version.definition for service, version in found.items() if version is not None}
    meters = {service: meter_of(known[service].counted_by) for service in events}
    usage = [row for row in usage if not _is_metered_alone(row, meters.get(row.service or ""))]
    for row in usage:
        if row.state == "counted":
            reason = _unbilled_reason(row, known.get(row.service or ""), tariff_periods)
            if reason is None:
                counted.append(row)
            else:
                unbilled.append((reason, row))
        elif row.state == "without-reading":
            unbilled.append(("without-reading", row))
    by_service = {
        service: _metered(
            [row for row in counted if row.service == service], [row for row in usage if row.service == service]
        )
        for service in {row.service for row in usage if row.service is not None}
    }
    for service, of_service in events.items():
        others = by_service.get(service, MeteredUsage()).events_received
        metered, rest = _by_own_meter(known[service], of_service, tariff_periods, month)
        by_service[service] = replace(metered, events_received=metered.events_received + others)
        unbilled += rest
    return by_service, Evidence(
        counted=sum(metered.events_counted for metered in by_service.values()),
        reversed=_events(row for row in usage if row.state == "reversed"),
        opened=_events(row for row in usage if row.state == "opened"),
        unbilled=sum_unbilled(unbilled),
        withdrawn=_events(row for row in usage if row.state == "withdrawn"),
    )


def metered_services(terms: Terms, council: str, month: Month) -> tuple[Service, ...]:
    """The services that the council pays for in the month by a meter of their own, by id."""
    priced = {period.tariff.definition.service for period in terms.tariff_periods(council, month)}
    found = (terms.services.on(service, closing_day(month)) for service in sorted(priced))
    known = (version.definition for version in found if version is not None)
    return tuple(service for service in known if isinstance(service.counted_by, Meter))


def _is_metered_alone(row: Usage, meter: Meter | None) -> bool:
    """Whether the row sums events that the service's own meter gets one by one."""
    return meter is not None and meter.event == _METERED_TYPES.get(row.state, {}).get(row.meter)


# Of which type the events are that a row sums, by its state and meter.
_METERED_TYPES: Mapping[str, Mapping[NamedMeter, str]] = {
    "counted": {name: meter.event for name, meter in NAMED_METERS.items()},
    "opened": {"work-completed": "tallystick.work.received.v1", "tickets-resolved": "tallystick.ticket.opened.v1"},
}


def _by_own_meter(
    service: Service, events: Sequence[MeteredEvent], tariff_periods: Sequence[TariffPeriod], month: Month
) -> tuple[MeteredUsage, list[tuple[UnbilledReason, Usage]]]:
    meter = meter_of(service.counted_by)
    counting: list[MeteredEvent] = []
    unbilled: list[tuple[UnbilledReason, Usage]] = []
    of_month = [event for event in events if event.day >= month.first_day]
    for event in events:
        reason: UnbilledReason | None = left_out(meter, event, unit=service.unit)
        if reason is None and event.day >= month.first_day and not _is_priced(service.id, event.day, tariff_periods):
            reason = "no-tariff"
        if reason is None:
            counting.append(event)
        elif event.day >= month.first_day:
            row = Usage(service.id, event.day, "readings", "counted", event.unit, event.quantity or Decimal(0), 1)
            unbilled.append((reason, row))
    usage = MeteredUsage(
        by_day=units_by_day(meter, counting, month),
        events_counted=sum(event.day >= month.first_day for event in counting),
        events_received=len(of_month),
        details=tuple(UsageDetail(event.day, units, event.attributes) for event, units in parts_of(meter, counting)),
        rounding=rounding_of(meter),
    )
    return usage, unbilled


def failed_usage(items: Iterable[str]) -> tuple[UnbilledUsage, ...]:
    """One entry for each item of which events failed, by its id."""
    events = Counter(items)
    return tuple(UnbilledUsage("failed", None, events[item], Decimal(0), item) for item in sorted(events))


def sum_unbilled(rows: Iterable[tuple[UnbilledReason, Usage]]) -> tuple[UnbilledUsage, ...]:
    """One entry for each reason and service, in their order."""
    sums: dict[tuple[UnbilledReason, str], tuple[int, Decimal]] = {}
    for reason, row in rows:
        events, quantity = sums.get((reason, row.service or ""), (0, Decimal(0)))
        sums[reason, row.service or ""] = events + row.events, quantity + row.quantity
    return tuple(
        UnbilledUsage(reason, service or None, events, quantity)
        for (reason, service), (events, quantity) in sorted(sums.items())
    )


def _unbilled_reason(
    row: Usage, service: Service | None, tariff_periods: Sequence[TariffPeriod]
) -> UnbilledReason | None:
    if row.service is None:
        return "item-not-opened"
    if service is None:
        return "unknown-service"
    if row.meter != service.counted_by:
        return "wrong-meter"
    if row.unit not in {None, service.unit}:
        return "wrong-unit"
    return None if _is_priced(row.service, row.day, tariff_periods) else "no-tariff"


def _is_priced(service: str, day: date, tariff_periods: Sequence[TariffPeriod]) -> bool:
    return any(
        period.tariff.definition.service == service and period.first_day <= day < period.end_day
        for period in tariff_periods
    )


def _metered(counted: Sequence[Usage], received: Sequence[Usage]) -> MeteredUsage:
    by_day: dict[date, Decimal] = {}
    for row in counted:
        by_day[row.day] = by_day.get(row.day, Decimal(0)) + row.quantity
    return MeteredUsage(by_day, _events(counted), _events(received))


def _events(rows: Iterable[Usage]) -> int:
    return sum(row.events for row in rows)
