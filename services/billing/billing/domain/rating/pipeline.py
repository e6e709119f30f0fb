"""Rating: the usage of a month and the tariff versions in force become charge lines. The order of things is set here.

1. Each tariff period (days of the month that one tariff version prices) has lines of its own.
2. Its usage is the quantity of its days; tiers either restart or continue from the quantity that the month's earlier
   periods used up, as the later version's `on_change` says.
3. Each charge of the tariff is priced by its kind, in the tariff's own order, and rounded once, on its line.

What is due whatever was used is prorated by days; prices, tier bounds and included units never are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from billing.domain.charge_line import Absence, ChargeLine
from billing.domain.rating import annual, capacity, graduated, package, standing, unit, volume
from billing.domain.rating.charge_kind import PeriodUsage, Priced
from billing.domain.terms import TariffPeriod
from billing.domain.usage import MeteredUsage
from shared.contracts.charges import (
    AnnualCharge,
    CapacityCharge,
    Charge,
    GraduatedCharge,
    PackageCharge,
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
}


class LineFailed(Exception):
    """Tallystick failed to price one charge of a service. Without its line the total would silently be less."""

    def __init__(self, service: str, charge: str, failure: CodeFailure) -> None:
        super().__init__(f"the line {charge!r} of {service} failed: a bug in Tallystick, {failure}")


def rate(
    service: Service, usage: MeteredUsage, periods: Sequence[TariffPeriod], *, council: str, month: Month
) -> tuple[ChargeLine, ...]:
    """The service's lines for the month, by tariff, then day, then the tariff's own order of charges.

    `periods` are those of this service, ascending by tariff and day. A usage charge without usage gives a £0.00 line
    all the same: councils look for it. Raises `LineFailed`.
    """
    absence: Absence = "no_usage" if usage.events_received else "no_data"
    return tuple(
        _line_or_failure(charge, position, used, council=council, absence=absence)
        for _, of_tariff in groupby(periods, key=lambda period: period.tariff.definition.id)
        for used in _usage_by_period(service, month, list(of_tariff), usage)
        for position, charge in enumerate(used.period.tariff.definition.charges)
    )


def _usage_by_period(
    service: Service, month: Month, periods: Sequence[TariffPeriod], usage: MeteredUsage
) -> Iterator[PeriodUsage]:
    """Each period of one tariff with its quantity and what its tiers already hold."""
    already = Decimal(0)
    before: TariffPeriod | None = None
    for period in periods:
        quantity = usage.between(period.first_day, period.end_day)
        already = already if before is None or _tiers_continue(before, period) else Decimal(0)
        yield PeriodUsage(service, month, period, already, quantity)
        already, before = already + quantity, period


def _tiers_continue(before: TariffPeriod, now: TariffPeriod) -> bool:
    return before.tariff.number == now.tariff.number or now.tariff.definition.on_change == "continue"


def _line_or_failure(
    charge: Charge, position: int, usage: PeriodUsage, *, council: str, absence: Absence
) -> ChargeLine:
    line = attempt(_line, charge, position, usage, council=council, absence=absence)
    if isinstance(line, CodeFailure):
        raise LineFailed(usage.service.name, charge.name, line)
    return line


def _line(charge: Charge, position: int, usage: PeriodUsage, *, council: str, absence: Absence) -> ChargeLine:
    period, tariff = usage.period, usage.period.tariff
    priced = KINDS[type(charge)](charge, usage)
    ref = derived_id(
        "charge-line",
        council,
        str(usage.month),
        period.agreement,
        tariff.definition.id,
        tariff.number,
        period.first_day.isoformat(),
        position,
    )
    return ChargeLine(
        ref=ref,
        service=usage.service.id,
        agreement=period.agreement,
        tariff=tariff.definition.id,
        tariff_version=tariff.number,
        charge=charge.name,
        kind=str(charge.__struct_config__.tag),
        first_day=period.first_day,
        end_day=period.end_day,
        narrative=priced.narrative + _days_note(period, usage.month),
        quantity=priced.quantity,
        unit=priced.unit,
        workings=priced.workings,
        counts_usage=priced.counts_usage,
        absence=absence if priced.counts_usage and usage.quantity == 0 else None,
    )


def _days_note(period: TariffPeriod, month: Month) -> str:
    if period.days == month.days:
        return ""
    last_day = period.end_day - timedelta(days=1)
    return f", {period.first_day} to {last_day} (tariff version {period.tariff.number})"
