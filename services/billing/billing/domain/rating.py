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

from billing.domain.lines import Absence, ChargeKind, Line, PartMonth, Step, Working, plain
from billing.domain.terms import Stretch
from billing.domain.usage import Metered
from shared.contracts.definitions import Charge, Graduated, Service, Standing, Tier, Unit
from shared.ids import derived_id
from shared.money import format_rate
from shared.period import Month


class UnpricedUnits(ValueError):
    """The tiers end before the usage does: charging for a part of it only would be silent."""


@dataclass(frozen=True, slots=True)
class _Consumed:
    """What one stretch prices: `quantity` units, after `already` used up by earlier stretches of the month."""

    stretch: Stretch
    already: Decimal
    quantity: Decimal


def rate(
    service: Service, usage: Metered, stretches: Sequence[Stretch], *, council: str, month: Month
) -> tuple[Line, ...]:
    """The service's lines for the month, by tariff, then day, then the tariff's own order of charges.

    `stretches` are those of this service, ascending by tariff and day. A usage charge without usage gives a £0.00
    line all the same: councils look for it.
    """
    absence: Absence = "no_usage" if usage.facts_heard else "no_data"
    return tuple(
        _line(charge, position, consumed, service=service, council=council, month=month, absence=absence)
        for _, of_tariff in groupby(stretches, key=lambda stretch: stretch.tariff.definition.id)
        for consumed in _walk(list(of_tariff), usage)
        for position, charge in enumerate(consumed.stretch.tariff.definition.charges)
    )


def climb(tiers: Sequence[Tier], *, already: Decimal, quantity: Decimal) -> tuple[Step, ...]:
    """The part of `(already, already + quantity]` that lies in each tier; tier bounds are `(previous, up_to]`.

    Tiers ascend by `up_to` and the last is open. Nothing to price gives one empty step at the tier reached.
    Raises `UnpricedUnits` where tiers do not cover the quantity.
    """
    top = already + quantity
    steps: list[Step] = []
    above = Decimal(0)
    for tier in tiers:
        up_to = None if tier.up_to is None else Decimal(tier.up_to)
        inside = (top if up_to is None else min(top, up_to)) - max(above, already)
        if inside > 0:
            steps.append(Step(above, up_to, inside, Decimal(tier.price_gbp)))
        elif quantity == 0 and (up_to is None or already < up_to):
            return (Step(above, up_to, Decimal(0), Decimal(tier.price_gbp)),)
        above = above if up_to is None else up_to
    priced = sum((step.quantity for step in steps), Decimal(0))
    if priced != quantity:
        raise UnpricedUnits(f"expected tiers for {quantity} units, got them for {priced}")
    return tuple(steps)


def _walk(stretches: Sequence[Stretch], usage: Metered) -> Iterator[_Consumed]:
    """Each stretch of one tariff with its quantity and what its tiers already hold."""
    already = Decimal(0)
    before: Stretch | None = None
    for stretch in stretches:
        quantity = usage.between(stretch.first_day, stretch.end_day)
        already = already if before is None or _tiers_continue(before, stretch) else Decimal(0)
        yield _Consumed(stretch, already, quantity)
        already, before = already + quantity, stretch


def _tiers_continue(before: Stretch, now: Stretch) -> bool:
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
) -> Line:
    stretch = consumed.stretch
    kind, quantity, unit, workings = _priced(charge, consumed, service=service, month=month)
    return Line(
        ref=derived_id(
            "charge-line",
            council,
            str(month),
            stretch.agreement,
            stretch.tariff.definition.id,
            stretch.tariff.number,
            stretch.first_day.isoformat(),
            position,
        ),
        service=service.id,
        agreement=stretch.agreement,
        tariff=stretch.tariff.definition.id,
        tariff_version=stretch.tariff.number,
        charge=charge.name,
        kind=kind,
        first_day=stretch.first_day,
        end_day=stretch.end_day,
        narrative=_narrative(workings, service.unit_name) + _days_note(stretch, month),
        quantity=quantity,
        unit=unit,
        workings=workings,
        absence=absence if kind != "standing" and consumed.quantity == 0 else None,
    )


def _priced(
    charge: Charge, consumed: _Consumed, *, service: Service, month: Month
) -> tuple[ChargeKind, Decimal, str, tuple[Working, ...]]:
    match charge:
        case Standing():
            days = consumed.stretch.days
            return "standing", Decimal(days), "day", (PartMonth(days, month.days, Decimal(charge.monthly_gbp)),)
        case Unit():
            step = Step(Decimal(0), None, consumed.quantity, Decimal(charge.price_gbp))
            return "unit", consumed.quantity, service.unit, (step,)
        case Graduated():
            steps = climb(charge.tiers, already=consumed.already, quantity=consumed.quantity)
            return "graduated", consumed.quantity, service.unit, steps
        case _:
            assert_never(charge)


def _narrative(workings: tuple[Working, ...], unit_name: str) -> str:
    match workings:
        case (PartMonth(days=days, of_days=of_days, price=price),) if days == of_days:
            return f"{format_rate(price)} for the month"
        case (PartMonth(days=days, of_days=of_days, price=price),):
            return f"{days} of {of_days} days of {format_rate(price)} a month"
        case (Step(quantity=quantity, price=price),):
            return f"{_counted(quantity)} at {format_rate(price)} for each {unit_name}"
        case _:
            quantity = sum((working.quantity for working in workings if isinstance(working, Step)), Decimal(0))
            return f"{_counted(quantity)} in {len(workings)} tiers, priced for each {unit_name}"


def _days_note(stretch: Stretch, month: Month) -> str:
    if stretch.days == month.days:
        return ""
    last = stretch.end_day - timedelta(days=1)
    return f", {_dates(stretch.first_day, last)} (tariff version {stretch.tariff.number})"


def _dates(first: date, last: date) -> str:
    return f"{first.isoformat()} to {last.isoformat()}"


def _counted(quantity: Decimal) -> str:
    whole, point, decimals = plain(quantity).partition(".")
    return f"{int(whole):,}{point}{decimals}"
