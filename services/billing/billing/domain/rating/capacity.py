"""A capacity charge: a fixed monthly price with which some units come, and a price for each unit above them."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from billing.domain.charge_line import plain, quantity_text
from billing.domain.rating.charge_kind import PeriodUsage, Priced
from billing.domain.rating.standing import ProratedMonth
from shared.contracts.charges import CapacityCharge
from shared.money import format_rate


@dataclass(frozen=True, slots=True)
class Overage:
    """`quantity` units above the month's `included` ones, at `price` each."""

    included: Decimal
    quantity: Decimal
    price: Decimal

    @property
    def amount(self) -> Fraction:
        """Exact pounds: quantity × price."""
        return Fraction(self.quantity) * Fraction(self.price)

    @property
    def label(self) -> str:
        return f"Above {quantity_text(self.included)} included"

    @property
    def quantity_text(self) -> str:
        return quantity_text(self.quantity)

    @property
    def rate_text(self) -> str:
        return format_rate(self.price)

    @property
    def formula(self) -> str:
        return f"above {plain(self.included)}: {plain(self.quantity)} x {plain(self.price)}"


def price(charge: CapacityCharge, usage: PeriodUsage) -> Priced:
    """The fixed price for the days of the tariff period, and its units above those that come with the month."""
    included = usage.scaled(charge.included)
    over = max(usage.already + usage.quantity, included) - max(usage.already, included)
    fixed = ProratedMonth(usage.period.days, usage.month.days, Decimal(charge.monthly_gbp))
    overage = Overage(included, over, Decimal(charge.overage_gbp))
    narrative = (
        f"{fixed.rate_text} includes {quantity_text(included)}; of {quantity_text(usage.quantity)} used,"
        f" {overage.quantity_text} above at {overage.rate_text} for each {usage.service.unit_name}"
    )
    return Priced(usage.quantity, usage.service.unit, (fixed, overage), narrative)
