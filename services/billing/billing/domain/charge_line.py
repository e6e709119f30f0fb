"""A charge line: what was charged, by which tariff version, with the working that anybody can redo."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from shared.money import half_up, pence

Absence = Literal["no_usage", "no_data"]
ChargeKind = Literal["standing", "unit", "graduated"]

EXACT_PLACES = 12  # six decimals of quantity times six of price: exact for all but part months


@dataclass(frozen=True, slots=True)
class ProratedMonth:
    """`days` of the month's `of_days`, at `price` for the whole month."""

    days: int
    of_days: int
    price: Decimal

    @property
    def amount(self) -> Fraction:
        """Exact pounds: price × days ÷ of_days."""
        return Fraction(self.price) * self.days / self.of_days


@dataclass(frozen=True, slots=True)
class TierStep:
    """`quantity` units out of those above `above`, up to and including `up_to` (None: no end), at `price` each."""

    above: Decimal
    up_to: Decimal | None
    quantity: Decimal
    price: Decimal

    @property
    def amount(self) -> Fraction:
        """Exact pounds: quantity × price."""
        return Fraction(self.quantity) * Fraction(self.price)


Working = ProratedMonth | TierStep


@dataclass(frozen=True, slots=True)
class ChargeLine:
    """One charge of one tariff version for the days `[first_day, end_day)`.

    `ref` is the same whenever the line is computed again. The amount is rounded here, once, from the exact sum of the
    workings. `absence` says why a usage charge is £0.00: `no_usage` was reported as none, `no_data` was not reported.
    """

    ref: str
    service: str
    agreement: str
    tariff: str
    tariff_version: int
    charge: str
    kind: ChargeKind
    first_day: date
    end_day: date
    narrative: str
    quantity: Decimal
    unit: str
    workings: tuple[Working, ...]
    absence: Absence | None = None

    @property
    def amount_exact(self) -> Fraction:
        """Pounds before rounding."""
        return sum((working.amount for working in self.workings), Fraction(0))

    @property
    def amount_pence(self) -> int:
        """Whole pence: the exact amount rounded half up."""
        return pence(self.amount_exact)


def exact_text(pounds: Fraction) -> str:
    """Pounds as plain digits to `EXACT_PLACES`, without trailing zeros; rounded half up where a part month goes on."""
    return plain(Decimal(half_up(pounds * 10**EXACT_PLACES)).scaleb(-EXACT_PLACES))


def plain(number: Decimal) -> str:
    """Plain digits without exponent and trailing zeros: `40000`, `0.0375`, `0`."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
