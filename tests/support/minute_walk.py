"""An oracle for working time: it walks minute by minute and asks the clock on the wall of each.

It shares no code with the product and knows nothing of intervals, offsets or daylight saving. Hours must be whole
minutes, as must the zone's offsets; the first and the last minute of a span are counted to the second.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from shared.contracts.definitions import Calendar, Weekday

MINUTE_S = 60
_NAMES: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def open_seconds(calendar: Calendar, a: int, b: int) -> int:
    """Open seconds in `[a, b)`."""
    return sum(end - start for start, end in _minutes(a, b) if is_open(calendar, start))


def instant_after(calendar: Calendar, a: int, seconds: int, *, limit: int) -> int | None:
    """The earliest instant up to `limit` with `seconds` open seconds after `a`."""
    left = seconds
    for start, end in _minutes(a, limit):
        if left == 0:
            return start
        if is_open(calendar, start):
            if end - start >= left:
                return start + left
            left -= end - start
    return limit if left == 0 else None


def is_open(calendar: Calendar, at: int) -> bool:
    """Whether the minute that `at` lies in is open."""
    wall = _wall(calendar, at)
    owners = (wall.date(), wall.date() - timedelta(days=1))
    return any(_opens(calendar, owner, wall) for owner in owners) and not _on_a_break(calendar, wall)


def hours_of_date(calendar: Calendar, owner: date) -> tuple[int, int] | None:
    """The first opening and the last closing of the hours that start on a date; None where it is not working."""
    hours = _hours_of(calendar, owner)
    begin = int(datetime.combine(owner, time(), ZoneInfo(calendar.zone)).timestamp())
    walked = ((at, _wall(calendar, at)) for at in range(begin - 2 * 3600, begin + 50 * 3600, MINUTE_S) if hours)
    within = [at for at, wall in walked if any(start <= wall < end for start, end in hours)]
    first = next((at for at in within if is_open(calendar, at)), None)
    if first is None:
        return None
    return first, next(at for at in reversed(within) if is_open(calendar, at)) + MINUTE_S


def _minutes(a: int, b: int) -> Iterator[tuple[int, int]]:
    while a < b:
        end = min(b, a - a % MINUTE_S + MINUTE_S)
        yield a, end
        a = end


def _wall(calendar: Calendar, at: int) -> datetime:
    return datetime.fromtimestamp(at, ZoneInfo(calendar.zone)).replace(tzinfo=None)


def _opens(calendar: Calendar, owner: date, wall: datetime) -> bool:
    return any(start <= wall < end for start, end in _hours_of(calendar, owner))


def _hours_of(calendar: Calendar, owner: date) -> list[tuple[datetime, datetime]]:
    """The hours that start on a date, on the wall clock; none where it is closed."""
    if owner in calendar.closed:
        return []
    texts = calendar.dates.get(owner, calendar.weekly.get(_NAMES[owner.weekday()], ()))
    return [_written(owner, text) for text in texts]


def _on_a_break(calendar: Calendar, wall: datetime) -> bool:
    return any(
        _holds(owner, text, wall)
        for owner in (wall.date(), wall.date() - timedelta(days=1))
        for text in calendar.breaks.get(_NAMES[owner.weekday()], ())
    )


def _holds(owner: date, text: str, wall: datetime) -> bool:
    start, end = _written(owner, text)
    return start <= wall < end


@lru_cache(maxsize=4096)  # every minute asks for the same few
def _written(owner: date, text: str) -> tuple[datetime, datetime]:
    start_text, end_text = text.split("-")
    start = datetime.combine(owner, time.fromisoformat(start_text))
    if end_text == "24:00":
        return start, datetime.combine(owner + timedelta(days=1), time())
    end = datetime.combine(owner, time.fromisoformat(end_text))
    return start, end + timedelta(days=1) if end < start else end
