"""Rating: the usage of a month and the tariff versions in force become charge lines. The order of things is set here.

1. Quantities come converted to the service's unit, and rounded, by the meter: a price is of whole agreed units.
2. Waived units are taken out, then the month's free units are: what costs nothing must not fill a tier.
3. Each tariff period (days of the month that one tariff version prices) has lines of its own. Tiers restart, or
   continue from what the month's earlier periods used up, as the later version's `on_change` says.
4. Each charge of the tariff is priced by its kind, in the tariff's own order, and rounded once, on its line.
5. Percentage discounts are of what these lines come to, then fixed ones of what is left: the other way round a fixed
   discount would be worth less than its sum.
6. The maximum compares what is left: a council never pays more, and a discount is not lost to it.
7. The minimum tops up what is left, in the last period of its month or year and once that is over: before, nobody
   knows what is lacking.

Service credits and VAT come after all of this, on the statement. A credit is of the charges after discounts and maximum
without the minimum's top-up, and the minimum does not see it: else the minimum would take the credit back.

What is due whatever was used is prorated by days; prices never are, nor tier bounds unless the tariff says so.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from typing import Any

from billing.domain.charge_line import Absence, ChargeLine, Working, working_type
from billing.domain.rating import (
    adjustments,
    allowances,
    annual,
    capacity,
    commitment,
    cost_plus,
    graduated,
    matrix,
    package,
    percentage,
    standing,
    unit,
    volume,
)
from billing.domain.rating.adjustments import LineAdjustment
from billing.domain.rating.charge_kind import PeriodUsage, Priced, YearSoFar
from billing.domain.rating.windows import tiers_continue
from billing.domain.terms import TariffPeriod
from billing.domain.usage import MeteredUsage
from shared.contracts.charges import (
    AnnualCharge,
    CapacityCharge,
    Charge,
    CommitmentCharge,
    CostPlusCharge,
    GraduatedCharge,
    MatrixCharge,
    PackageCharge,
    PercentageCharge,
    StandingCharge,
    UnitCharge,
    VolumeCharge,
)
from shared.contracts.definitions import Service
from shared.ids import derived_id
from shared.log.failures import CodeFailure, attempt
from shared.period import Month

# Each function takes charges of its own type only, which a mapping cannot say: hence Any.
KINDS: Mapping[type, Callable[[Any, PeriodUsage], Priced]] = {
    StandingCharge: standing.price,
    AnnualCharge: annual.price,
    UnitCharge: unit.price,
    PackageCharge: package.price,
    GraduatedCharge: graduated.price,
    VolumeCharge: volume.price,
    CapacityCharge: capacity.price,
    CommitmentCharge: commitment.price,
    PercentageCharge: percentage.price,
    MatrixCharge: matrix.price,
    CostPlusCharge: cost_plus.price,
}


# Every working that a line may have, by the name that the canonical statement gives it.
WORKINGS: Mapping[str, type[Working]] = {
    working_type(each): each
    for each in (
        adjustments.PercentOff,
        adjustments.FixedOff,
        adjustments.AboveMaximum,
        adjustments.TopUp,
        allowances.NotPriced,
        annual.MonthOfYear,
        capacity.Overage,
        commitment.AboveCommitment,
        cost_plus.Cost,
        cost_plus.MarkUp,
        graduated.TierStep,
        graduated.FlatFee,
        matrix.MatrixStep,
        package.Packages,
        percentage.PercentOfAmount,
        percentage.Transactions,
        standing.ProratedMonth,
        unit.UnitPrice,
    )
}


class LineFailed(Exception):
    """Tallystick failed to price one charge of a service. Without its line the total would silently be less."""

    def __init__(self, service: str, charge: str, failure: CodeFailure) -> None:
        super().__init__(f"the line {charge!r} of {service} failed: a bug in Tallystick, {failure}")


def rate(
    service: Service,
    usage: MeteredUsage,
    periods: Sequence[TariffPeriod],
    *,
    council: str,
    month: Month,
    year: YearSoFar | None = None,
    is_over: bool = True,
) -> tuple[ChargeLine, ...]:
    """The service's lines for the month, by tariff, then day, then the tariff's own order of charges.

    `periods` are those of this service, ascending by tariff and day. A usage charge without usage gives a £0.00 line
    all the same: councils look for it. `year` holds the tariff periods of the financial year and the lines of its
    earlier months; a tariff with terms over a year needs them. While the month is not over no minimum is topped up.
    Raises `LineFailed`.
    """
    absence: Absence = "no_usage" if usage.events_received else "no_data"
    known = year or YearSoFar(periods)
    lines: list[ChargeLine] = []
    for tariff, of_tariff in groupby(periods, key=lambda period: period.tariff.definition.id):
        of_year = [period for period in known.periods if period.tariff.definition.id == tariff]
        earlier = [line for line in known.lines if line.tariff == tariff]
        own: list[ChargeLine] = []
        for used, spared in _usage_by_period(service, month, list(of_tariff), usage):
            so_far = replace(used, year=YearSoFar(of_year, (*earlier, *own)))
            own += _lines(so_far, spared, council=council, absence=absence, is_over=is_over)
        lines += own
    return tuple(lines)


def _usage_by_period(
    service: Service, month: Month, periods: Sequence[TariffPeriod], usage: MeteredUsage
) -> Iterator[tuple[PeriodUsage, tuple[allowances.NotPriced, ...]]]:
    """Each period of one tariff with what it prices, and with what it used that is not priced."""
    used = PeriodUsage(service, month, periods[0], Decimal(0), Decimal(0))
    for number, period in enumerate(periods):
        terms, opens = period.tariff.definition.terms, not number or not tiers_continue(periods[number - 1], period)
        counted = allowances.without_waived(usage, terms)
        waived = allowances.waived(usage, period, terms)
        used = PeriodUsage(
            service,
            month,
            period,
            already=Decimal(0) if opens else used.already + used.quantity,
            quantity=counted.between(period.first_day, period.end_day),
            opens=opens,
            share=_share(periods, number, month) if terms.prorate_tiers else Fraction(1),
            details=counted.details_between(period.first_day, period.end_day),
            earlier_details=() if opens else (*used.earlier_details, *used.details),
        )
        priced, free = allowances.without_free(used, terms)
        yield priced, (*waived, *free)


def _share(periods: Sequence[TariffPeriod], number: int, month: Month) -> Fraction:
    """The share of the month in which the tiers of the period run: its own days, and those of its run."""
    first, last = number, number + 1
    while first and tiers_continue(periods[first - 1], periods[first]):
        first -= 1
    while last < len(periods) and tiers_continue(periods[last - 1], periods[last]):
        last += 1
    return Fraction(sum(period.days for period in periods[first:last]), month.days)


def _lines(
    usage: PeriodUsage,
    spared: Sequence[allowances.NotPriced],
    *,
    council: str,
    absence: Absence,
    is_over: bool,
) -> list[ChargeLine]:
    """The lines of the period's charges, and of what changes their sum."""
    definition = usage.period.tariff.definition
    lines = [
        _line_or_failure(charge, position, usage, spared, council=council, absence=absence)
        for position, charge in enumerate(definition.charges)
    ]
    terms = definition.terms
    for position, discount in enumerate(adjustments.discounts(terms, usage, _sum(lines))):
        lines.append(_adjusted(discount, f"discount-{position}", usage, council))
    if terms.maximum is not None:
        lines.append(_adjusted(adjustments.maximum(terms.maximum, usage, _sum(lines)), "maximum", usage, council))
    if terms.minimum is not None and is_over:
        top_up = adjustments.minimum(terms.minimum, usage, _sum(lines))
        lines += [] if top_up is None else [_adjusted(top_up, "minimum", usage, council)]
    return lines


def _sum(lines: Sequence[ChargeLine]) -> int:
    return sum(line.amount_pence for line in lines)


def _line_or_failure(
    charge: Charge,
    position: int,
    usage: PeriodUsage,
    spared: Sequence[allowances.NotPriced],
    *,
    council: str,
    absence: Absence,
) -> ChargeLine:
    line = attempt(_line, charge, position, usage, spared, council=council, absence=absence)
    if isinstance(line, CodeFailure):
        raise LineFailed(usage.service.name, charge.name, line)
    return line


def _line(
    charge: Charge,
    position: int,
    usage: PeriodUsage,
    spared: Sequence[allowances.NotPriced],
    *,
    council: str,
    absence: Absence,
) -> ChargeLine:
    priced = KINDS[type(charge)](charge, usage)
    is_absent = priced.counts_usage and usage.quantity == 0 and not spared
    return _of_period(
        Priced(
            priced.quantity,
            priced.unit,
            (*priced.workings, *(spared if priced.counts_usage else ())),
            priced.narrative,
            priced.counts_usage,
        ),
        usage,
        council=council,
        position=position,
        name=charge.name,
        kind=str(charge.__struct_config__.tag),
        absence=absence if is_absent else None,
    )


def _adjusted(adjustment: LineAdjustment, position: str, usage: PeriodUsage, council: str) -> ChargeLine:
    days = Decimal(usage.period.days)
    priced = Priced(days, "day", (adjustment.working,), adjustment.narrative, counts_usage=False)
    return _of_period(
        priced, usage, council=council, position=position, name=adjustment.name, kind=adjustment.kind, absence=None
    )


def _of_period(
    priced: Priced,
    usage: PeriodUsage,
    *,
    council: str,
    position: int | str,
    name: str,
    kind: str,
    absence: Absence | None,
) -> ChargeLine:
    period, tariff = usage.period, usage.period.tariff
    first_day = period.first_day.isoformat()
    where = (str(usage.month), period.agreement, tariff.definition.id, tariff.number, first_day, position)
    return ChargeLine(
        ref=derived_id("charge-line", council, *where),
        service=usage.service.id,
        agreement=period.agreement,
        tariff=tariff.definition.id,
        tariff_version=tariff.number,
        charge=name,
        kind=kind,
        first_day=period.first_day,
        end_day=period.end_day,
        narrative=priced.narrative + _days_note(period, usage.month),
        quantity=priced.quantity,
        unit=priced.unit,
        workings=priced.workings,
        counts_usage=priced.counts_usage,
        absence=absence,
    )


def _days_note(period: TariffPeriod, month: Month) -> str:
    if period.days == month.days:
        return ""
    last_day = period.end_day - timedelta(days=1)
    return f", {period.first_day} to {last_day} (tariff version {period.tariff.number})"
