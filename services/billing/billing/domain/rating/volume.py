"""A volume charge: every unit at the price of the one tier in which the whole quantity falls, `(previous, up_to]`."""

from decimal import Decimal

from billing.domain.charge_line import quantity_text
from billing.domain.rating.charge_kind import PeriodUsage, Priced
from billing.domain.rating.graduated import FlatFee, TierStep, UnpricedUnits, fees_note, scaled_tiers
from shared.contracts.charges import VolumeCharge


def price(charge: VolumeCharge, usage: PeriodUsage) -> Priced:
    """The units of the tariff period, at the tier that they reach with the month's earlier ones, where tiers continue.

    What an earlier part was priced at stays so, and so does a fixed part that it paid. Raises `UnpricedUnits` where no
    tier covers the quantity.
    """
    reached = usage.already + usage.quantity
    for above, up_to, tier in scaled_tiers(charge.tiers, usage.share):
        if up_to is None or reached <= up_to:
            step = TierStep(above, up_to, usage.quantity, Decimal(tier.price_gbp))
            fees = () if tier.flat_gbp is None or _is_paid(charge, step, usage) else (_fee(step, tier.flat_gbp),)
            narrative = f"{quantity_text(usage.quantity)} at {step.rate_text} for each {usage.service.unit_name}"
            narrative += _reason(step, reached) + fees_note(fees)
            return Priced(usage.quantity, usage.service.unit, (step, *fees), narrative)
    raise UnpricedUnits(f"expected a tier for {reached} units")


def _fee(step: TierStep, flat_gbp: str) -> FlatFee:
    return FlatFee(step.above, step.up_to, Decimal(flat_gbp))


def _is_paid(charge: VolumeCharge, step: TierStep, usage: PeriodUsage) -> bool:
    """Whether the tier's fixed part is not due: there are no units, or the month's earlier ones have reached it."""
    if charge.zero_usage_flat and not step.above:
        return not usage.opens
    return not usage.quantity or usage.already > step.above


def _reason(step: TierStep, reached: Decimal) -> str:
    if step.up_to is None and not step.above:
        return ""
    return f", the price of {quantity_text(reached)} units in the month ({step.label[0].lower()}{step.label[1:]})"
