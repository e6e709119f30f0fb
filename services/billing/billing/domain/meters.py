"""Metering by a meter that a service writes out: the events of a month become units by day.

* count, sum: each event on its day · unique: each value on the day on which it first appears in the month.
* max, latest: one level for the month, spread evenly over its days, so that a part month has the share of its days.
  The latest is that of the last event by instant, source and id; a month without an event has the level 0.
* time-weighted-average: each reading holds until the next one, that of the month before until the first of this one;
  before the first reading ever the level is 0. Level × seconds of each day ÷ seconds of the month.

Quantities by day have 80 digits; conversion comes first, then the rounding, of the sum since the beginning of
the month: so the parts of a month sum to the whole, whatever it is split by.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Context, Decimal
from itertools import pairwise
from typing import Literal

from billing.domain.metering import EventStream, london_day
from shared.contracts.meters import QUANTITY, Meter
from shared.instants import epoch_us
from shared.period import LONDON, Month

_EXACT = Context(prec=80)
# Far below any rounding, far above the error of sums: what was a tie is one again.
_TIES = Decimal(1).scaleb(-30)
_MICRO = Decimal(1).scaleb(-6)
_ROUNDINGS = {"up": ROUND_UP, "down": ROUND_DOWN, "half-up": ROUND_HALF_UP}
_MOST = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class MeteredEvent:
    """An event that a meter may count. `quantity` is None where its type has none; `attributes` are those of then.

    `unit` is what a reading is in. One of before the month is there only as the level with which the month begins.
    """

    day: date
    at_us: int
    source: str
    id: str
    item: str
    quantity: Decimal | None
    attributes: Mapping[str, str] = field(default_factory=dict)
    unit: str | None = None
    stream: EventStream = "usage"
    partition: int = 0
    offset: int = 0

    @property
    def since_us(self) -> int:
        """When it holds from: its time, or the beginning of the day for which it was recorded."""
        return self.at_us if london_day(self.at_us) == self.day else _midnight_us(self.day)

    @property
    def order(self) -> tuple[int, str, str]:
        """By instant, source and id: no order of arrival shows in a quantity."""
        return self.since_us, self.source, self.id


@dataclass(frozen=True, slots=True)
class QuantityRounding:
    """How a quantity is rounded before it is priced."""

    rounding: str
    step: Decimal

    def of(self, exact: Decimal) -> Decimal:
        """The quantity, rounded away from zero (`up`), towards it (`down`), or half up."""
        tied = exact.quantize(_TIES, ROUND_HALF_EVEN, _EXACT)
        return tied.quantize(self.step, _ROUNDINGS[self.rounding], _EXACT)


def rounding_of(meter: Meter) -> QuantityRounding:
    """Six decimals, half up, unless the meter says otherwise."""
    if meter.rounding == "none":
        return QuantityRounding("half-up", _MICRO)
    return QuantityRounding(meter.rounding, Decimal(1).scaleb(-meter.places))


def matches(meter: Meter, event: MeteredEvent) -> bool:
    """Whether every attribute that the meter names has one of its values."""
    return all(event.attributes.get(name) in values for name, values in meter.when.items())


def value_of(meter: Meter, event: MeteredEvent) -> Decimal | None:
    """What the event says of the number that the meter reads; None where it says none."""
    if meter.aggregate == "count":
        return Decimal(1)
    if meter.aggregate == "unique":
        return Decimal(1) if meter.of == "item" or meter.of in event.attributes else None
    return event.quantity if meter.of == QUANTITY else _number(event.attributes.get(meter.of))


LeftOut = Literal["not-metered", "wrong-unit", "no-number"]


def left_out(meter: Meter, event: MeteredEvent, *, unit: str) -> LeftOut | None:
    """Why the meter of a service that counts `unit`s does not count the event; None where it does."""
    if not matches(meter, event):
        return "not-metered"
    if event.unit not in {None, meter.reading_unit or unit}:
        return "wrong-unit"
    return "no-number" if value_of(meter, event) is None else None


def parts_of(meter: Meter, events: Iterable[MeteredEvent]) -> Iterator[tuple[MeteredEvent, Decimal]]:
    """What each event that counts adds to the units, in order; nothing where units are no sum over events."""
    if meter.aggregate in ("count", "sum"):
        for event in sorted(events, key=lambda each: each.order):
            yield event, _EXACT.multiply(value_of(meter, event) or Decimal(0), _scale(meter))


def units_by_day(meter: Meter, events: Sequence[MeteredEvent], month: Month) -> dict[date, Decimal]:
    """The units of the month by day, from the events that count, in any order; converted, and not yet rounded."""
    in_order = sorted(events, key=lambda event: event.order)
    of_month = [event for event in in_order if event.day >= month.first_day]
    match meter.aggregate:
        case "count" | "sum":
            found = _summed((event.day, value_of(meter, event) or Decimal(0)) for event in of_month)
        case "unique":
            found = _summed((day, Decimal(1)) for day in _first_days(meter, of_month))
        case "max" | "latest":
            found = _level(meter, of_month, month)
        case "time-weighted-average":
            found = _averaged(meter, in_order, month)
    return {day: _EXACT.multiply(quantity, _scale(meter)) for day, quantity in found.items()}


def _scale(meter: Meter) -> Decimal:
    return _EXACT.divide(Decimal(meter.multiply_by), Decimal(meter.divide_by))


def sum_exactly(quantities: Iterable[Decimal]) -> Decimal:
    """Their sum, with all the digits that quantities by day have."""
    total = Decimal(0)
    for quantity in quantities:
        total = _EXACT.add(total, quantity)
    return total


def _summed(parts: Iterator[tuple[date, Decimal]]) -> dict[date, Decimal]:
    sums: dict[date, Decimal] = {}
    for day, quantity in parts:
        sums[day] = _EXACT.add(sums.get(day, Decimal(0)), quantity)
    return sums


def _first_days(meter: Meter, events: Sequence[MeteredEvent]) -> Iterator[date]:
    """The day on which each value appears first."""
    seen: set[str] = set()
    for event in events:
        value = event.item if meter.of == "item" else event.attributes.get(meter.of)
        if value is not None and value not in seen:
            seen.add(value)
            yield event.day


def _level(meter: Meter, events: Sequence[MeteredEvent], month: Month) -> dict[date, Decimal]:
    values = [value for event in events if (value := value_of(meter, event)) is not None]
    if not values:
        return {}
    level = max(values) if meter.aggregate == "max" else values[-1]
    share = _EXACT.divide(level, Decimal(month.days))
    return dict.fromkeys(_days_of(month), share)


def _averaged(meter: Meter, events: Sequence[MeteredEvent], month: Month) -> dict[date, Decimal]:
    start, end = _midnight_us(month.first_day), _midnight_us(month.next.first_day)
    levels = [(event.since_us, value) for event in events if (value := value_of(meter, event)) is not None]
    held = [*levels, (end, Decimal(0))]
    weighed: dict[date, Decimal] = {}
    for day in _days_of(month):
        first, last = _midnight_us(day), _midnight_us(day + timedelta(days=1))
        for (since, level), (until, _) in pairwise(held):
            lasted = min(until, last) - max(since, first)
            if lasted > 0:
                weighed[day] = _EXACT.add(weighed.get(day, Decimal(0)), _EXACT.multiply(level, Decimal(lasted)))
    whole = Decimal(end - start)
    return {day: _EXACT.divide(quantity, whole) for day, quantity in weighed.items()}


def _days_of(month: Month) -> list[date]:
    return [month.first_day + timedelta(days=number) for number in range(month.days)]


def _midnight_us(day: date) -> int:
    return epoch_us(datetime.combine(day, time(), LONDON))


def _number(text: str | None) -> Decimal | None:
    """The decimal that an attribute holds, of at most twelve digits before the point; None for any other text."""
    try:
        number = Decimal(text or "")
    except ArithmeticError:
        return None
    return number if number.is_finite() and abs(number) < _MOST else None
