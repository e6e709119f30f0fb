"""Rules of calendars: what is wrong with one, and its bank holidays as closed dates of a published version.

They hold where a calendar is written down. What was published under other rules is read as it was.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from functools import lru_cache
from zoneinfo import available_timezones

import msgspec

from shared.contracts.definitions import WEEKDAYS, Calendar, Weekday
from shared.faults import Fault
from shared.holidays import BankHolidays
from shared.instants import DAY_S, seconds_of_day

_Span = tuple[int, int]
# The day before, the day itself and the day after, in seconds: breaks past midnight meet the next day's hours.
_NEAR = (-DAY_S, 0, DAY_S)
_DAY = timedelta(days=1)
PLAIN_DAYS = "plain-days"
# Enough for a timetable by the hour, and for eleven years in which every date is different.
MAX_INTERVALS, MAX_DATES = 24, 4000
# Names that the database of a machine may hold beside IANA's zones: what they mean depends on the machine.
_NO_ZONES = ("localtime", "Factory", "posixrules", "posix/", "right/")
# Due dates look so far ahead that bank holidays should be known for as long.
_OUTLOOK = timedelta(days=366)


def calendar_faults(calendar: Calendar, holidays: BankHolidays) -> Iterator[Fault]:
    # Looking for open hours takes time only where there are too many intervals, which is the first fault of them.
    if not any(_size_faults(calendar)) and not has_open_hours(calendar):
        yield Fault(("weekly",), "never opens: no hours remain when closed dates and breaks are taken out")
    yield from setting_faults(calendar, holidays)


def setting_faults(calendar: Calendar, holidays: BankHolidays) -> Iterator[Fault]:
    """What is wrong with a calendar that need not ever open."""
    yield from _size_faults(calendar)
    if not is_time_zone(calendar.zone):
        yield Fault(("zone",), "expected a time zone like Europe/London")
    for name in calendar.breaks:
        if name not in WEEKDAYS and not _is_date(name):
            yield Fault(("breaks", name), "is no date")
    for day in sorted(set(calendar.worked_holidays) & calendar.closed.keys()):
        yield Fault(("closed", day.isoformat()), "is also in worked_holidays: take it out of one of them")
    yield from _worked_faults(calendar, holidays)


def _size_faults(calendar: Calendar) -> Iterator[Fault]:
    for name in ("weekly", "dates", "breaks"):
        for day, hours in getattr(calendar, name).items():
            if len(hours) > MAX_INTERVALS:
                yield Fault((name, str(day)), f"expected at most {MAX_INTERVALS} intervals a day")
    for name in ("dates", "breaks", "closed", "worked_holidays"):
        if len(getattr(calendar, name)) > MAX_DATES:
            yield Fault((name,), f"expected at most {MAX_DATES} dates")


def _is_date(name: str) -> bool:
    try:
        date.fromisoformat(name)
    except ValueError:
        return False
    return True


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
    of_weekdays = [_spans(calendar.breaks.get(weekday, ())) for weekday in WEEKDAYS]
    of_dates = {name: _spans(hours) for name, hours in calendar.breaks.items() if name not in WEEKDAYS}

    def is_open(hours: Iterable[str], breaks: Sequence[Sequence[_Span]]) -> bool:
        near = [
            (start + shift, end + shift) for shift, spans in zip(_NEAR, breaks, strict=True) for start, end in spans
        ]
        return _any_left(_spans(hours), near)

    def on(day: date) -> Sequence[_Span]:
        return of_dates.get(day.isoformat(), of_weekdays[day.weekday()])

    weekly = (
        is_open(hours, [of_weekdays[(WEEKDAYS.index(weekday) + shift) % 7] for shift in (-1, 0, 1)])
        for weekday, hours in calendar.weekly.items()
    )
    dated = (
        is_open(hours, [on(day - _DAY), on(day), on(day + _DAY)])
        for day, hours in calendar.dates.items()
        if day not in calendar.closed and date.min < day < date.max
    )
    return any(weekly) or any(dated)


def intervals_a_week(calendar: Calendar) -> int:
    """How many intervals a compiled week has at most, dates apart: a break splits one in two."""
    return sum(
        len(hours) for days in (calendar.weekly, calendar.breaks) for name, hours in days.items() if name in WEEKDAYS
    )


def intervals_a_day(calendar: Calendar) -> int:
    """How many intervals a compiled day has at most."""
    most = [max(map(len, days.values()), default=0) for days in (calendar.weekly, calendar.dates, calendar.breaks)]
    return max(most[0], most[1]) + most[2]


@lru_cache(maxsize=8)
def plain_days(zone: str = "Europe/London") -> Calendar:
    """Every hour of every day: the calendar of targets in plain days and hours, which need only a time zone."""
    weekly: dict[Weekday, tuple[str, ...]] = dict.fromkeys(WEEKDAYS, ("00:00-24:00",))
    return Calendar(id=PLAIN_DAYS, name="Every hour of every day", zone=zone, weekly=weekly)


def is_time_zone(name: str) -> bool:
    """Whether IANA's time zone database has a zone of that name, letter for letter."""
    return name in _zones()


@lru_cache
def _zones() -> frozenset[str]:
    return frozenset(name for name in available_timezones() if not name.startswith(_NO_ZONES))


def _any_left(spans: Sequence[_Span], breaks: Sequence[_Span]) -> bool:
    """Whether any second of `spans` is in no break."""
    covered = sorted(breaks)
    for start, end in spans:
        left = start
        for break_start, break_end in covered:
            if break_start <= left < break_end:
                left = break_end
        if left < end:
            return True
    return False


def _spans(hours: Iterable[str]) -> list[_Span]:
    """Seconds after midnight; an end before its start is on the next day."""
    found = ((seconds_of_day(start), seconds_of_day(end)) for start, end in (text.split("-") for text in hours))
    return [(start, end if end >= start else end + DAY_S) for start, end in found]
