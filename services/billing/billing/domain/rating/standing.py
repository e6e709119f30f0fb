"""A standing charge: a fixed price for each month, prorated by days for a part month."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

from billing.domain.charge_line import plain
from billing.domain.rating.charge_kind import PeriodUsage, Priced
from shared.contracts.charges import StandingCharge
from shared.money import format_rate


@dataclass(frozen=True, slots=True)
class ProratedMonth:
    """`days` of the month's `of_days`, at `price` for the whole month."""

    days: int
    of_days: int
    price: Decimal
    label: ClassVar[str] = ""

    @property
    def amount(self) -> Fraction:
        """Exact pounds: price × days ÷ of_days."""
        return Fraction(self.price) * self.days / self.of_days

    @property
    def quantity_text(self) -> str:
        return f"{self.days} of {self.of_days} days"

    @property
    def rate_text(self) -> str:
        return f"{format_rate(self.price)} a month"

    @property
    def formula(self) -> str:
        return f"{plain(self.price)} x {self.days}/{self.of_days} days"


def price(charge: StandingCharge, usage: PeriodUsage) -> Priced:
    """The monthly price, or its share for the days of the tariff period; whatever was used."""
    working = ProratedMonth(usage.period.days, usage.month.days, Decimal(charge.monthly_gbp))
    whole = working.days == working.of_days
    narrative = (
        f"{format_rate(working.price)} for the month" if whole else f"{working.quantity_text} of {working.rate_text}"
    )
    return Priced(Decimal(working.days), "day", (working,), narrative, counts_usage=False)
