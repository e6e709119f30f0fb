"""A calendar's hours, day by day, in local wall seconds counted from the midnight at which the day begins.

Closed dates beat date-specific hours, which beat weekly hours (R4). `end < start` runs into the next day and belongs
to the day it starts (R2), so such a day ends above 86 400. A break is a wall time of the weekday that names it: one of
Tuesday 02:00 is taken out of the hours that began on Monday evening.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from shared.contracts.definitions import HOURS_PATTERN, WEEKDAYS, Calendar
from shared.instants import DAY_S, seconds_of_day
from sla_monitor.domain.working_time.intervals import Interval, merged, without

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_EPOCH_WEEKDAY = date(1970, 1, 1).weekday()


class UnreadableHours(ValueError):
    """The text is not hours such as 09:00-17:00."""


@dataclass(frozen=True, slots=True)
class DayHours:
    """When one day is open, and which breaks keep it from being open longer; both ascend and are apart."""

    opened: tuple[Interval, ...] = ()
    breaks: tuple[Interval, ...] = ()


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours of every day: `weekly` from Monday on, `special` for the days (since 1970) that differ."""

    weekly: tuple[DayHours, ...]
    special: dict[int, DayHours]

    def on(self, day: int) -> DayHours:
        """The hours that start on `day`, counted since 1970."""
        return self.special.get(day, self.weekly[weekday_of(day)])


def hours_of(definition: Calendar) -> Hours:
    """The hours that `definition` means; raises `UnreadableHours`."""
    weekly = {weekday: _parsed(definition.weekly.get(weekday, ())) for weekday in WEEKDAYS}
    breaks = [_parsed(definition.breaks.get(weekday, ())) for weekday in WEEKDAYS]
    special = {
        day_of(on): _day_hours(_parsed(texts), breaks, weekday=on.weekday()) for on, texts in definition.dates.items()
    }
    special.update((day_of(on), DayHours()) for on in definition.closed)
    return Hours(
        weekly=tuple(_day_hours(weekly[name], breaks, weekday=index) for index, name in enumerate(WEEKDAYS)),
        special=special,
    )


def parse_hours(text: str) -> Interval:
    """Seconds after the starting day's midnight, the end above 86 400 where it lies in the next day.

    `09:00-09:00` has no length. Raises `UnreadableHours`.
    """
    if not re.match(HOURS_PATTERN, text):
        raise UnreadableHours(f"expected hours such as 09:00-17:00, got {text!r}")
    start, end = (seconds_of_day(part) for part in text.split("-"))
    return (start, end + DAY_S if end < start else end)


def day_of(on: date) -> int:
    """Days from 1 January 1970 to `on`."""
    return on.toordinal() - _EPOCH_ORDINAL


def date_of(day: int) -> date:
    """The date that is `day` days after 1 January 1970."""
    return date.fromordinal(day + _EPOCH_ORDINAL)


def weekday_of(day: int) -> int:
    """Monday is 0."""
    return (day + _EPOCH_WEEKDAY) % 7


def _parsed(texts: Iterable[str]) -> list[Interval]:
    return merged(parse_hours(text) for text in texts)


def _day_hours(hours: list[Interval], breaks: list[list[Interval]], *, weekday: int) -> DayHours:
    """`hours` without the breaks that can meet them: the day's own, and those of its neighbours past midnight."""
    near = merged(
        (start + shift * DAY_S, end + shift * DAY_S)
        for shift in (-1, 0, 1)
        for start, end in breaks[(weekday + shift) % 7]
    )
    opened = without(hours, near)
    return DayHours(opened=tuple(opened), breaks=tuple(without(hours, opened)))
