"""Rules of calendars: what is wrong with one, and its bank holidays as closed dates of a published version."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import lru_cache
from zoneinfo import available_timezones

import msgspec

from shared.contracts.definitions import WEEKDAYS, Calendar, Weekday
from shared.faults import Fault
from shared.holidays import BankHolidays
from shared.instants import DAY_S, seconds_of_day

_WEEK_S = 7 * DAY_S
PLAIN_DAYS = "plain-days"
# Due dates look so far ahead that bank holidays should be known for as long.
_OUTLOOK = timedelta(days=366)


def calendar_faults(calendar: Calendar, holidays: BankHolidays) -> Iterator[Fault]:
    if not has_open_hours(calendar):
        yield Fault(("weekly",), "never opens: no hours remain when closed dates and breaks are taken out")
    yield from setting_faults(calendar, holidays)


def setting_faults(calendar: Calendar, holidays: BankHolidays) -> Iterator[Fault]:
    """What is wrong with a calendar that need not ever open."""
    if not is_time_zone(calendar.zone):
        yield Fault(("zone",), "expected a time zone like Europe/London")
    for day in sorted(set(calendar.worked_holidays) & calendar.closed.keys()):
        yield Fault(("closed", day.isoformat()), "is also in worked_holidays: take it out of one of them")
    yield from _worked_faults(calendar, holidays)


def _worked_faults(calendar: Calendar, holidays: BankHolidays) -> Iterator[Fault]:
    known = holidays.closing(calendar.holidays)
    until = max((holidays.covers_until(division) for division in calendar.holidays), default=date.max)
    for index, day in enumerate(calendar.worked_holidays):
        if day not in known and day < until:
            yield Fault(("worked_holidays", index), "is no bank holiday of the calendar's divisions")


def with_bank_holidays(calendar: Calendar, holidays: BankHolidays) -> Calendar:
    """`calendar` with the bank holidays of its divisions in `closed`, so that its version means the same for ever.

    The calendar's own title for a date is kept.
    """
    bank = holidays.closing(calendar.holidays)
    worked = set(calendar.worked_holidays)
    closed = {day: title for day, title in bank.items() if day not in worked} | calendar.closed
    return msgspec.structs.replace(calendar, closed=dict(sorted(closed.items())))


def calendar_warnings(calendar: Calendar, holidays: BankHolidays, today: date) -> Iterator[Fault]:
    """What needs a change before long: bank holidays that are not known for the year ahead."""
    needed = max(today, calendar.effective_from) + _OUTLOOK
    for division in calendar.holidays:
        if (until := holidays.covers_until(division)) < needed:
            yield Fault(
                ("holidays",), f"bank holidays of {division} are known until {until:%-d %B %Y} only: add the next ones"
            )


def has_open_hours(calendar: Calendar) -> bool:
    """Whether any hours remain without closed dates and breaks."""
    breaks = [
        (start + week, end + week)
        for weekday, hours in calendar.breaks.items()
        for start, end in _spans(WEEKDAYS.index(weekday), hours)
        for week in (-_WEEK_S, 0, _WEEK_S)
    ]
    days = [(WEEKDAYS.index(weekday), hours) for weekday, hours in calendar.weekly.items()]
    days += [(day.weekday(), hours) for day, hours in calendar.dates.items() if day not in calendar.closed]
    return any(not _is_covered(start, end, breaks) for weekday, hours in days for start, end in _spans(weekday, hours))


@lru_cache(maxsize=8)
def plain_days(zone: str = "Europe/London") -> Calendar:
    """Every hour of every day: the calendar of targets in plain days and hours, which need only a time zone."""
    weekly: dict[Weekday, tuple[str, ...]] = dict.fromkeys(WEEKDAYS, ("00:00-24:00",))
    return Calendar(id=PLAIN_DAYS, name="Every hour of every day", zone=zone, weekly=weekly)


def is_time_zone(name: str) -> bool:
    """Whether the time zone database has a zone of that name."""
    return name in _zones()


@lru_cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _is_covered(start: int, end: int, breaks: Iterable[tuple[int, int]]) -> bool:
    for break_start, break_end in sorted(breaks):
        if break_start <= start < break_end:
            start = break_end
    return start >= end


def _spans(weekday: int, hours: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Seconds from Monday's midnight; an end before its start is on the next day."""
    for text in hours:
        start, end = map(seconds_of_day, text.split("-"))
        yield weekday * DAY_S + start, weekday * DAY_S + (end if end >= start else end + DAY_S)
