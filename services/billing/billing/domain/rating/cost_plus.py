"""Mark-up on cost: what the provider spent for the council, and a percentage of it."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

from billing.domain.charge_line import plain
from billing.domain.rating.charge_kind import PeriodUsage, Priced, events_of
from billing.domain.rating.percentage import PercentOfAmount, Transactions, amount_in
from shared.contracts.charges import CostPlusCharge
from shared.money import format_rate


@dataclass(frozen=True, slots=True)
class Cost:
    """What was spent on `events` transactions: `price` pounds in all."""

    events: int
    price: Decimal
    label: ClassVar[str] = "Cost"

    @property
    def amount(self) -> Fraction:
        """Exact pounds: the cost."""
        return Fraction(self.price)

    @property
    def quantity_text(self) -> str:
        return f"{self.events:,}"

    @property
    def rate_text(self) -> str:
        return format_rate(self.price)

    @property
    def formula(self) -> str:
        return plain(self.price)


@dataclass(frozen=True, slots=True)
class MarkUp(PercentOfAmount):
    """`percent` of a cost of `base` pounds."""

    label: ClassVar[str] = "Mark-up"


def price(charge: CostPlusCharge, usage: PeriodUsage) -> Priced:
    """The cost of the period's transactions and the mark-up on it; those without a cost are named."""
    amounts = [(amount_in(detail, charge.cost_from), detail.events) for detail in usage.details]
    spent = sum((amount * events for amount, events in amounts if amount is not None), Decimal(0))
    without = sum(events for amount, events in amounts if amount is None)
    cost = Cost(events_of(usage.details) - without, spent)
    mark_up = MarkUp(spent, Decimal(charge.markup_percent))
    unknown = (Transactions("Without a cost", without, Decimal(0)),) if without else ()
    narrative = f"{format_rate(spent)} spent, and {mark_up.rate_text} of it"
    return Priced(usage.quantity, usage.service.unit, (cost, mark_up, *unknown), narrative)
