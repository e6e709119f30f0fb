"""A zone's wall clock over some years, as integers: epoch seconds to local wall seconds and back.

A local wall second is the naive local time counted from 1970-01-01 00:00, so `wall // 86 400` is the local date. Where
clocks go forward some wall seconds have no instant, where they go back some have two: an interval of wall time means
the set of instants at which the clock on the wall shows a time inside it (R7, R8).
"""

from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from shared.instants import DAY_S
from sla_monitor.domain.working_time.intervals import Interval

# How far apart to look for changes of offset: since 2000 the nearest two were seven days apart (America/Recife, October
# 2000), so none is passed over.
_LOOK_S = 3 * DAY_S
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_MONTHS_OF_A_YEAR = 12


class UnknownZone(ValueError):
    """The time zone database has no zone of that name."""


def wall_after_months(wall: int, months: int) -> int:
    """The end of the date that corresponds to that of `wall` so many months later, or of the last date of its month."""
    day = date.fromordinal(_EPOCH_ORDINAL + wall // DAY_S)
    years, month = divmod(day.month - 1 + months, _MONTHS_OF_A_YEAR)
    last = monthrange(day.year + years, month + 1)[1]
    due = date(day.year + years, month + 1, min(day.day, last))
    return (due.toordinal() - _EPOCH_ORDINAL + 1) * DAY_S


class LocalTime:
    """The offsets of a zone between two instants, each constant over one span `[start, end)`."""

    __slots__ = ("_ends", "_offsets", "_starts", "_wall_ends", "_wall_starts", "zone")

    def __init__(self, zone: ZoneInfo, *, start: int, end: int) -> None:
        changes = _offset_changes(zone, start=start, end=end)
        self.zone = zone
        self._starts = [start, *changes]
        self._ends = [*changes, end]
        self._offsets = [_offset_at(zone, at) for at in self._starts]
        self._wall_starts = [at + offset for at, offset in zip(self._starts, self._offsets, strict=True)]
        self._wall_ends = [at + offset for at, offset in zip(self._ends, self._offsets, strict=True)]

    def wall(self, at: int) -> int:
        """What the clock on the wall shows at `at`."""
        return at + self._offsets[bisect_right(self._starts, at) - 1]

    def instant(self, wall: int) -> int:
        """The instant at which the clock shows `wall`: its first pass, or as far after a gap as `wall` lies in it."""
        k = bisect_right(self._wall_ends, wall)
        if wall < self._wall_starts[k]:
            k -= 1  # in a gap the offset before the change still applies: 01:30 becomes 02:30
        return wall - self._offsets[k]

    def latest_wall(self, at: int) -> int:
        """The latest second that the clock has shown by `at`: in the second pass of an hour, that hour's last."""
        k = bisect_right(self._starts, at) - 1
        wall = at + self._offsets[k]
        return wall if k == 0 else max(wall, self._wall_ends[k - 1] - 1)

    def instant_in_order(self, wall: int) -> int:
        """As `instant`, but never before that of an earlier wall time.

        Times in a gap are read as that much after it; so those that follow wait for the last of them.
        """
        k = bisect_right(self._wall_ends, wall)
        after_gap = self._wall_starts[k] - self._wall_ends[k - 1] if k else 0
        at = self.instant(wall)
        return max(at, self._starts[k] + after_gap - 1) if wall >= self._wall_starts[k] else at

    def instants_on(self, day: int, hours: Sequence[Interval]) -> list[Interval]:
        """Every instant whose wall time, in seconds after the midnight of `day`, lies in `hours`, ascending."""
        if not hours:
            return []
        midnight = day * DAY_S
        k = bisect_right(self._wall_ends, midnight)
        if self._wall_starts[k] <= midnight and midnight + 2 * DAY_S <= self._wall_ends[k]:
            steady = midnight - self._offsets[k]
            return [(steady + opening, steady + closing) for opening, closing in hours]
        return sorted(found for interval in hours for found in self._across_changes(midnight, interval))

    def days(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """A cover of `[start, end)` by `(start, end, day)`, each within one local day, counted since 1970."""
        k = bisect_right(self._starts, start) - 1
        while start < end:
            day, second = divmod(start + self._offsets[k], DAY_S)
            stop = min(end, self._ends[k], start + DAY_S - second)
            yield start, stop, day
            start = stop
            k += start == self._ends[k]

    def _across_changes(self, midnight: int, interval: Interval) -> Iterator[Interval]:
        start, end = midnight + interval[0], midnight + interval[1]
        for k in range(bisect_right(self._wall_ends, start), bisect_left(self._wall_starts, end)):
            offset = self._offsets[k]
            yield max(start - offset, self._starts[k]), min(end - offset, self._ends[k])


@lru_cache(maxsize=256)
def local_time(zone: str, *, start: int, end: int) -> LocalTime:
    """The wall clock of the zone named `zone`; raises `UnknownZone`."""
    try:
        return LocalTime(ZoneInfo(zone), start=start, end=end)
    except (KeyError, ValueError, OSError) as fault:  # what zoneinfo raises on no such, malformed and directory names
        raise UnknownZone(f"the time zone database has no {zone!r}") from fault


def day_of(on: date) -> int:
    """Days from 1 January 1970 to `on`."""
    return on.toordinal() - _EPOCH_ORDINAL


def date_of(day: int) -> date:
    """The date that is `day` days after 1 January 1970."""
    return date.fromordinal(day + _EPOCH_ORDINAL)


def _offset_at(zone: ZoneInfo, at: int) -> int:
    offset = datetime.fromtimestamp(at, zone).utcoffset()
    return 0 if offset is None else offset.days * DAY_S + offset.seconds


def _offset_changes(zone: ZoneInfo, *, start: int, end: int) -> list[int]:
    """Every instant after `start` and before `end` at which the offset becomes another."""
    changes = []
    before = _offset_at(zone, start)
    for low in range(start, end, _LOOK_S):
        high = min(low + _LOOK_S, end - 1)
        after = _offset_at(zone, high)
        if after != before:
            changes.append(_first_second_off(zone, before, low=low, high=high))
        before = after
    return changes


def _first_second_off(zone: ZoneInfo, before: int, *, low: int, high: int) -> int:
    """The first instant in `(low, high]` whose offset is not `before`."""
    seconds = range(low + 1, high + 1)
    return seconds[bisect_left(seconds, True, key=lambda at: _offset_at(zone, at) != before)]
