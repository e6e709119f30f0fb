"""Figures as GOV.UK writes them: dates, times, percentages, durations and counts. London time throughout."""

from datetime import date, datetime, timedelta

from shared.period import LONDON, Month

__all__ = [
    "clock_time",
    "counted",
    "date_range",
    "duration",
    "instant",
    "long_date",
    "minute_instant",
    "month_name",
    "percentage",
    "short_instant",
    "to_the_minute",
    "whole_number",
]

# By name, not by strftime: the words must not depend on the machine's locale.
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_UNITS = (("hour", 3600), ("minute", 60), ("second", 1))


def long_date(day: date) -> str:
    """`5 November 2026`; an instant is given by its London date."""
    day = _london(day)
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def month_name(month: Month) -> str:
    """`November 2026`."""
    return f"{_MONTHS[month.month - 1]} {month.year}"


def date_range(first: date, end: date) -> str:
    """`1 October to 31 October 2026` for the half-open range up to, and without, `end`."""
    first, last = _london(first), _london(end) - timedelta(days=1)
    if first == last:
        return long_date(last)
    year = f" {first.year}" if first.year != last.year else ""
    return f"{first.day} {_MONTHS[first.month - 1]}{year} to {long_date(last)}"


def clock_time(at: datetime) -> str:
    """`5:30pm`, `9am`, `midday`, `midnight`; with seconds only where there are some: `5:30:01pm`."""
    local = at.astimezone(LONDON)
    if (local.minute, local.second) == (0, 0) and local.hour in (0, 12):
        return "midday" if local.hour else "midnight"
    minutes = f":{local.minute:02}" if local.minute or local.second else ""
    seconds = f":{local.second:02}" if local.second else ""
    return f"{(local.hour - 1) % 12 + 1}{minutes}{seconds}{'am' if local.hour < 12 else 'pm'}"


def instant(at: datetime) -> str:
    """`5 November 2026 at 5:30pm`."""
    return f"{long_date(at)} at {clock_time(at)}"


def minute_instant(at: datetime) -> str:
    """As `instant`, without the seconds: what changes once a minute."""
    return instant(at.replace(second=0, microsecond=0))


def to_the_minute(seconds: int, *, working: bool = False) -> str:
    """As `duration`, without the seconds of a minute or more: `3 working hours 20 minutes`."""
    return duration(seconds - seconds % 60 if seconds >= 60 else seconds, working=working)


def short_instant(at: datetime) -> str:
    """`5 Nov 5:30pm`, where space is short and the year stands beside."""
    local = at.astimezone(LONDON)
    return f"{local.day} {_MONTHS[local.month - 1][:3]} {clock_time(at)}"


def percentage(good: int, total: int) -> str:
    """`99.9%`: rounded down to one decimal, so that a share short of its objective never shows as having reached it.

    `total` must be above 0: no volume has no percentage.
    """
    tenths = good * 1000 // total
    return f"{tenths // 10}.{tenths % 10}%"


def duration(seconds: int, *, working: bool = False) -> str:
    """`3 working hours 20 minutes`, to the second: one second may be the whole difference between met and missed."""
    if seconds < 0:
        raise ValueError(f"expected a duration of 0 seconds or more, got {seconds}")
    parts: list[str] = []
    rest = seconds
    for unit, size in _UNITS:
        number, rest = divmod(rest, size)
        if number:
            parts.append(counted(number, f"working {unit}" if working and not parts else unit))
    return " ".join(parts) or counted(0, "working minute" if working else "minute")


def whole_number(value: int) -> str:
    """`1,234`; below zero with a minus sign."""
    return f"{value:,}".replace("-", "\N{MINUS SIGN}")


def counted(number: int, thing: str) -> str:
    """`1 row`, `1,234 rows`: `thing` is a singular whose plural adds an s."""
    return f"{whole_number(number)} {thing}{'' if number == 1 else 's'}"


def _london(day: date) -> date:
    return day.astimezone(LONDON).date() if isinstance(day, datetime) else day
