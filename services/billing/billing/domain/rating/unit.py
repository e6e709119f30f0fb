"""A unit charge: one price for every unit."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

from billing.domain.charge_line import plain, quantity_text
from billing.domain.rating.charge_kind import PeriodUsage, Priced
from shared.contracts.charges import UnitCharge
from shared.money import format_rate


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """`quantity` units at `price` each."""

    quantity: Decimal
    price: Decimal
    label: ClassVar[str] = ""

    @property
    def amount(self) -> Fraction:
        """Exact pounds: quantity × price."""
        return Fraction(self.quantity) * Fraction(self.price)

    @property
    def quantity_text(self) -> str:
        return quantity_text(self.quantity)

    @property
    def rate_text(self) -> str:
        return format_rate(self.price)

    @property
    def formula(self) -> str:
        return f"{plain(self.quantity)} x {plain(self.price)}"


def price(charge: UnitCharge, usage: PeriodUsage) -> Priced:
    """Every unit of the tariff period at the one price."""
    working = UnitPrice(usage.quantity, Decimal(charge.price_gbp))
    narrative = f"{working.quantity_text} at {working.rate_text} for each {usage.service.unit_name}"
    return Priced(usage.quantity, usage.service.unit, (working,), narrative)
