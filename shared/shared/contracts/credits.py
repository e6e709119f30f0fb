"""Service credits as agreements define them: what a missed month credits to the council, and its caps.

A shortfall is the objective less the attainment, in percentage points. `shared.contracts.credit_rules` has the rules
between the fields, docs/service-credits.md the calculation.
"""

from typing import Annotated

from msgspec import Meta, Struct

from shared.contracts.scalars import Amount, Id, Percent


class PercentOfCharge(Struct, frozen=True, kw_only=True, tag="percent", tag_field="kind", forbid_unknown_fields=True):
    """A share of the month's charges: of the affected service, or in a council's cap of the whole agreement."""

    percent: Percent


class FixedAmount(Struct, frozen=True, kw_only=True, tag="fixed", tag_field="kind", forbid_unknown_fields=True):
    """The same sum whatever was charged."""

    gbp: Amount


class ServicePoints(Struct, frozen=True, kw_only=True, tag="points", tag_field="kind", forbid_unknown_fields=True):
    """Points, each worth the agreement's `point_gbp`."""

    points: Annotated[int, Meta(ge=1, le=1_000_000)]


Credit = PercentOfCharge | FixedAmount | ServicePoints
Cap = PercentOfCharge | FixedAmount


class Band(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The credit for a shortfall in [shortfall_from, shortfall_below); the last band has no `shortfall_below`."""

    shortfall_from: Percent
    shortfall_below: Percent | None = None
    credit: Credit


class TargetCredit(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The credits for missing one target. Bands ascend without a gap; below the first one nothing is credited.

    Targets of one service that name the same `cause` tend to fail together: only the largest of them is credited.
    One that earned credits in any of the `repeated_within_months` months before credits twice as much.
    """

    target: Id
    bands: Annotated[tuple[Band, ...], Meta(min_length=1)]
    cause: Id | None = None
    repeated_within_months: Annotated[int, Meta(ge=1, le=24)] | None = None


class Rectification(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Service points of an agreement's year with which a plan is due, `due_days` days after the month's end."""

    points: Annotated[int, Meta(ge=1, le=1_000_000)]
    due_days: Annotated[int, Meta(ge=1, le=366)]


class ServiceCredits(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is credited under an agreement. No credit is more than the charge, whatever the caps are.

    Caps apply to each service's month, the council's month, and a year that begins with the agreement's first month.
    """

    targets: Annotated[tuple[TargetCredit, ...], Meta(min_length=1)]
    point_gbp: Amount | None = None
    service_month_cap: Cap | None = None
    council_month_cap: Cap | None = None
    agreement_year_cap_gbp: Amount | None = None
    rectification: Rectification | None = None
