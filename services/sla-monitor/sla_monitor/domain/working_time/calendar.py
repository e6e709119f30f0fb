"""A calendar definition becomes working time: all zone and holiday work happens here, once a version.

Hours are read day by day, in local wall seconds counted from the midnight at which the day begins. Closed dates beat
date-specific hours, which beat weekly hours (R4). `end < start` runs into the next day and belongs to the day it starts
(R2), so such a day ends above 86 400. A break is a wall time of the weekday or date that names it: one of Tuesday 02:00
is taken out of the hours that began on Monday evening. The breaks of a date stand in place of its weekday's.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import msgspec

from shared.contracts.calendar_rules import intervals_a_week
from shared.contracts.definitions import HOURS_PATTERN, WEEKDAYS, Calendar
from shared.contracts.versions import DefinitionVersion, in_force
from shared.instants import DAY_S, epoch_s, seconds_of_day
from sla_monitor.domain.working_time.compiled import WorkingTime
from sla_monitor.domain.working_time.intervals import Interval, merged, without
from sla_monitor.domain.working_time.local_time import day_of, local_time
from sla_monitor.domain.working_time.working_days import WorkingDayIndex

# Overnight hours and the widest offset from UTC reach less than this beyond a year's ends.
_MARGIN_S = 3 * DAY_S
# Half a century of office hours takes 30 ms to compile and 4.5 MB to hold; with 24 intervals a day 0.4 s and 150 MB.
_CALENDARS_HELD, _LARGE_CALENDARS_HELD = 32, 2
_LARGE = 40
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
        return self.special.get(day, self.weekly[_weekday_of(day)])


def compile_versions(versions: Sequence[Calendar], *, first_year: int = 2000, last_year: int = 2051) -> WorkingTime:
    """Working time for the local years `first_year` to `last_year`, both included, by a calendar's versions.

    Each date is open by the version in force on it: the latest effective, the last among equals. So an item that is
    open across a change is measured by each version in turn (R29). Dates before the first version are its too. The zone
    is the last version's: a calendar that moves to another zone is another calendar.

    `closed` is final: bank holidays are in it already, those that are worked are not, so `holidays` and
    `worked_holidays` are not looked at. Raises `UnknownZone` and `UnreadableHours`.
    """
    content = [(each.zone, each.effective_from, each.weekly, each.dates, each.breaks, each.closed) for each in versions]
    is_large = max(map(intervals_a_week, versions)) > _LARGE
    distinct = _Versions(msgspec.msgpack.encode(content), tuple(versions))
    return (_compiled_large if is_large else _compiled)(distinct, first_year, last_year)


@dataclass(frozen=True, slots=True)
class _Versions:
    """Versions that are equal where what they compile to is; names and ids play no part in that."""

    content: bytes
    calendars: Sequence[Calendar] = field(compare=False)


def _compile(distinct: _Versions, first_year: int, last_year: int) -> WorkingTime:
    versions = distinct.calendars
    start, end = _utc_year(first_year) - _MARGIN_S, _utc_year(last_year + 1) + _MARGIN_S
    local = local_time(versions[-1].zone, start=start, end=end)
    first_day, end_day = day_of(date(first_year, 1, 1)), day_of(date(last_year + 1, 1, 1))
    first, last = local.instant(first_day * DAY_S), local.instant(end_day * DAY_S)
    opened: list[Interval] = []
    breaks: list[Interval] = []
    working_days: list[tuple[int, int, int]] = []
    closed: dict[int, str] = {}
    for period in _periods(versions, first=first_day - 1, end=end_day):  # the day before may run into the first one
        closed |= {day: title for day, title in period.closed.items() if period.first <= day < period.end}
        for day in range(period.first, period.end):
            hours = period.hours.on(day)
            if open_today := local.instants_on(day, hours.opened):
                opened += open_today
                working_days.append((day, open_today[0][0], open_today[-1][1]))
            breaks += local.instants_on(day, hours.breaks)
    outside = [(start, first), (last, end)]
    return WorkingTime(
        local,
        horizon=(first, last),
        opened=without(merged(opened), outside),
        breaks=without(merged(breaks), outside),
        days=WorkingDayIndex(local, working_days),
        closed=closed,
    )


_compiled = lru_cache(maxsize=_CALENDARS_HELD)(_compile)
_compiled_large = lru_cache(maxsize=_LARGE_CALENDARS_HELD)(_compile)


class _Period(NamedTuple):
    """The days `[first, end)` and the hours of the version in force on them."""

    first: int
    end: int
    hours: Hours
    closed: dict[int, str]


def _periods(versions: Sequence[Calendar], *, first: int, end: int) -> list[_Period]:
    successive = in_force(DefinitionVersion(number, version) for number, version in enumerate(versions, start=1))
    borders = [first, *(min(max(day_of(each.first_day), first), end) for each in successive[1:]), end]
    calendars = [each.version.definition for each in successive]
    return [
        _Period(start, stop, hours_of(calendar), {day_of(on): title for on, title in calendar.closed.items()})
        for calendar, (start, stop) in zip(calendars, pairwise(borders), strict=True)
    ]


def _utc_year(year: int) -> int:
    return epoch_s(datetime(year, 1, 1, tzinfo=UTC))


def hours_of(definition: Calendar) -> Hours:
    """The hours that `definition` means; raises `UnreadableHours`."""
    weekly = [_parsed(definition.weekly.get(weekday, ())) for weekday in WEEKDAYS]
    dated = {day_of(on): _parsed(texts) for on, texts in definition.dates.items()}
    breaks = {name: _parsed(texts) for name, texts in definition.breaks.items()}
    weekly_breaks = [breaks.pop(weekday, []) for weekday in WEEKDAYS]
    dated_breaks = {_named_day(name): spans for name, spans in breaks.items()}

    def on(day: int) -> DayHours:
        near = [dated_breaks.get(each, weekly_breaks[_weekday_of(each)]) for each in (day - 1, day, day + 1)]
        return _day_hours(dated.get(day, weekly[_weekday_of(day)]), near)

    # A break past midnight meets the hours of the next day, and hours past midnight the next day's breaks.
    special = {day + shift: on(day + shift) for day in dated_breaks for shift in (-1, 0, 1)}
    special |= {day: on(day) for day in dated} | {day_of(day): DayHours() for day in definition.closed}
    return Hours(
        weekly=tuple(
            _day_hours(hours, [weekly_breaks[(weekday + shift) % 7] for shift in (-1, 0, 1)])
            for weekday, hours in enumerate(weekly)
        ),
        special=special,
    )


def _named_day(name: str) -> int:
    try:
        return day_of(date.fromisoformat(name))
    except ValueError:
        raise UnreadableHours(f"expected a weekday or a date with breaks, got {name!r}") from None


def parse_hours(text: str) -> Interval:
    """Seconds after the starting day's midnight, the end above 86 400 where it lies in the next day.

    `09:00-09:00` has no length. Raises `UnreadableHours`.
    """
    if not re.match(HOURS_PATTERN, text):
        raise UnreadableHours(f"expected hours such as 09:00-17:00, got {text!r}")
    start, end = (seconds_of_day(part) for part in text.split("-"))
    return (start, end + DAY_S if end < start else end)


def _weekday_of(day: int) -> int:
    """Monday is 0."""
    return (day + _EPOCH_WEEKDAY) % 7


def _parsed(texts: Iterable[str]) -> list[Interval]:
    return merged(parse_hours(text) for text in texts)


def _day_hours(hours: list[Interval], breaks: Sequence[list[Interval]]) -> DayHours:
    """`hours` without the breaks that can meet them: those of the day before, the day itself, and the day after."""
    near = merged(
        (start + shift * DAY_S, end + shift * DAY_S)
        for shift, spans in zip((-1, 0, 1), breaks, strict=True)
        for start, end in spans
    )
    opened = without(hours, near)
    return DayHours(opened=tuple(opened), breaks=tuple(without(hours, opened)))
