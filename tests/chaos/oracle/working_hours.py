"""Monday to Friday, 09:00 to 17:00 in London, without bank holidays: counted day by day, in no clever way."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
OPENS, CLOSES = time(9), time(17)
SATURDAY = 5
LONGEST_DAYS = 366

Span = tuple[int, int]


def open_spans(start: int, without: list[Span]) -> Iterator[Span]:
    """The stretches, in epoch seconds from `start` on, that are inside working hours and outside `without`."""
    day = datetime.fromtimestamp(start, LONDON).date()
    for _ in range(LONGEST_DAYS):
        if day.weekday() < SATURDAY:
            yield from _left(max(start, _at(day, OPENS)), _at(day, CLOSES), without)
        day += timedelta(days=1)


def counted(start: int, end: int, without: list[Span]) -> int:
    """Working seconds in [start, end) outside `without`."""
    total = 0
    for opened, closed in open_spans(start, without):
        if opened >= end:
            break
        total += min(closed, end) - opened
    return total


def used_up(start: int, allowance: int, without: list[Span]) -> int:
    """The first second at which `allowance` working seconds have passed."""
    left = allowance
    for opened, closed in open_spans(start, without):
        if closed - opened >= left:
            return opened + left
        left -= closed - opened
    raise ValueError(f"not used up within {LONGEST_DAYS} days")


def month_of(second: int) -> str:
    """The London month, as 2026-03."""
    return datetime.fromtimestamp(second, LONDON).strftime("%Y-%m")


def _at(day: date, clock: time) -> int:
    return int(datetime.combine(day, clock, LONDON).astimezone(UTC).timestamp())


def _left(start: int, end: int, without: list[Span]) -> Iterator[Span]:
    for excluded_from, excluded_to in sorted(without):
        if start >= end:
            return
        if excluded_from < end and excluded_to > start:
            if excluded_from > start:
                yield start, excluded_from
            start = max(start, excluded_to)
    if start < end:
        yield start, end
