"""A unit charge: one price for every unit."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from billing.domain.rating.charge_kind import PeriodUsage, Priced
from billing.domain.rating.units_at_price import UnitsAtPrice
from shared.contracts.charges import UnitCharge


@dataclass(frozen=True, slots=True)
class UnitPrice(UnitsAtPrice):
    """`quantity` units at `price` each."""

    quantity: Decimal
    price: Decimal
    label: ClassVar[str] = ""

    @property
    def formula(self) -> str:
        return self.product


def price(charge: UnitCharge, usage: PeriodUsage) -> Priced:
    """Every unit of the tariff period at the one price."""
    working = UnitPrice(usage.quantity, Decimal(charge.price_gbp))
    narrative = f"{working.quantity_text} at {working.rate_text} for each {usage.service.unit_name}"
    return Priced(usage.quantity, usage.service.unit, (working,), narrative)
