"""Working days: local dates on which a calendar's hours start; and the trace of why all other time is closed."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, islice
from typing import Literal

from shared.instants import DAY_S
from sla_monitor.domain.working_time.intervals import Interval
from sla_monitor.domain.working_time.local_time import LocalTime, date_of

DayRule = Literal["closing-time", "same-time", "following-days"]


class WorkingDayIndex:
    """Working days in order, known by their index. Hours past midnight are those of the day they start (R2)."""

    __slots__ = ("_closings", "_days", "_latest_closings", "_local", "_openings")

    def __init__(self, local: LocalTime, days: Sequence[tuple[int, int, int]]) -> None:
        """From `(day, opening, closing)`, days ascending, closings as instants with the end excluded."""
        self._local = local
        self._days = tuple(day for day, _, _ in days)
        self._openings = tuple(opening for _, opening, _ in days)
        self._closings = tuple(closing for _, _, closing in days)
        # Overnight hours may close after a short day that follows: this keeps the closings searchable.
        self._latest_closings = tuple(accumulate(self._closings, max))

    def has(self, day: int) -> bool:
        """Whether hours start on `day`."""
        k = bisect_left(self._days, day)
        return k < len(self._days) and self._days[k] == day

    def from_receipt(self, a: int, *, rule: DayRule, cut_off_s: int | None) -> Iterator[int]:
        """The indexes of the working days that count from a receipt at `a` on; the first is day 0.

        By the days that follow, day 0 stands for the date of receipt, also where nobody works on it. By closing time
        without a cut-off, a day that closes before `a` does not count, though an earlier one may still
        be open then.
        """
        if rule == "following-days":
            day = self._local.latest_wall(a) // DAY_S
            yield from range(max(bisect_right(self._days, day) - 1, 0), len(self._days))
        elif rule == "same-time":
            yield from range(bisect_right(self._latest_closings, a), len(self._days))
        elif cut_off_s is not None:
            yield from range(self._received_by_cut_off(a, cut_off_s), len(self._days))
        else:
            # The first working day whose closing is not yet past: that instant itself is still in time.
            first = bisect_left(self._latest_closings, a)
            yield from (k for k in range(first, len(self._days)) if self._closings[k] >= a)

    def hours(self, index: int) -> Interval:
        """The first opening and the last closing of a day."""
        return self._openings[index], self._closings[index]

    def due_at_closing(self, a: int, days: int, *, rule: DayRule, cut_off_s: int | None) -> int | None:
        """The closing of the working day that is `days` after the day of receipt; None beyond the horizon.

        Where the night before closes later still, that closing: an earlier receipt is never due later (R53).
        """
        counted = self.from_receipt(a, rule=rule, cut_off_s=cut_off_s)
        due = next(islice(counted, days, None), None)
        return None if due is None else self._latest_closings[due]

    def due_at_same_time(self, start: int, days: int) -> int | None:
        """`days` working days after the open instant `start`, at its wall time, kept between opening and closing.

        Not before the nights of earlier days have closed (R53).
        """
        begun = bisect_right(self._latest_closings, start)
        due = begun + days
        if due >= len(self._days):
            return None
        after_midnight = self._local.latest_wall(start) - self._days[begun] * DAY_S
        same_time = self._local.instant_in_order(self._days[due] * DAY_S + after_midnight)
        within = min(max(same_time, self._openings[due]), self._closings[due])
        return max(within, self._latest_closings[due - 1])

    def before(self, a: int, days: int) -> int | None:
        """The wall time of `a` on the working day that is `days` before that of `a`, kept within its hours.

        The working day of a closed instant is the next one.
        """
        of = bisect_left(self._latest_closings, a)
        k = of - days
        if k < 0 or of >= len(self._days):
            return None
        after_midnight = self._local.wall(max(a, self._openings[of])) - self._days[of] * DAY_S
        same_time = self._local.instant(self._days[k] * DAY_S + after_midnight)
        return min(max(same_time, self._openings[k]), self._closings[k])

    def closing_from(self, a: int) -> int | None:
        """The closing of the first working day on or after the local date of `a`; None beyond the horizon."""
        k = bisect_left(self._days, self._local.latest_wall(a) // DAY_S)
        return self._latest_closings[k] if k < len(self._days) else None

    def between(self, a: int, b: int) -> int:
        """How many working days lie after the local date of `a` and up to that of `b`, included."""
        return max(0, self._up_to(b) - self._up_to(a))

    def _up_to(self, at: int) -> int:
        return bisect_right(self._days, self._local.wall(at) // DAY_S)

    def _received_by_cut_off(self, a: int, cut_off_s: int) -> int:
        day, second = divmod(self._local.latest_wall(a), DAY_S)
        return bisect_left(self._days, day + (second > cut_off_s))


@dataclass(frozen=True, slots=True)
class CalendarSegment:
    """`[start, end)` in epoch seconds, all of it open or none, for one reason in words."""

    start: int
    end: int
    open: bool
    reason: str


OUTSIDE_HOURS, _BREAK, _CLOSED_DAY = "outside hours", "break", "closed day"


def is_named_closure(reason: str) -> bool:
    """Whether the reason of a closed segment is a date's own title: a bank holiday, not a night, weekend or break."""
    return not reason.startswith((OUTSIDE_HOURS, _BREAK, _CLOSED_DAY))


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
                yield CalendarSegment(start, end, False, _BREAK)
            else:
                for day_start, day_end, day in self._local.days(start, end):
                    yield CalendarSegment(day_start, day_end, False, self._why_closed(day))

    def _why_closed(self, day: int) -> str:
        on = date_of(day)
        if day in self._closed:
            return f"{on.day} {on:%B} closed: {self._closed[day]}"
        return OUTSIDE_HOURS if self._days.has(day) else f"{_CLOSED_DAY} ({on:%A})"


def _alternating(edges: Sequence[int], a: int, b: int) -> Iterator[tuple[int, int, bool]]:
    """A cover of `[a, b)` by `(start, end, inside)`, inside from each even edge to the odd one after it."""
    n = bisect_right(edges, a)
    while a < b:
        stop = min(b, edges[n]) if n < len(edges) else b
        yield a, stop, n % 2 == 1
        a, n = stop, n + 1
