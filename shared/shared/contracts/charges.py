"""Charges as tariffs write them: one type for each kind, named by its `kind`.

`catalogue.domain.charge_rules` has the rules between the fields, docs/tariffs.md a worked example of each kind,
`billing.domain.rating` the calculation.
"""

from typing import Annotated

from msgspec import Meta, Struct

from shared.contracts.scalars import Amount, Title


class StandingCharge(Struct, frozen=True, kw_only=True, tag="standing", tag_field="kind", forbid_unknown_fields=True):
    """A fixed charge for each month, prorated by days for a part month."""

    name: Title
    monthly_gbp: Amount


class AnnualCharge(Struct, frozen=True, kw_only=True, tag="annual", tag_field="kind", forbid_unknown_fields=True):
    """A fixed charge for each financial year, spread over its months so that twelve whole ones sum to it exactly.

    A part month pays its days' share of the month.
    """

    name: Title
    annual_gbp: Amount


class UnitCharge(Struct, frozen=True, kw_only=True, tag="unit", tag_field="kind", forbid_unknown_fields=True):
    """One price for every unit."""

    name: Title
    price_gbp: Amount


class PackageCharge(Struct, frozen=True, kw_only=True, tag="package", tag_field="kind", forbid_unknown_fields=True):
    """One price for every package of `size` units that was begun in the month."""

    name: Title
    size: Annotated[int, Meta(ge=1, le=1_000_000_000)]
    price_gbp: Amount


class CapacityCharge(Struct, frozen=True, kw_only=True, tag="capacity", tag_field="kind", forbid_unknown_fields=True):
    """A fixed charge for each month that `included` units come with, and a price for every unit above them.

    For a part month the fixed charge is prorated by days; the units that come with it are not.
    """

    name: Title
    monthly_gbp: Amount
    included: Annotated[int, Meta(ge=1, le=1_000_000_000)]
    overage_gbp: Amount


class Tier(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Units above the tier before it, up to and including `up_to`; the last tier has none and is open.

    `flat_gbp` is paid once in a month that reaches the tier, beside the price of its units.
    """

    price_gbp: Amount
    flat_gbp: Amount | None = None
    up_to: Annotated[int, Meta(ge=1)] | None = None


class GraduatedCharge(Struct, frozen=True, kw_only=True, tag="graduated", tag_field="kind", forbid_unknown_fields=True):
    """Each unit at the price of the tier it falls in. Tiers ascend; the last is open."""

    name: Title
    tiers: Annotated[tuple[Tier, ...], Meta(min_length=1)]


class VolumeCharge(Struct, frozen=True, kw_only=True, tag="volume", tag_field="kind", forbid_unknown_fields=True):
    """Every unit at the price of the one tier in which the month's quantity falls. Tiers ascend; the last is open.

    A unit more may cost less in all, where it reaches a cheaper tier.
    """

    name: Title
    tiers: Annotated[tuple[Tier, ...], Meta(min_length=1)]


Charge = StandingCharge | AnnualCharge | UnitCharge | PackageCharge | GraduatedCharge | VolumeCharge | CapacityCharge
