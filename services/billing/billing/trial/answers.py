"""The answers to plain questions: each by the function that makes statements, exact and rounded."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from billing.domain.charge_line import plain
from billing.domain.credits.limits import cap_pence
from billing.domain.metering import london_day
from billing.domain.meters import MeteredEvent, QuantityRounding, left_out, rounding_of, sum_exactly, units_by_day
from billing.domain.vat import VatTotal, invoices_needed, vat_totals
from billing.trial.questions import (
    Aggregation,
    Booking,
    Conversion,
    CreditCap,
    DaysBetween,
    Difference,
    MeteredReading,
    PriceUplift,
    Prorate,
    RoundAmount,
    Split,
    Spread,
    TariffQuestion,
    VatNet,
)
from shared.contracts.credits import FixedAmount
from shared.contracts.uplift import index_change, raised_price
from shared.instants import epoch_s, epoch_us
from shared.money import allocate, exact_text, half_up, pence, plain_gbp
from shared.period import LONDON, Month, month_of_day
from shared.written_time import read_time

_WEIGHT_PARTS = 10**12
_EXACT = Context(prec=80)  # far more than any rounding looks at
_DATE_LENGTH = len("2026-01-01")
# What an answer says of itself: its type is that of its question.
Fields = dict[str, Any]


class TariffAnswer(Struct, frozen=True):
    """The answer to the question of that `id`; `kind` is its name, and the fields of `answer` are its own."""

    id: str | None
    kind: str
    answer: Fields


def answer_to(question: TariffQuestion, zone: ZoneInfo) -> TariffAnswer:
    """The answer to a question that is right; days are those of `zone` unless it names another."""
    ((name, asked),) = question.asked.items()
    return TariffAnswer(question.id, name, _ANSWERED[name](asked, zone))


def _amount(amount_pence: int) -> Fields:
    return {"pence": amount_pence, "gbp": plain_gbp(amount_pence)}


def _exact(pounds: Fraction) -> Fields:
    return {"exact_gbp": exact_text(pounds), **_amount(pence(pounds))}


def _split(split: Split, _: ZoneInfo) -> Fields:
    weights = {name: int(Decimal(weight) * _WEIGHT_PARTS) for name, weight in split.weights.items()}
    total, whole = pence(Decimal(split.total_gbp)), sum(weights.values())
    shares = allocate(total, weights)
    exact = {name: Fraction(total * weight, 100 * whole) for name, weight in weights.items()}
    rows = [{"name": name, "exact_gbp": exact_text(exact[name]), **_amount(shares[name])} for name in weights]
    return {"shares": rows, "total": _amount(sum(shares.values()))}


def _spread(spread: Spread, _: ZoneInfo) -> Fields:
    whole = Fraction(spread.annual_gbp)
    until = [pence(whole * part / spread.parts) for part in range(spread.parts + 1)]
    parts = [_amount(until[part + 1] - until[part]) for part in range(spread.parts)]
    return {"parts": parts, "total": _amount(until[-1])}


def _prorate(prorate: Prorate, _: ZoneInfo) -> Fields:
    month = month_of_day(prorate.starts)
    starts = prorate.of_starts or month.first_day
    ends = prorate.of_ends or month.next.first_day
    days, of_days = (prorate.ends - prorate.starts).days, (ends - starts).days
    return {"days": days, "of_days": of_days, **_exact(Fraction(prorate.gbp) * days / of_days)}


def _days_between(asked: DaysBetween, zone: ZoneInfo) -> Fields:
    named = ZoneInfo(asked.zone) if asked.zone else zone
    starts, ends = (_instant(text, named) for text in (asked.starts, asked.ends))
    days = (ends.astimezone(named).date() - starts.astimezone(named).date()).days
    return {"days": days, "seconds": epoch_s(ends) - epoch_s(starts), "zone": named.key}


def _instant(text: str, zone: ZoneInfo) -> datetime:
    if len(text) == _DATE_LENGTH:
        return datetime.combine(date.fromisoformat(text), time(), zone)
    return read_time(text).on(zone)


def _vat(nets: tuple[VatNet, ...], _: ZoneInfo) -> Fields:
    return vat_fields(vat_totals((net.category, pence(Decimal(net.net_gbp))) for net in nets))


def vat_fields(totals: Sequence[VatTotal]) -> Fields:
    """The net and the VAT of each category, all together, and how many electronic invoices that needs."""
    categories = [
        {
            "treatment": each.category.treatment,
            "rate_percent": plain(each.category.rate_percent),
            "net": _amount(each.net_pence),
            "vat": _amount(each.vat_pence),
        }
        for each in totals
    ]
    net, vat = sum(each.net_pence for each in totals), sum(each.vat_pence for each in totals)
    whole = {"net": _amount(net), "vat": _amount(vat), "gross": _amount(net + vat)}
    return {"categories": categories, **whole, "invoices_needed": invoices_needed(totals)}


def _credit_cap(asked: CreditCap, _: ZoneInfo) -> Fields:
    charge = pence(Decimal(asked.charge_gbp))
    left: dict[str, int] = {name: pence(Decimal(gbp)) for name, gbp in asked.credits_gbp.items()}
    year = None if asked.year_cap_gbp is None else cap_pence(FixedAmount(gbp=asked.year_cap_gbp), charge)
    most = {
        "charge": max(charge - pence(Decimal(asked.credited_before_gbp)), 0),
        "cap": cap_pence(asked.cap, charge),
        "year": None if year is None else max(year - pence(Decimal(asked.credited_in_year_gbp)), 0),
    }
    raw, reductions = dict(left), []
    for limit, most_pence in most.items():
        before = sum(left.values())
        if most_pence is not None and before > most_pence:
            left = allocate(most_pence, left)
            reductions.append({"limit": limit, **_amount(before - most_pence)})
    rows = [{"name": name, "raw": _amount(raw[name]), "applied": _amount(left[name])} for name in raw]
    forgone = sum(raw.values()) - sum(left.values())
    return {
        "credits": rows,
        "reductions": reductions,
        "applied": _amount(sum(left.values())),
        "forgone": _amount(forgone),
    }


def _convert(asked: Conversion, _: ZoneInfo) -> Fields:
    exact = Fraction(asked.quantity) * Fraction(asked.multiply_by) / Fraction(asked.divide_by)
    if asked.rounding == "none":
        return {"exact": exact_text(exact), "quantity": exact_text(exact)}
    rounding = QuantityRounding(asked.rounding, Decimal(1).scaleb(-asked.places))
    quantity = rounding.of(_EXACT.divide(Decimal(exact.numerator), Decimal(exact.denominator)))
    return {"exact": exact_text(exact), "quantity": plain(quantity)}


def _aggregate(asked: Aggregation, _: ZoneInfo) -> Fields:
    month = Month.parse(asked.month)
    events = [_metered_event(number, reading) for number, reading in enumerate(asked.readings)]
    until = [event for event in events if event.day < month.next.first_day]
    counted = [event for event in until if left_out(asked.meter, event, unit="") is None]
    by_day = units_by_day(asked.meter, counted, month)
    exact = sum_exactly(by_day.values())
    return {
        "exact": plain(exact),
        "quantity": plain(rounding_of(asked.meter).of(exact)),
        "by_day": {str(day): plain(quantity) for day, quantity in sorted(by_day.items())},
        "counted": len(counted),
        "left_out": len(events) - len(counted),
    }


def _metered_event(number: int, reading: MeteredReading) -> MeteredEvent:
    at_us = epoch_us(read_time(reading.at).on(LONDON))
    quantity = None if reading.quantity is None else Decimal(reading.quantity)
    place = f"{number:06}"
    return MeteredEvent(london_day(at_us), at_us, "", place, reading.item or place, quantity, reading.attributes)


def _round(asked: RoundAmount, _: ZoneInfo) -> Fields:
    rounded = half_up(Fraction(asked.gbp) * 10**asked.places)
    return {"exact_gbp": plain(Decimal(asked.gbp)), "gbp": f"{Decimal(rounded).scaleb(-asked.places):f}"}


def _difference(asked: Difference, _: ZoneInfo) -> Fields:
    now, booked = _by_line(asked.now), _by_line(asked.booked)
    rows = [
        {
            "line": line,
            "now": _amount(now.get(line, 0)),
            "booked": _amount(booked.get(line, 0)),
            "difference": _amount(now.get(line, 0) - booked.get(line, 0)),
        }
        for line in dict.fromkeys((*now, *booked))
    ]
    return {"lines": rows, "difference": _amount(sum(now.values()) - sum(booked.values()))}


def _by_line(bookings: tuple[Booking, ...]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for booking in bookings:
        sums[booking.line] = sums.get(booking.line, 0) + pence(Decimal(booking.gbp))
    return sums


def _uplift(asked: PriceUplift, _: ZoneInfo) -> Fields:
    change = index_change(
        asked.figures[asked.base],
        asked.figures[asked.reference],
        places=asked.percent_places,
        cap=asked.cap_percent,
        collar=asked.collar_percent,
    )
    percent = Decimal(change.percent)
    prices = [raised_price(name, gbp, percent, asked.price_places) for name, gbp in asked.prices_gbp.items()]
    return {
        "exact_percent": change.exact,
        "rounded_percent": change.rounded,
        "percent": change.percent,
        "limit": change.limit,
        "prices": [
            {"name": each.at, "before_gbp": each.before, "exact_gbp": each.exact, "gbp": each.after} for each in prices
        ],
    }


# Each function takes questions of its own type only, which a mapping cannot say: hence Any.
_ANSWERED: Mapping[str, Callable[[Any, ZoneInfo], Fields]] = {
    "split": _split,
    "spread": _spread,
    "prorate": _prorate,
    "days_between": _days_between,
    "vat": _vat,
    "credit_cap": _credit_cap,
    "aggregate": _aggregate,
    "convert": _convert,
    "round": _round,
    "difference": _difference,
    "uplift": _uplift,
}
