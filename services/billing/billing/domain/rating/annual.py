"""An annual charge: a year's price spread over the months of a financial year so that they sum to it to the penny.

The first k months come to the year's price × k ÷ 12, rounded half up; a month is the difference of two such sums.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

from billing.domain.charge_line import plain
from billing.domain.rating.charge_kind import PeriodUsage, Priced
from billing.domain.rating.windows import APRIL
from shared.contracts.charges import AnnualCharge
from shared.money import PENCE_IN_A_POUND, format_gbp, format_rate, pence

_MONTHS = 12


@dataclass(frozen=True, slots=True)
class MonthOfYear:
    """`days` of the `of_days` of a financial year's month `number` (April is 1), at `price` for the year."""

    number: int
    days: int
    of_days: int
    price: Decimal
    label: ClassVar[str] = ""

    @property
    def month_pence(self) -> int:
        """What the whole month comes to."""
        return self._until(self.number) - self._until(self.number - 1)

    @property
    def amount(self) -> Fraction:
        """Exact pounds: the month's whole pence × days ÷ of_days."""
        return Fraction(self.month_pence * self.days, PENCE_IN_A_POUND * self.of_days)

    @property
    def quantity_text(self) -> str:
        month = f"month {self.number} of {_MONTHS}"
        return month if self.days == self.of_days else f"{self.days} of {self.of_days} days of {month}"

    @property
    def rate_text(self) -> str:
        return f"{format_rate(self.price)} a year"

    @property
    def formula(self) -> str:
        year = plain(self.price)
        month = f"round({year} x {self.number}/{_MONTHS}) - round({year} x {self.number - 1}/{_MONTHS})"
        return month if self.days == self.of_days else f"({month}) x {self.days}/{self.of_days} days"

    def _until(self, months: int) -> int:
        return pence(Fraction(self.price) * months / _MONTHS)


def price(charge: AnnualCharge, usage: PeriodUsage) -> Priced:
    """The month's part of the year, or its share for the days of the tariff period; whatever was used."""
    working = month_of_year(Decimal(charge.annual_gbp), usage)
    whole = f"{format_gbp(working.month_pence)} as month {working.number} of {_MONTHS} of {working.rate_text}"
    part = f"{working.days} of {working.of_days} days of {whole}"
    narrative = whole if working.days == working.of_days else part
    return Priced(Decimal(working.days), "day", (working,), narrative, counts_usage=False)


def month_of_year(price: Decimal, usage: PeriodUsage) -> MonthOfYear:
    """The days of the tariff period out of its month's part of a year at `price`."""
    number = (usage.month.month - APRIL) % _MONTHS + 1
    return MonthOfYear(number, usage.period.days, usage.month.days, price)
