"""What is wrong with the charges of a tariff, and what a reader should know of them before it is signed.

Tiers are written as ascending upper bounds, (previous, up_to], so that gaps and overlaps cannot be written. What can
be wrong is the order, a bound that comes twice, an open tier before the last, or no price for the units above the last.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from shared.contracts.charges import (
    AnnualCharge,
    ChargeTerms,
    CostPlusCharge,
    GraduatedCharge,
    MatrixCharge,
    PercentageCharge,
    PercentageDiscount,
    StandingCharge,
    VolumeCharge,
)
from shared.contracts.definitions import Tariff
from shared.contracts.uplift import uplift_faults
from shared.faults import Fault, repeats
from shared.money import format_rate

# They price time, or amounts of money.
_COUNT_NO_UNITS = (StandingCharge, AnnualCharge, PercentageCharge, CostPlusCharge)
_MAX_UNITS = 1_000_000_000_000
_WHOLE_PERCENT = 100
_UNIT = 1


def tariff_faults(tariff: Tariff) -> Iterator[Fault]:
    names = [charge.name for charge in tariff.charges]
    yield from (Fault(("charges", index, "name"), "is the name of an earlier charge") for index in repeats(names))
    for index, charge in enumerate(tariff.charges):
        match charge:
            case GraduatedCharge() | VolumeCharge():
                found = _tier_faults(charge)
            case PercentageCharge():
                found = _percentage_faults(charge)
            case MatrixCharge():
                found = _matrix_faults(charge)
            case _:
                continue
        yield from (fault.below("charges", index) for fault in found)
    yield from (fault.below("terms") for fault in _terms_faults(tariff.terms, tariff))
    yield from uplift_faults(tariff)


def tariff_warnings(tariff: Tariff) -> Iterator[Fault]:
    """Where a unit more costs less: each bound of volume tiers at which the month's price falls."""
    for index, charge in enumerate(tariff.charges):
        if isinstance(charge, VolumeCharge):
            yield from (fault.below("charges", index, "tiers") for fault in _cliffs(charge))


def _tier_faults(charge: GraduatedCharge | VolumeCharge) -> Iterator[Fault]:
    *bounded, last = charge.tiers
    at = "tiers"
    if last.up_to is not None:
        yield Fault((at, len(bounded), "up_to"), "the last tier must be open: units above have no price")
    bound = 0
    for index, tier in enumerate(bounded):
        if tier.up_to is None:
            yield Fault((at, index, "up_to"), "only the last tier is open: the tiers after it would never be reached")
        elif tier.up_to <= bound:
            yield Fault((at, index, "up_to"), "expected more than the bound of the tier before")
        elif tier.up_to > _MAX_UNITS:
            yield Fault((at, index, "up_to"), f"expected at most {_MAX_UNITS}")
        else:
            bound = tier.up_to
    if charge.zero_usage_flat and charge.tiers[0].flat_gbp is None:
        yield Fault(("zero_usage_flat",), "has no effect: the first tier has no flat_gbp")


def _cliffs(charge: VolumeCharge) -> Iterator[Fault]:
    for index, (tier, following) in enumerate(zip(charge.tiers, charge.tiers[1:], strict=False)):
        if tier.up_to is None:
            continue
        most = tier.up_to * Decimal(tier.price_gbp) + Decimal(tier.flat_gbp or 0)
        next_ = (tier.up_to + _UNIT) * Decimal(following.price_gbp) + Decimal(following.flat_gbp or 0)
        if next_ < most:
            yield Fault(
                (index, "up_to"),
                f"{tier.up_to:,} units cost {format_rate(most)} and {tier.up_to + _UNIT:,} cost {format_rate(next_)}:"
                " a unit more costs less; graduated tiers never do",
            )


def _percentage_faults(charge: PercentageCharge) -> Iterator[Fault]:
    if Decimal(charge.percent) > _WHOLE_PERCENT:
        yield Fault(("percent",), "expected at most 100")
    least, most = charge.minimum_gbp, charge.maximum_gbp
    if least is not None and most is not None and Decimal(least) > Decimal(most):
        yield Fault(("minimum_gbp",), "expected at most maximum_gbp")


def _matrix_faults(charge: MatrixCharge) -> Iterator[Fault]:
    for index, row in enumerate(charge.prices):
        yield from (fault.below("prices", index, "when") for fault in _accepted_faults(row.when))
        if any(_covers(earlier.when, row.when) for earlier in charge.prices[:index]):
            yield Fault(("prices", index), "is never reached: a row before it accepts all that it does")


def _accepted_faults(when: Mapping[str, Sequence[str]]) -> Iterator[Fault]:
    for name, values in when.items():
        if not values:
            yield Fault((name,), "expected at least one value")
        yield from (Fault((name, index), "is listed twice") for index in repeats(values))


def _covers(wider: Mapping[str, Sequence[str]], narrower: Mapping[str, Sequence[str]]) -> bool:
    return all(name in narrower and set(narrower[name]) <= set(values) for name, values in wider.items())


def _terms_faults(terms: ChargeTerms, tariff: Tariff) -> Iterator[Fault]:
    for index, waiver in enumerate(terms.waivers):
        yield from (fault.below("waivers", index, "when") for fault in _accepted_faults(waiver.when))
    for name in ("waivers", "discounts"):
        titles = [each.name for each in getattr(terms, name)]
        yield from (Fault((name, index, "name"), "is the name of an earlier one") for index in repeats(titles))
    percents = [Decimal(each.percent) for each in terms.discounts if isinstance(each, PercentageDiscount)]
    if sum(percents) > _WHOLE_PERCENT:
        yield Fault(("discounts",), "expected percentages of at most 100 together")
    yield from _limit_faults(terms)
    if terms.free_units is None:
        return
    if any(isinstance(charge, MatrixCharge) for charge in tariff.charges):
        yield Fault(("free_units",), "cannot be with a matrix: which of its units would be free is not said")
    elif all(isinstance(charge, _COUNT_NO_UNITS) for charge in tariff.charges):
        yield Fault(("free_units",), "has no effect: no charge of the tariff prices units")


def _limit_faults(terms: ChargeTerms) -> Iterator[Fault]:
    least, most = terms.minimum, terms.maximum
    if least is None or most is None:
        return
    if least.over == most.over and Decimal(least.gbp) > Decimal(most.gbp):
        yield Fault(("minimum", "gbp"), "expected at most the maximum")
