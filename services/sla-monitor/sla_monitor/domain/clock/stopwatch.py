"""A stopwatch computed from history: how much time counts between two instants, and when so much will have counted.

It runs from a cycle's start but for pauses and exclusions, and counts on a time basis: a calendar's working time, or
plain elapsed time. Everything is integer epoch seconds.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import Protocol

from sla_monitor.domain.clock.timeline import FOREVER
from sla_monitor.domain.working_time.intervals import Interval

# 9999-12-31 23:59:59 UTC, the last second that Python's and RFC 3339's dates have.
_LAST_DATE_S = 253_402_300_799


class TimeBasis(Protocol):
    """Which seconds count: those of a calendar's open hours, or all of them."""

    def between(self, a: int, b: int) -> int:
        """Counted seconds in [a, b); 0 if b <= a."""
        ...

    def add(self, a: int, seconds: int, /) -> int | None:
        """The earliest instant by which `seconds` have counted since `a`; None if never."""
        ...

    def add_to_open(self, a: int, seconds: int, /) -> int | None:
        """The first instant from which more than `seconds` will have counted since `a`; None if never."""
        ...


class ElapsedTime:
    """Every second counts."""

    __slots__ = ()

    def between(self, a: int, b: int) -> int:
        """Seconds from `a` to `b`, never negative."""
        return b - a if b > a else 0

    def add(self, a: int, seconds: int, /) -> int | None:
        """`seconds` after `a`; None after the year 9999, which no calendar date can show."""
        at = a + seconds
        return at if at <= _LAST_DATE_S else None

    add_to_open = add


class Stopwatch:
    """Counted time since `start`; the spans of `paused`, in any order and perhaps overlapping, do not count."""

    __slots__ = ("_counts", "_ends", "_starts", "_time_basis")

    def __init__(self, time_basis: TimeBasis, start: int, paused: Iterable[Interval]) -> None:
        self._time_basis = time_basis
        # The running spans, and what has counted by the start of each and the end of the last that has one.
        starts: list[int] = []
        ends: list[int] = []
        counts, total = [0], 0
        for pause, resumption in sorted(paused):
            if resumption <= start or resumption <= pause:
                continue
            if pause > start:
                starts.append(start)
                ends.append(pause)
                total += time_basis.between(start, pause)
                counts.append(total)
            start = resumption
        if start < FOREVER:
            starts.append(start)
            ends.append(FOREVER)
        self._starts, self._ends, self._counts = starts, ends, counts

    @property
    def endless(self) -> bool:
        """Whether time goes on counting for ever."""
        return bool(self._ends) and self._ends[-1] == FOREVER

    def pauses_from(self, at: int) -> Iterator[Interval]:
        """The spans after `at` in which it is paused, ascending and apart; one that `at` lies in begins there."""
        index = bisect_right(self._starts, at)
        since = at if index == 0 else max(at, self._ends[index - 1])
        for following in range(index, len(self._starts)):
            if since < self._starts[following]:
                yield since, self._starts[following]
            since = self._ends[following]
        if since < FOREVER:
            yield since, FOREVER

    def next_running(self, at: int) -> int | None:
        """`at` unless it is paused then; else the end of that pause, None for one without end."""
        since, until = next(self.pauses_from(at), (FOREVER, FOREVER))
        if since > at:
            return at
        return None if until == FOREVER else until

    def counted_to(self, at: int) -> int:
        """Seconds that count before `at`."""
        index = bisect_right(self._starts, at) - 1
        if index < 0:
            return 0
        if at >= self._ends[index]:
            return self._counts[index + 1]
        return self._counts[index] + self._time_basis.between(self._starts[index], at)

    def reach(self, seconds: int) -> int | None:
        """The earliest instant by which `seconds` have counted; None if they never will."""
        # The first span whose end has counted enough; past the measured ones only an endless span is left.
        index = max(bisect_left(self._counts, seconds) - 1, 0)
        if index >= len(self._starts):
            return None
        return self._time_basis.add(self._starts[index], seconds - self._counts[index])

    def exceed(self, seconds: int) -> int | None:
        """The first instant from which more than `seconds` will have counted; None if never.

        It is `reach` unless nothing counts there: then it is the next opening, or the end of the pause (R25).
        """
        # The first span in which the count goes past `seconds`.
        index = bisect_right(self._counts, seconds) - 1
        if index >= len(self._starts):
            return None
        return self._time_basis.add_to_open(self._starts[index], seconds - self._counts[index])
