"""A commitment: units that are paid whether they are used or not, over a month or a year, and a price for those above.

A year's usage is looked at as a whole. A unit that is found late may pass the committed units one month earlier; then
the later month has one unit less above them, and the year is right to the penny.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from billing.domain.charge_line import quantity_text
from billing.domain.rating.annual import month_of_year
from billing.domain.rating.capacity import Overage
from billing.domain.rating.charge_kind import PeriodUsage, Priced, to_quantity
from billing.domain.rating.standing import ProratedMonth
from billing.domain.rating.windows import Window, window
from shared.contracts.charges import CommitmentCharge
from shared.contracts.definitions import Tariff
from shared.money import format_rate


@dataclass(frozen=True, slots=True)
class AboveCommitment(Overage):
    """Units above the committed ones of a month or a year, of which `before` were used earlier."""

    before: Decimal

    @property
    def label(self) -> str:
        committed = f"Above {quantity_text(self.included)} committed"
        return f"{committed}, after {quantity_text(self.before)} used earlier" if self.before else committed


def price(charge: CommitmentCharge, usage: PeriodUsage) -> Priced:
    """The committed units' part for the days of the tariff period, and the units by which the window passes them."""
    found = window(usage, charge.over, lambda tariff: _units(tariff, charge.name))
    committed, before = to_quantity(found.whole), _used_before(charge, found)
    over = max(before + usage.quantity, committed) - max(before, committed)
    overage = AboveCommitment(committed, over, Decimal(charge.overage_gbp), before)
    whole = Decimal(charge.price_gbp) * charge.units
    monthly = ProratedMonth(usage.period.days, usage.month.days, whole)
    fixed = monthly if charge.over == "month" else month_of_year(whole, usage)
    narrative = (
        f"{charge.units:,} committed at {format_rate(Decimal(charge.price_gbp))} are {fixed.rate_text};"
        f" of {quantity_text(usage.quantity)} used, {overage.quantity_text} above"
        f" at {overage.rate_text} for each {usage.service.unit_name}"
    )
    if charge.over == "financial-year":
        narrative += f", after {quantity_text(before)} used earlier of the year's {quantity_text(committed)}"
    return Priced(usage.quantity, usage.service.unit, (fixed, overage), narrative)


def _units(tariff: Tariff, name: str) -> Fraction | None:
    """The units that a version commits to in the charge of that name."""
    found = (each.units for each in tariff.charges if isinstance(each, CommitmentCharge) and each.name == name)
    return next(map(Fraction, found), None)


def _used_before(charge: CommitmentCharge, found: Window) -> Decimal:
    return sum((line.quantity for line in found.lines if line.charge == charge.name), Decimal(0))
