"""A package charge: one price for every package of so many units that was begun."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import ClassVar

from billing.domain.charge_line import plain, quantity_text
from billing.domain.rating.charge_kind import PeriodUsage, Priced
from shared.contracts.charges import PackageCharge
from shared.money import format_rate


@dataclass(frozen=True, slots=True)
class Packages:
    """`quantity` units after `already` units of the month begin `count` packages of `size`, at `price` each."""

    already: Decimal
    quantity: Decimal
    size: int
    count: int
    price: Decimal
    label: ClassVar[str] = ""

    @property
    def amount(self) -> Fraction:
        """Exact pounds: packages × price."""
        return self.count * Fraction(self.price)

    @property
    def quantity_text(self) -> str:
        return f"{self.count:,} × {self.size:,}"

    @property
    def rate_text(self) -> str:
        return format_rate(self.price)

    @property
    def formula(self) -> str:
        return f"{self.count} x {plain(self.price)}"


def price(charge: PackageCharge, usage: PeriodUsage) -> Priced:
    """The packages that the units of the tariff period begin; one begun by earlier units of the month is paid."""
    count = _begun(usage.already + usage.quantity, charge.size) - _begun(usage.already, charge.size)
    working = Packages(usage.already, usage.quantity, charge.size, count, Decimal(charge.price_gbp))
    packages = "package" if count == 1 else "packages"
    narrative = (
        f"{quantity_text(usage.quantity)} in {count:,} {packages} of {charge.size:,}, at {working.rate_text} for each"
        " package begun"
    )
    return Priced(usage.quantity, usage.service.unit, (working,), narrative)


def _begun(units: Decimal, size: int) -> int:
    return ceil(Fraction(units) / size)
