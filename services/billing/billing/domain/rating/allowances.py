"""What is used and not priced: waived units, by their cause code, and then the month's free units."""

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from billing.domain.charge_line import plain, quantity_text
from billing.domain.rating.charge_kind import PeriodUsage, accepts
from billing.domain.terms import TariffPeriod
from billing.domain.usage import MeteredUsage, UsageDetail
from shared.contracts.charges import ChargeTerms
from shared.money import format_rate

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class NotPriced:
    """`quantity` units that cost nothing; `label` says why."""

    label: str
    quantity: Decimal

    @property
    def amount(self) -> Fraction:
        """Nothing."""
        return Fraction(0)

    @property
    def quantity_text(self) -> str:
        return quantity_text(self.quantity)

    @property
    def rate_text(self) -> str:
        return format_rate(_NOTHING)

    @property
    def formula(self) -> str:
        return f"{self.label}: {plain(self.quantity)} x 0"


def without_waived(usage: MeteredUsage, terms: ChargeTerms) -> MeteredUsage:
    """The usage less what any waiver accepts. Of events without attributes nothing is waived."""
    if not terms.waivers:
        return usage
    by_day, kept = dict(usage.by_day), []
    for detail in usage.details:
        if _waiver(detail, terms) is None:
            kept.append(detail)
        else:
            by_day[detail.day] = by_day.get(detail.day, _NOTHING) - detail.quantity
    return replace(usage, by_day=by_day, details=tuple(kept))


def waived(usage: MeteredUsage, period: TariffPeriod, terms: ChargeTerms) -> tuple[NotPriced, ...]:
    """What each waiver takes out of the period, by its name; of two that accept an event the first takes it."""
    sums: dict[str, Decimal] = {}
    for detail in usage.details_between(period.first_day, period.end_day) if terms.waivers else ():
        if (name := _waiver(detail, terms)) is not None:
            sums[name] = sums.get(name, _NOTHING) + detail.quantity
    return tuple(
        NotPriced(f"Waived: {waiver.name}", sums[waiver.name]) for waiver in terms.waivers if waiver.name in sums
    )


def without_free(usage: PeriodUsage, terms: ChargeTerms) -> tuple[PeriodUsage, tuple[NotPriced, ...]]:
    """The usage above the month's free units, and how many of them the period used."""
    if terms.free_units is None:
        return usage, ()
    free = usage.scaled(terms.free_units)
    already = _above(usage.already, free)
    quantity = _above(usage.already + usage.quantity, free) - already
    used = usage.quantity - quantity
    return replace(usage, already=already, quantity=quantity), (NotPriced("Free units", used),) if used else ()


def _above(quantity: Decimal, free: Decimal) -> Decimal:
    """What is left of a quantity; one below 0 stays, so that nothing given back is lost."""
    return quantity - free if quantity > free else min(quantity, _NOTHING)


def _waiver(detail: UsageDetail, terms: ChargeTerms) -> str | None:
    return next((waiver.name for waiver in terms.waivers if accepts(waiver.when, detail)), None)
