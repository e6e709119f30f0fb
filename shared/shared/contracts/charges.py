"""Charges as tariffs write them: one type for each kind, named by its `kind`.

`catalogue.domain.charge_rules` has the rules between the fields, docs/tariffs.md a worked example of each kind,
`billing.domain.rating` the calculation.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared.contracts.scalars import END_OF_TEXT, Amount, Id, Percent, Title

Units = Annotated[int, Meta(ge=1, le=1_000_000_000)]
PercentRate = Annotated[
    str,
    Meta(pattern=r"^[0-9]{1,4}(\.[0-9]{1,6})?" + END_OF_TEXT, description="a percentage as a decimal string: '2.5'"),
]
Accepted = Annotated[
    dict[str, tuple[str, ...]],
    Meta(
        min_length=1,
        max_length=8,
        description="attribute → accepted values; `priority` and `outcome` are attributes too",
    ),
]
Over = Literal["month", "financial-year"]


class NamedCharge(Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True, forbid_unknown_fields=True):
    """What every charge and discount has: the name under which statements show it."""

    name: Title


class StandingCharge(NamedCharge, frozen=True, kw_only=True, tag="standing"):
    """A fixed charge for each month, prorated by days for a part month."""

    monthly_gbp: Amount


class AnnualCharge(NamedCharge, frozen=True, kw_only=True, tag="annual"):
    """A fixed charge for each financial year, spread over its months so that twelve whole ones sum to it exactly.

    A part month pays its days' share of the month.
    """

    annual_gbp: Amount


class UnitCharge(NamedCharge, frozen=True, kw_only=True, tag="unit"):
    """One price for every unit."""

    price_gbp: Amount


class PackageCharge(NamedCharge, frozen=True, kw_only=True, tag="package"):
    """One price for every package of `size` units that was begun in the month."""

    size: Units
    price_gbp: Amount


class CapacityCharge(NamedCharge, frozen=True, kw_only=True, tag="capacity"):
    """A fixed charge for each month that `included` units come with, and a price for every unit above them.

    For a part month the fixed charge is prorated by days; the units that come with it are not.
    """

    monthly_gbp: Amount
    included: Units
    overage_gbp: Amount


class Tier(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Units above the tier before it, up to and including `up_to`; the last tier has none and is open.

    `flat_gbp` is paid once in a month that reaches the tier, beside the price of its units.
    """

    price_gbp: Amount
    flat_gbp: Amount | None = None
    up_to: Annotated[int, Meta(ge=1)] | None = None


class GraduatedCharge(NamedCharge, frozen=True, kw_only=True, tag="graduated"):
    """Each unit at the price of the tier it falls in. Tiers ascend; the last is open.

    With `zero_usage_flat` the first tier's fixed part is paid in a month without units, too.
    """

    tiers: Annotated[tuple[Tier, ...], Meta(min_length=1)]
    zero_usage_flat: bool = False


class VolumeCharge(NamedCharge, frozen=True, kw_only=True, tag="volume"):
    """Every unit at the price of the one tier in which the month's quantity falls. Tiers ascend; the last is open.

    A unit more may cost less in all, where it reaches a cheaper tier: the catalogue warns of it. `zero_usage_flat` as
    for graduated tiers.
    """

    tiers: Annotated[tuple[Tier, ...], Meta(min_length=1)]
    zero_usage_flat: bool = False


class CommitmentCharge(NamedCharge, frozen=True, kw_only=True, tag="commitment"):
    """`units` at `price_gbp` that are paid whether they are used or not, and a price for every unit above them.

    Over a month, or over a financial year: then the committed units are paid in twelve parts that sum to them exactly,
    and a unit is above them once the year's usage is. For a part month both money and units are prorated by days.
    """

    units: Units
    over: Over
    price_gbp: Amount
    overage_gbp: Amount


class PercentageCharge(
    Struct,
    frozen=True,
    kw_only=True,
    tag="percentage",
    tag_field="kind",
    omit_defaults=True,
    forbid_unknown_fields=True,
):
    """A share of the amount of each transaction, and `fixed_gbp` beside it; both within a minimum and a maximum.

    The amount is the attribute `amount_from`, in pounds: `value` is the item's own value. The first `free_events`
    transactions of a month cost nothing, then the first `free_gbp` of the amounts of those after them.
    """

    name: Title
    percent: PercentRate
    amount_from: Id = "value"
    fixed_gbp: Amount | None = None
    minimum_gbp: Amount | None = None
    maximum_gbp: Amount | None = None
    free_events: Units | None = None
    free_gbp: Amount | None = None


class MatrixPrice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The price of a unit whose attributes are all accepted by `when`."""

    when: Accepted
    price_gbp: Amount


class MatrixCharge(NamedCharge, frozen=True, kw_only=True, tag="matrix"):
    """Each unit at the price of the first row that its attributes match, and at `otherwise_gbp` where none does."""

    prices: Annotated[tuple[MatrixPrice, ...], Meta(min_length=1, max_length=200)]
    otherwise_gbp: Amount


class CostPlusCharge(NamedCharge, frozen=True, kw_only=True, tag="cost-plus"):
    """What the provider spent, and `markup_percent` of it: the amounts of the month's transactions in `cost_from`."""

    markup_percent: PercentRate
    cost_from: Id = "value"


class Waiver(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units that no charge of the tariff counts: those whose attributes `when` accepts, such as a cause code."""

    name: Title
    when: Accepted


class PercentageDiscount(NamedCharge, frozen=True, kw_only=True, tag="percent"):
    """A share of what the tariff's charges come to."""

    percent: Percent


class FixedDiscount(NamedCharge, frozen=True, kw_only=True, tag="fixed"):
    """So much a month, prorated by days; never more than is left to pay."""

    monthly_gbp: Amount


class ChargeLimit(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The most, or the least, that a tariff comes to over a month or a financial year, prorated by days."""

    gbp: Amount
    over: Over = "month"


class ChargeTerms(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What applies to all charges of a tariff, in the order of `billing.domain.rating.pipeline`.

    `waivers` and then `free_units` reduce the quantity that is priced; `discounts`, `maximum` and `minimum` change
    what the charges come to. With `prorate_tiers`, a part month prorates tier bounds, included and free units by days.
    """

    waivers: Annotated[tuple[Waiver, ...], Meta(max_length=20)] = ()
    free_units: Units | None = None
    prorate_tiers: bool = False
    discounts: Annotated[tuple[PercentageDiscount | FixedDiscount, ...], Meta(max_length=20)] = ()
    maximum: ChargeLimit | None = None
    minimum: ChargeLimit | None = None


NO_TERMS = ChargeTerms()
Charge = (
    StandingCharge
    | AnnualCharge
    | UnitCharge
    | PackageCharge
    | GraduatedCharge
    | VolumeCharge
    | CapacityCharge
    | CommitmentCharge
    | PercentageCharge
    | MatrixCharge
    | CostPlusCharge
)
