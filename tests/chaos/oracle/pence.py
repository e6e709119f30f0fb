"""What every council must be recharged for a month: readings by a graduated and by a plain price, and tickets.

Each charge is rounded once, half a penny up. The prices stand in `PRICES`, as the partnership's file has them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.chaos.oracle.instants import distinct, moment_of, second_of
from tests.chaos.oracle.tickets import what_of
from tests.chaos.oracle.working_hours import month_of

# Illustrative pounds. A tier is (units up to which it reaches, price of a unit); the last one is open.
STANDING = Decimal("250.00")
TIERS = ((Decimal(500), Decimal("4.42")), (Decimal(2000), Decimal("3.905")), (None, Decimal("3.3333")))
LICENCE = Decimal("0.0175")
TICKET = Decimal("12.375")

# council, month
Account = tuple[str, str]


@dataclass
class Usage:
    """What was counted for each council and month."""

    payslips: defaultdict[Account, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    licences: defaultdict[Account, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    tickets: defaultdict[Account, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def accounts(self) -> set[Account]:
        """Every council and month that anything was counted for."""
        return {*self.payslips, *self.licences, *self.tickets}

    def add_reading(self, event: Mapping[str, Any]) -> None:
        """A reading counts in the London month of its time."""
        units = self.payslips if event["data"]["service"] == "payroll" else self.licences
        units[event["council"], month_of(second_of(event["time"]))] += Decimal(event["data"]["quantity"])

    def add_tickets(self, events: Iterable[Mapping[str, Any]]) -> None:
        """A ticket counts once, in the month of its first resolution; what was of the evening then has no price."""
        tickets: defaultdict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
        for event in distinct(events):
            tickets[event["council"], event["subject"]].append(event)
        for (council, _), happened in tickets.items():
            at = min((second_of(each["time"]) for each in happened if what_of(each) == "resolved"), default=None)
            if at is not None and _service_by(at, happened) == "ict":
                self.tickets[council, month_of(at)] += 1

    def total_pence(self, account: Account) -> int:
        """The council's recharge of the month."""
        charges = (
            STANDING,
            graduated(self.payslips[account]),
            self.licences[account] * LICENCE,
            self.tickets[account] * TICKET,
        )
        return sum(pence(pounds) for pounds in charges)


def _service_by(resolved: int, happened: Iterable[Mapping[str, Any]]) -> str:
    """The service that a ticket had when it was resolved: what it became in that second it was for no time.

    What it became in the second of its opening it was from the start.
    """
    held = sorted((each for each in happened if what_of(each) in ("opened", "reclassified")), key=_order)
    opened = next(second_of(each["time"]) for each in held if what_of(each) == "opened")
    until = max(opened, resolved - 1)
    return str([each["data"].get("service", "ict") for each in held if second_of(each["time"]) <= until][-1])


def _order(event: Mapping[str, Any]) -> tuple[object, ...]:
    """Within one second the opening comes first."""
    second, sequence = moment_of(event)
    return second, what_of(event) != "opened", sequence, event["source"], event["id"]


def graduated(units: Decimal) -> Decimal:
    """Pounds for so many payslips, each at the price of its tier."""
    pounds, below = Decimal(0), Decimal(0)
    for up_to, price in TIERS:
        top = units if up_to is None else min(units, up_to)
        if top > below:
            pounds += (top - below) * price
            below = top
    return pounds


def pence(pounds: Decimal) -> int:
    """Whole pence, half a penny up."""
    return int((pounds * 100).quantize(Decimal(1), ROUND_HALF_UP))
