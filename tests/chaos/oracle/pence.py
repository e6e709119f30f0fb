"""What every council must be recharged for a month: readings by a graduated and by a plain price, and tickets.

Each charge is rounded once, half a penny up. The prices stand in `PRICES`, as the partnership's file has them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.chaos.oracle.tickets import second_of
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
        """A ticket counts once, in the month of its first resolution; those of the evening have no price."""
        held = list(events)
        free = {(each["council"], each["subject"]) for each in held if each["data"].get("service") == "evening"}
        first: dict[tuple[str, str], int] = {}
        for event in held:
            if event["type"] == "tallystick.ticket.resolved.v1" and (event["council"], event["subject"]) not in free:
                ticket, at = (event["council"], event["subject"]), second_of(event["time"])
                first[ticket] = min(at, first.get(ticket, at))
        for (council, _), at in first.items():
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
