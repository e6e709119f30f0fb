"""A capacity charge: a fixed monthly price with which some units come, and a price for each unit above them."""

from dataclasses import dataclass
from decimal import Decimal

from billing.domain.charge_line import plain, quantity_text
from billing.domain.rating.charge_kind import PeriodUsage, Priced
from billing.domain.rating.standing import ProratedMonth
from billing.domain.rating.units_at_price import UnitsAtPrice
from shared.contracts.charges import CapacityCharge


@dataclass(frozen=True, slots=True)
class Overage(UnitsAtPrice):
    """`quantity` units above the month's `included` ones, at `price` each."""

    included: Decimal
    quantity: Decimal
    price: Decimal

    @property
    def label(self) -> str:
        return f"Above {quantity_text(self.included)} included"

    @property
    def formula(self) -> str:
        return f"above {plain(self.included)}: {self.product}"


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
