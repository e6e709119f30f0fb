"""A council's usage of a month: counted for a service, or unbilled with the reason. No event is left out.

Usage comes from the store summed by service, day and meter, not yet priced.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from billing.domain.metering import NamedMeter
from billing.domain.terms import TariffPeriod, Terms, closing_day
from shared.contracts.definitions import Service
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
    reads attributes.
    """

    by_day: Mapping[date, Decimal] = field(default_factory=dict)
    events_counted: int = 0
    events_received: int = 0
    details: Sequence[UsageDetail] = ()

    def between(self, first: date, end: date) -> Decimal:
        """The quantity of the days `[first, end)`."""
        return sum((amount for day, amount in self.by_day.items() if first <= day < end), Decimal(0))

    def details_between(self, first: date, end: date) -> tuple[UsageDetail, ...]:
        """The details of the days `[first, end)`, in their order."""
        return tuple(detail for detail in self.details if first <= detail.day < end)


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
    terms: Terms, tariff_periods: Sequence[TariffPeriod], usage: Sequence[Usage], month: Month
) -> tuple[dict[str, MeteredUsage], Evidence]:
    """The usage of each service that any event named, and what became of every event; rows may come in any order."""
    day = closing_day(month)
    counted: list[Usage] = []
    unbilled: list[tuple[UnbilledReason, Usage]] = []
    for row in usage:
        if row.state == "counted":
            service = None if row.service is None else terms.services.on(row.service, day)
            reason = _unbilled_reason(row, None if service is None else service.definition, tariff_periods)
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
    return by_service, Evidence(
        counted=_events(counted),
        reversed=_events(row for row in usage if row.state == "reversed"),
        opened=_events(row for row in usage if row.state == "opened"),
        unbilled=sum_unbilled(unbilled),
        withdrawn=_events(row for row in usage if row.state == "withdrawn"),
    )


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
    priced = any(
        period.tariff.definition.service == row.service and period.first_day <= row.day < period.end_day
        for period in tariff_periods
    )
    return None if priced else "no-tariff"


def _metered(counted: Sequence[Usage], received: Sequence[Usage]) -> MeteredUsage:
    by_day: dict[date, Decimal] = {}
    for row in counted:
        by_day[row.day] = by_day.get(row.day, Decimal(0)) + row.quantity
    return MeteredUsage(by_day, _events(counted), _events(received))


def _events(rows: Iterable[Usage]) -> int:
    return sum(row.events for row in rows)
