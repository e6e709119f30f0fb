"""What a document says was used, as a month's usage: as it is written, or counted by the document's own meter."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import NamedTuple

from billing.domain.meters import MeteredEvent, left_out, parts_of, rounding_of, units_by_day
from billing.domain.usage import MeteredUsage, UsageDetail
from billing.trial.document import TariffDocument, TrialUsage
from shared.contracts.meters import Meter
from shared.instants import epoch_us
from shared.period import LONDON, Month
from shared.written_time import read_time


class _Used(NamedTuple):
    """So many units on a day; `at` and what follows are those of an event, None for a quantity without one."""

    day: date
    quantity: Decimal
    at: datetime | None = None
    item: str | None = None
    attributes: Mapping[str, str] = {}


def metered(document: TariffDocument, used: Iterable[TrialUsage], month: Month, *, starts: date) -> MeteredUsage:
    """All that was used; a quantity in all is of the day `starts`.

    Without a meter every reading is its quantity of units. A meter takes those until the end of the month, each
    quantity as one at the beginning of its day, and converts and rounds the units.
    """
    readings = [reading for usage in used for reading in _readings(document, usage, starts)]
    if document.counted_by is not None:
        return _by_meter(document.counted_by, readings, month, unit=document.unit)
    by_day: dict[date, Decimal] = {}
    for reading in readings:
        by_day[reading.day] = by_day.get(reading.day, Decimal(0)) + reading.quantity
    at = {place: reading.at for place, reading in enumerate(readings) if reading.at is not None}
    events = (readings[place] for place in sorted(at, key=lambda place: at[place]))
    details = tuple(UsageDetail(event.day, event.quantity, event.attributes) for event in events)
    return MeteredUsage(by_day, len(details), len(by_day), details)


def _readings(document: TariffDocument, usage: TrialUsage, starts: date) -> Iterator[_Used]:
    if usage.quantity is not None:
        yield _Used(starts, Decimal(usage.quantity))
    yield from (_Used(day, Decimal(quantity)) for day, quantity in (usage.by_day or {}).items())
    for event in usage.events or ():
        at = read_time(event.at).on(document.wall_zone)
        day = at.astimezone(document.wall_zone).date()
        yield _Used(day, Decimal(event.quantity), at, event.item, event.attributes)


def _by_meter(meter: Meter, readings: Sequence[_Used], month: Month, *, unit: str) -> MeteredUsage:
    events = [_event(place, reading) for place, reading in enumerate(readings) if reading.day < month.next.first_day]
    counting = [event for event in events if left_out(meter, event, unit=unit) is None]
    of_month = [event for event in counting if event.day >= month.first_day]
    details = (UsageDetail(event.day, units, event.attributes) for event, units in parts_of(meter, of_month))
    by_day = units_by_day(meter, counting, month)
    return MeteredUsage(by_day, len(of_month), len(events), tuple(details), rounding_of(meter))


def _event(place: int, reading: _Used) -> MeteredEvent:
    at = reading.at or datetime.combine(reading.day, time(), LONDON)
    id_ = f"{place:06}"
    return MeteredEvent(reading.day, epoch_us(at), "", id_, reading.item or id_, reading.quantity, reading.attributes)
