"""Why time counted or did not: the segments that operators, councils, disputes and audits read."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from sla_monitor.domain.working_time.intervals import Interval
from sla_monitor.domain.working_time.local_time import LocalTime, date_of
from sla_monitor.domain.working_time.working_days import WorkingDayIndex


@dataclass(frozen=True, slots=True)
class CalendarSegment:
    """`[start, end)` in epoch seconds, all of it open or none, for one reason in words."""

    start: int
    end: int
    open: bool
    reason: str


class CalendarTrace:
    """Explains a calendar's open and closed time. `edges` are the starts and ends of what is open, in turn."""

    __slots__ = ("_breaks", "_closed", "_days", "_edges", "_local")

    def __init__(
        self,
        local: LocalTime,
        *,
        edges: Sequence[int],
        breaks: Sequence[Interval],
        days: WorkingDayIndex,
        closed: Mapping[int, str],
    ) -> None:
        self._local, self._days = local, days
        self._edges = edges
        self._breaks = tuple(chain.from_iterable(breaks))
        self._closed = dict(closed)

    def segments(self, a: int, b: int) -> list[CalendarSegment]:
        """A cover of `[a, b)`: in order, without a gap, neighbours with the same reason joined."""
        joined: list[CalendarSegment] = []
        for part in self._parts(a, b):
            last = joined[-1] if joined else None
            if last is not None and last.reason == part.reason:
                joined[-1] = CalendarSegment(last.start, part.end, part.open, part.reason)
            else:
                joined.append(part)
        return joined

    def _parts(self, a: int, b: int) -> Iterator[CalendarSegment]:
        for start, end, is_open in _alternating(self._edges, a, b):
            if is_open:
                yield CalendarSegment(start, end, True, "open hours")
            else:
                yield from self._closed_parts(start, end)

    def _closed_parts(self, a: int, b: int) -> Iterator[CalendarSegment]:
        for start, end, is_break in _alternating(self._breaks, a, b):
            if is_break:
                yield CalendarSegment(start, end, False, "break")
            else:
                for day_start, day_end, day in self._local.days(start, end):
                    yield CalendarSegment(day_start, day_end, False, self._why_closed(day))

    def _why_closed(self, day: int) -> str:
        on = date_of(day)
        if day in self._closed:
            return f"{on.day} {on:%B} closed: {self._closed[day]}"
        return "outside hours" if self._days.has(day) else f"closed day ({on:%A})"


def _alternating(edges: Sequence[int], a: int, b: int) -> Iterator[tuple[int, int, bool]]:
    """A cover of `[a, b)` by `(start, end, inside)`, inside from each even edge to the odd one after it."""
    n = bisect_right(edges, a)
    while a < b:
        stop = min(b, edges[n]) if n < len(edges) else b
        yield a, stop, n % 2 == 1
        a, n = stop, n + 1
