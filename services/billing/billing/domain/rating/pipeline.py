"""Usage and tariff versions to charge lines: `rate` and one function for each kind of charge.

Each stretch of a month is priced by the version in force on its days, with lines of its own. Standing charges are
prorated by days; prices and tier bounds never are. Where a tariff's version changes, tiers either restart or continue
from the quantity that the month's earlier stretches used up, as the later version's `on_change` says.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import assert_never

from billing.domain.charge_line import Absence, ChargeKind, ChargeLine, ProratedMonth, TierStep, Working, plain
from billing.domain.terms import TariffPeriod
from billing.domain.usage import MeteredUsage
from shared.contracts.definitions import Charge, GraduatedCharge, Service, StandingCharge, Tier, UnitCharge
from shared.ids import derived_id
from shared.money import format_rate
from shared.period import Month


class UnpricedUnits(ValueError):
    """The tiers end before the usage does: charging for a part of it only would be silent."""


@dataclass(frozen=True, slots=True)
class _Consumed:
    """What one stretch prices: `quantity` units, after `already` used up by earlier stretches of the month."""

    period: TariffPeriod
    already: Decimal
    quantity: Decimal


def rate(
    service: Service, usage: MeteredUsage, tariff_periods: Sequence[TariffPeriod], *, council: str, month: Month
) -> tuple[ChargeLine, ...]:
    """The service's lines for the month, by tariff, then day, then the tariff's own order of charges.

    `tariff_periods` are those of this service, ascending by tariff and day. A usage charge without usage gives a £0.00
    line all the same: councils look for it.
    """
    absence: Absence = "no_usage" if usage.facts_received else "no_data"
    return tuple(
        _line(charge, position, consumed, service=service, council=council, month=month, absence=absence)
        for _, of_tariff in groupby(tariff_periods, key=lambda period: period.tariff.definition.id)
        for consumed in _walk(list(of_tariff), usage)
        for position, charge in enumerate(consumed.period.tariff.definition.charges)
    )


def price_by_tier(tiers: Sequence[Tier], *, already: Decimal, quantity: Decimal) -> tuple[TierStep, ...]:
    """The part of `(already, already + quantity]` that lies in each tier; tier bounds are `(previous, up_to]`.

    Tiers ascend by `up_to` and the last is open. Nothing to price gives one empty step at the tier reached.
    Raises `UnpricedUnits` where tiers do not cover the quantity.
    """
    top = already + quantity
    steps: list[TierStep] = []
    above = Decimal(0)
    for tier in tiers:
        up_to = None if tier.up_to is None else Decimal(tier.up_to)
        inside = (top if up_to is None else min(top, up_to)) - max(above, already)
        if inside > 0:
            steps.append(TierStep(above, up_to, inside, Decimal(tier.price_gbp)))
        elif quantity == 0 and (up_to is None or already < up_to):
            return (TierStep(above, up_to, Decimal(0), Decimal(tier.price_gbp)),)
        above = above if up_to is None else up_to
    priced = sum((step.quantity for step in steps), Decimal(0))
    if priced != quantity:
        raise UnpricedUnits(f"expected tiers for {quantity} units, got them for {priced}")
    return tuple(steps)


def _walk(tariff_periods: Sequence[TariffPeriod], usage: MeteredUsage) -> Iterator[_Consumed]:
    """Each stretch of one tariff with its quantity and what its tiers already hold."""
    already = Decimal(0)
    before: TariffPeriod | None = None
    for period in tariff_periods:
        quantity = usage.between(period.first_day, period.end_day)
        already = already if before is None or _tiers_continue(before, period) else Decimal(0)
        yield _Consumed(period, already, quantity)
        already, before = already + quantity, period


def _tiers_continue(before: TariffPeriod, now: TariffPeriod) -> bool:
    return before.tariff.number == now.tariff.number or now.tariff.definition.on_change == "continue"


def _line(
    charge: Charge,
    position: int,
    consumed: _Consumed,
    *,
    service: Service,
    council: str,
    month: Month,
    absence: Absence,
) -> ChargeLine:
    period = consumed.period
    kind, quantity, unit, workings = _priced(charge, consumed, service=service, month=month)
    return ChargeLine(
        ref=derived_id(
            "charge-line",
            council,
            str(month),
            period.agreement,
            period.tariff.definition.id,
            period.tariff.number,
            period.first_day.isoformat(),
            position,
        ),
        service=service.id,
        agreement=period.agreement,
        tariff=period.tariff.definition.id,
        tariff_version=period.tariff.number,
        charge=charge.name,
        kind=kind,
        first_day=period.first_day,
        end_day=period.end_day,
        narrative=_narrative(workings, service.unit_name) + _days_note(period, month),
        quantity=quantity,
        unit=unit,
        workings=workings,
        absence=absence if kind != "standing" and consumed.quantity == 0 else None,
    )


def _priced(
    charge: Charge, consumed: _Consumed, *, service: Service, month: Month
) -> tuple[ChargeKind, Decimal, str, tuple[Working, ...]]:
    match charge:
        case StandingCharge():
            days = consumed.period.days
            return "standing", Decimal(days), "day", (ProratedMonth(days, month.days, Decimal(charge.monthly_gbp)),)
        case UnitCharge():
            step = TierStep(Decimal(0), None, consumed.quantity, Decimal(charge.price_gbp))
            return "unit", consumed.quantity, service.unit, (step,)
        case GraduatedCharge():
            steps = price_by_tier(charge.tiers, already=consumed.already, quantity=consumed.quantity)
            return "graduated", consumed.quantity, service.unit, steps
        case _:
            assert_never(charge)


def _narrative(workings: tuple[Working, ...], unit_name: str) -> str:
    match workings:
        case (ProratedMonth(days=days, of_days=of_days, price=price),) if days == of_days:
            return f"{format_rate(price)} for the month"
        case (ProratedMonth(days=days, of_days=of_days, price=price),):
            return f"{days} of {of_days} days of {format_rate(price)} a month"
        case (TierStep(quantity=quantity, price=price),):
            return f"{_counted(quantity)} at {format_rate(price)} for each {unit_name}"
        case _:
            quantity = sum((working.quantity for working in workings if isinstance(working, TierStep)), Decimal(0))
            return f"{_counted(quantity)} in {len(workings)} tiers, priced for each {unit_name}"


def _days_note(period: TariffPeriod, month: Month) -> str:
    if period.days == month.days:
        return ""
    last = period.end_day - timedelta(days=1)
    return f", {_dates(period.first_day, last)} (tariff version {period.tariff.number})"


def _dates(first: date, last: date) -> str:
    return f"{first.isoformat()} to {last.isoformat()}"


def _counted(quantity: Decimal) -> str:
    whole, point, decimals = plain(quantity).partition(".")
    return f"{int(whole):,}{point}{decimals}"
