"""A council's metered usage of a month, as it is stored: summed by service, day and meter, not yet priced."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from billing.domain.metering import Meter

# counted: it meters usage · reversed: a reading taken back · accepted: an item asked for the service, metering nothing
UsageState = Literal["counted", "reversed", "accepted"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What one meter says of one service on one day: so many facts, so much quantity.

    `service` is None for items whose service is not known yet; `unit` is None unless a reading names one.
    """

    service: str | None
    day: date
    meter: Meter
    state: UsageState
    unit: str | None
    quantity: Decimal
    facts: int


@dataclass(frozen=True, slots=True)
class MeteredUsage:
    """The usage of one service that its own meter counts, by day, and how much was heard of the service at all."""

    by_day: Mapping[date, Decimal] = field(default_factory=dict)
    facts_counted: int = 0
    facts_received: int = 0

    @property
    def quantity(self) -> Decimal:
        """The whole of it."""
        return sum(self.by_day.values(), Decimal(0))

    def between(self, first: date, end: date) -> Decimal:
        """The quantity of the days `[first, end)`."""
        return sum((amount for day, amount in self.by_day.items() if first <= day < end), Decimal(0))


def metered_usage(counted: Iterable[Usage], *, facts_received: int) -> MeteredUsage:
    """One service's usage, from the rows that its meter counts."""
    by_day: dict[date, Decimal] = {}
    facts = 0
    for row in counted:
        by_day[row.day] = by_day.get(row.day, Decimal(0)) + row.quantity
        facts += row.facts
    return MeteredUsage(by_day, facts, facts_received)
