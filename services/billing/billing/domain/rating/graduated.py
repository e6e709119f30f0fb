"""A graduated charge: each unit at the price of the tier it falls in. Tier bounds are `(previous, up_to]`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from billing.domain.charge_line import plain, quantity_text
from billing.domain.rating.charge_kind import PeriodUsage, Priced, to_quantity
from billing.domain.rating.units_at_price import UnitsAtPrice
from shared.contracts.charges import GraduatedCharge, Tier
from shared.money import format_rate

_WHOLE = Fraction(1)


class UnpricedUnits(ValueError):
    """The tiers end before the usage does: charging for a part of it only would be silent."""


@dataclass(frozen=True, slots=True)
class TierStep(UnitsAtPrice):
    """`quantity` units out of those above `above`, up to and including `up_to` (None: no end), at `price` each."""

    above: Decimal
    up_to: Decimal | None
    quantity: Decimal
    price: Decimal

    @property
    def label(self) -> str:
        return tier_label(self.above, self.up_to)

    @property
    def formula(self) -> str:
        if self.up_to is None and not self.above:
            return self.product
        return f"above {plain(self.above)} to {'no limit' if self.up_to is None else plain(self.up_to)}: {self.product}"


@dataclass(frozen=True, slots=True)
class FlatFee:
    """The fixed `price` of the tier above `above` units, up to and including `up_to` (None: no end), once a month."""

    above: Decimal
    up_to: Decimal | None
    price: Decimal

    @property
    def amount(self) -> Fraction:
        """Exact pounds: the price."""
        return Fraction(self.price)

    @property
    def label(self) -> str:
        tier = tier_label(self.above, self.up_to)
        return f"Fixed part, {tier[0].lower()}{tier[1:]}"

    @property
    def quantity_text(self) -> str:
        return "once"

    @property
    def rate_text(self) -> str:
        return format_rate(self.price)

    @property
    def formula(self) -> str:
        return f"above {plain(self.above)}: {plain(self.price)} once"


def tier_label(above: Decimal, up_to: Decimal | None) -> str:
    """A tier for people: `Up to 10`, `Above 10 and up to 20`, `Above 20`, `All`."""
    from_ = f"Above {quantity_text(above)}"
    if up_to is None:
        return from_ if above else "All"
    until = f"p to {quantity_text(up_to)}"
    return f"{from_} and u{until}" if above else f"U{until}"


def price(charge: GraduatedCharge, usage: PeriodUsage) -> Priced:
    """The units of the tariff period, tier by tier, from where the month's earlier usage left off.

    With them the fixed part of every tier that they are the first to reach; none where there are no units, unless the
    charge has `zero_usage_flat`. Fewer than no units are given back at the prices that they were priced at.
    """
    steps = price_by_tier(charge.tiers, already=usage.already, quantity=usage.quantity, share=usage.share)
    fees = _fees(charge, usage)
    at = f"at {steps[0].rate_text}" if len(steps) == 1 else f"in {len(steps)} tiers, priced"
    narrative = f"{quantity_text(usage.quantity)} {at} for each {usage.service.unit_name}"
    return Priced(usage.quantity, usage.service.unit, (*steps, *fees), narrative + fees_note(fees))


def fees_note(fees: Sequence[FlatFee]) -> str:
    """What a narrative says of fixed parts; nothing where there are none."""
    if not fees:
        return ""
    total = format_rate(sum((fee.price for fee in fees), Decimal(0)))
    return f", and a fixed part of {total}" if len(fees) == 1 else f", and {len(fees)} fixed parts, {total} in all"


def price_by_tier(
    tiers: Sequence[Tier], *, already: Decimal, quantity: Decimal, share: Fraction = _WHOLE
) -> tuple[TierStep, ...]:
    """The part of `(already, already + quantity]` that lies in each tier, below 0 for a quantity below 0.

    Tiers ascend by `up_to` and the last is open; units below 0 are of the first. Bounds are scaled by `share`. Nothing
    to price gives one empty step at the tier reached. Raises `UnpricedUnits` where tiers do not cover the quantity.
    """
    low, high = sorted((already, already + quantity))
    steps: list[TierStep] = []
    for above, up_to, tier in scaled_tiers(tiers, share):
        begins = max(above, low) if above else low
        inside = (high if up_to is None else min(high, up_to)) - begins
        if inside > 0:
            steps.append(TierStep(above, up_to, inside.copy_sign(quantity), Decimal(tier.price_gbp)))
        elif quantity == 0 and (up_to is None or already < up_to):
            return (TierStep(above, up_to, Decimal(0), Decimal(tier.price_gbp)),)
    priced = sum((step.quantity for step in steps), Decimal(0))
    if priced != quantity:
        raise UnpricedUnits(f"expected tiers for {quantity} units, got them for {priced}")
    return tuple(steps)


def scaled_tiers(tiers: Sequence[Tier], share: Fraction) -> Iterator[tuple[Decimal, Decimal | None, Tier]]:
    """Each tier with its bounds `(above, up_to]`, scaled by `share`."""
    above = Decimal(0)
    for tier in tiers:
        up_to = None if tier.up_to is None else to_quantity(tier.up_to * share)
        yield above, up_to, tier
        above = above if up_to is None else up_to


def _fees(charge: GraduatedCharge, usage: PeriodUsage) -> tuple[FlatFee, ...]:
    """The fixed parts of the tiers that the period's units are the first to reach."""
    reached = usage.already + usage.quantity
    return tuple(
        FlatFee(above, up_to, Decimal(tier.flat_gbp))
        for above, up_to, tier in scaled_tiers(charge.tiers, usage.share)
        if tier.flat_gbp is not None
        and (usage.opens if charge.zero_usage_flat and not above else usage.already <= above < reached)
    )
