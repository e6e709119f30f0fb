"""A percentage of the amount of each transaction, with a fixed part, a minimum and a maximum for each.

Transactions are taken by instant, source and id: the first free ones of a month cost nothing, then the free amount is
used up by those after them, the last of them in part. A transaction comes to percent × amount + fixed part, and to the
minimum or the maximum where that is less or more.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

from billing.domain.charge_line import plain
from billing.domain.rating.charge_kind import PeriodUsage, Priced, events_of
from billing.domain.usage import UsageDetail
from shared.contracts.charges import PercentageCharge
from shared.money import format_rate

_FREE, _UNKNOWN, _FIXED, _LEAST, _MOST = (
    "Free",
    "Without an amount",
    "Fixed part",
    "At the minimum",
    "At the maximum",
)
_AMOUNT = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class PercentOfAmount:
    """`percent` of `base` pounds."""

    base: Decimal
    percent: Decimal
    label: ClassVar[str] = "Percentage of the amounts"

    @property
    def amount(self) -> Fraction:
        """Exact pounds: base × percent ÷ 100."""
        return Fraction(self.base) * Fraction(self.percent) / 100

    @property
    def quantity_text(self) -> str:
        return format_rate(self.base)

    @property
    def rate_text(self) -> str:
        return f"{plain(self.percent)}%"

    @property
    def formula(self) -> str:
        return f"{plain(self.base)} x {plain(self.percent)}/100"


@dataclass(frozen=True, slots=True)
class Transactions:
    """`events` transactions at `price` each: `label` says which, and why."""

    label: str
    events: int
    price: Decimal

    @property
    def amount(self) -> Fraction:
        """Exact pounds: events × price."""
        return self.events * Fraction(self.price)

    @property
    def quantity_text(self) -> str:
        return f"{self.events:,}"

    @property
    def rate_text(self) -> str:
        return format_rate(self.price)

    @property
    def formula(self) -> str:
        return f"{self.label}: {self.events} x {plain(self.price)}"


def price(charge: PercentageCharge, usage: PeriodUsage) -> Priced:
    """The transactions of the period; those of earlier periods of the month have used up what is free before."""
    base, events = _sums(charge, usage)
    working = PercentOfAmount(base, Decimal(charge.percent))
    prices = {_FIXED: charge.fixed_gbp, _LEAST: charge.minimum_gbp, _MOST: charge.maximum_gbp}
    steps = tuple(
        Transactions(label, events[label], Decimal(prices.get(label) or 0))
        for label in (_FREE, _UNKNOWN, _FIXED, _LEAST, _MOST)
        if events[label] and (label != _FIXED or charge.fixed_gbp is not None)
    )
    count = events_of(usage.details)
    narrative = f"{working.rate_text} of the amounts of {count:,} {'transaction' if count == 1 else 'transactions'}"
    return Priced(usage.quantity, usage.service.unit, (working, *steps), narrative)


def amount_in(detail: UsageDetail, attribute: str) -> Decimal | None:
    """The pounds that an attribute holds; None without it, or where it is no decimal number."""
    text = detail.attributes.get(attribute, "")
    return Decimal(text) if _AMOUNT.fullmatch(text) else None


def _sums(charge: PercentageCharge, usage: PeriodUsage) -> tuple[Decimal, Counter[str]]:
    """The amounts of which the percentage is taken, and how many transactions of the period came to what."""
    base, events = Decimal(0), Counter[str]()
    skipped = events_of(usage.earlier_details)
    for label, amount, count in _outcomes(charge, (*usage.earlier_details, *usage.details)):
        if skipped:
            skipped -= count
        else:
            base += amount * count
            events[label] += count
    return base, events


def _outcomes(charge: PercentageCharge, details: Sequence[UsageDetail]) -> Iterator[tuple[str, Decimal, int]]:
    """What each transaction comes to, the part of its amount that is priced by percentage, and how many are alike."""
    free_events, free_gbp = charge.free_events or 0, Decimal(charge.free_gbp or 0)
    for detail in details:
        amount, left = amount_in(detail, charge.amount_from), detail.events
        while left:
            count = 1 if free_events or free_gbp else left
            left -= count
            if free_events:
                free_events -= 1
                yield _FREE, Decimal(0), count
            elif amount is None:
                yield _UNKNOWN, Decimal(0), count
            else:
                used = min(free_gbp, max(amount, Decimal(0)))
                free_gbp -= used
                yield (_FREE, Decimal(0), count) if used and used == amount else _outcome(charge, amount - used, count)


def _outcome(charge: PercentageCharge, amount: Decimal, count: int) -> tuple[str, Decimal, int]:
    """A refund, below 0, is given back by percentage whatever the minimum is."""
    exact = amount * Decimal(charge.percent) / 100 + Decimal(charge.fixed_gbp or 0)
    if amount >= 0 and charge.minimum_gbp is not None and exact < Decimal(charge.minimum_gbp):
        return _LEAST, Decimal(0), count
    if charge.maximum_gbp is not None and exact > Decimal(charge.maximum_gbp):
        return _MOST, Decimal(0), count
    return _FIXED, amount, count
