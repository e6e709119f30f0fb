"""A compiled calendar: which instants are open, and what follows from that. All instants are epoch seconds, UTC.

Zones, holidays and hours are gone by now: what is left is integers, so that a question costs under a microsecond.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, chain
from zoneinfo import ZoneInfo

from shared.instants import DAY_S
from sla_monitor.domain.working_time.intervals import Interval
from sla_monitor.domain.working_time.local_time import LocalTime, wall_after_months
from sla_monitor.domain.working_time.working_days import CalendarSegment, CalendarTrace, DayRule, WorkingDayIndex

# 2**16 s, about 18 hours, holds a few openings and closings: a search among those is half as long as among all.
_SLOT_BITS = 16


class BeyondHorizon(ValueError):
    """The instant is outside the years that the calendar was compiled for."""


class WorkingTime:
    """Open intervals, ascending and apart, between the horizon's two ends.

    `_edges` holds their starts and ends in turn. With n edges at or before t, t is open if n is odd, and the open
    seconds before t are `_base[n]`, plus t if n is odd.
    """

    __slots__ = ("_base", "_days", "_edges", "_first", "_last", "_local", "_slots", "_totals", "_trace", "zone")

    def __init__(
        self,
        local: LocalTime,
        *,
        horizon: Interval,
        opened: Sequence[Interval],
        breaks: Sequence[Interval],
        days: WorkingDayIndex,
        closed: Mapping[int, str],
    ) -> None:
        self.zone: ZoneInfo = local.zone
        self._local, self._days = local, days
        self._first, self._last = horizon
        self._edges = tuple(chain.from_iterable(opened))
        self._totals = tuple(accumulate(end - start for start, end in opened))
        self._base = _bases(opened, self._totals)
        self._slots = _slots(self._edges, self._first, self._last)
        self._trace = CalendarTrace(local, edges=self._edges, breaks=breaks, days=days, closed=closed)

    def between(self, a: int, b: int) -> int:
        """Open seconds in `[a, b)`; 0 where `b <= a`. Raises `BeyondHorizon`."""
        # Written out twice, for this is asked for every segment of every clock: a call would cost a third of it.
        first = self._first
        if first <= a < b <= self._last:
            edges, base, slots = self._edges, self._base, self._slots
            slot = (a - first) >> _SLOT_BITS
            i = bisect_right(edges, a, slots[slot], slots[slot + 1])
            slot = (b - first) >> _SLOT_BITS
            j = bisect_right(edges, b, slots[slot], slots[slot + 1])
            return (base[j] + b if j & 1 else base[j]) - (base[i] + a if i & 1 else base[i])
        if b <= a:
            return 0
        raise self._beyond(a if a < first else b)

    def add(self, a: int, seconds: int) -> int | None:
        """The earliest instant with `seconds` open seconds between `a` and it; `a` itself for 0.

        Used up at a closing instant, it is that instant (R14). None where the horizon holds too few open seconds,
        which includes a calendar that never opens (R5). Raises `BeyondHorizon` for `a`, `ValueError` below 0.
        """
        wanted = self._open_before(a) + seconds
        if seconds <= 0:
            _refuse_negative(seconds, "seconds")
            return a
        k = bisect_left(self._totals, wanted)
        return wanted - self._base[2 * k + 1] if k < len(self._totals) else None

    def add_to_open(self, a: int, seconds: int) -> int | None:
        """As `add`, but never a closed instant: the opening after it instead (R14)."""
        if seconds < 0:
            _refuse_negative(seconds, "seconds")
        wanted = self._open_before(a) + seconds
        k = bisect_right(self._totals, wanted)
        return wanted - self._base[2 * k + 1] if k < len(self._totals) else None

    def last_with(self, seconds: int, a: int) -> int | None:
        """The latest open instant with `seconds` open seconds between it and `a`; None before the horizon.

        Raises `BeyondHorizon` for `a`.
        """
        wanted = self._open_before(a) - seconds
        k = bisect_right(self._totals, wanted)
        return wanted - self._base[2 * k + 1] if wanted >= 0 and k < len(self._totals) else None

    def working_days_before(self, a: int, days: int) -> int | None:
        """The same wall time `days` working days before `a`, kept between opening and closing; None for the horizon.

        Raises `BeyondHorizon` for `a`.
        """
        self._check(a)
        return self._days.before(a, days)

    def calendar_days_before(self, a: int, days: int) -> int:
        """The same wall time `days` dates before `a`. Raises `BeyondHorizon` for `a` and for the result."""
        self._check(a)
        self._check(a - days * DAY_S)
        return self._local.instant(self._local.wall(a) - days * DAY_S)

    def next_open(self, a: int) -> int | None:
        """`a` where it is open, else the next opening; None where there is none. Raises `BeyondHorizon`."""
        n = self._edges_up_to(a)
        if n & 1:
            return a
        return self._edges[n] if n < len(self._edges) else None

    def is_open(self, a: int) -> bool:
        """Whether the second that begins at `a` is open. Raises `BeyondHorizon`."""
        return self._edges_up_to(a) & 1 == 1

    @property
    def opens_ever(self) -> bool:
        """Whether the horizon holds any open second; where not, every working time is unmeasurable (R5)."""
        return bool(self._edges)

    def add_working_days(self, a: int, days: int, *, rule: DayRule, cut_off_s: int | None = None) -> int | None:
        """The due instant `days` working days after `a` (R17); None beyond the horizon. Raises `BeyondHorizon`.

        closing-time: received after the last closing, or later than `cut_off_s` after local midnight, or on no
        working day counts as received the next working day. That is day 0; due is the closing of day `days`.
        following-days: the date of receipt is day 0, whether it is a working day or not; due is the closing of the
        working day that is number `days` after it.
        same-time: from `a` if open, else from the next opening; due is the same wall time `days` working days
        later, or that day's opening or closing where the time lies outside them. A break does not move it.
        """
        _refuse_negative(days, "working days")
        self._check(a)
        due: int | None = None
        if rule != "same-time":
            due = self._days.due_at_closing(a, days, rule=rule, cut_off_s=cut_off_s)
        elif (start := self.next_open(a)) is not None:
            due = self._days.due_at_same_time(start, days) if days else start
        return due if due is not None and due <= self._last else None

    def working_days_from(
        self, a: int, *, rule: DayRule, cut_off_s: int | None = None
    ) -> Iterator[tuple[int, int, int]]:
        """The working days that `add_working_days` counts, from 0 on: `(ahead, opening, closing)`.

        Raises `BeyondHorizon`.
        """
        self._check(a)
        start = self.next_open(a) if rule == "same-time" else a
        if start is not None:
            for ahead, index in enumerate(self._days.from_receipt(start, rule=rule, cut_off_s=cut_off_s)):
                yield ahead, *self._days.hours(index)

    def add_calendar_days(self, a: int, days: int) -> int:
        """The same wall time `days` dates later: as far after a gap as it lies in it (R7), of two passes the first.

        `a` itself for 0. An earlier `a` is never due later (R53), so two hours a year wait for each other: received in
        the second pass of an hour is due as received at its end, and what is due just after a gap is due when all that
        was due in the gap is. Raises `BeyondHorizon` for `a` and for the result.
        """
        _refuse_negative(days, "days")
        self._check(a)
        self._check(a + days * DAY_S)
        return self._local.instant_in_order(self._local.latest_wall(a) + days * DAY_S) if days else a

    def add_months(self, a: int, months: int) -> int:
        """The midnight that ends the corresponding date `months` later; of a month without it, the last date's.

        Received at any time of a day, all is due at one instant, so an earlier `a` is never due later (R53).
        Raises `BeyondHorizon` for `a` and for the result.
        """
        _refuse_negative(months, "months")
        self._check(a)
        due = self._local.instant_in_order(wall_after_months(self._local.latest_wall(a), months))
        self._check(due)
        return due

    def end_of_day(self, a: int) -> int:
        """The midnight that ends the local date of `a`. Raises `BeyondHorizon` for `a` and for the result."""
        self._check(a)
        due = self._local.instant_in_order(wall_after_months(self._local.latest_wall(a), 0))
        self._check(due)
        return due

    def closing_from(self, a: int) -> int | None:
        """The closing of the first working day on or after the local date of `a`; None beyond the horizon.

        Raises `BeyondHorizon` for `a`.
        """
        self._check(a)
        due = self._days.closing_from(a)
        return due if due is not None and due <= self._last else None

    def working_days_between(self, a: int, b: int) -> int:
        """How many working dates lie in `(date of a, date of b]`, dates being local; 0 where `b <= a`.

        The time of day plays no part: Friday 09:00 to Monday 08:00 is 1, Monday 09:00 to Monday 17:00 is 0.
        """
        self._check(a)
        self._check(b)
        return self._days.between(a, b)

    def segments(self, a: int, b: int) -> list[CalendarSegment]:
        """The trace of `[a, b)`: segments in order, without a gap, whose open seconds are `between(a, b)`."""
        self._check(a)
        self._check(b)
        return self._trace.segments(a, b)

    def _open_before(self, a: int) -> int:
        """Open seconds from the horizon's start to `a`. Raises `BeyondHorizon`."""
        if not self._first <= a <= self._last:
            raise self._beyond(a)
        slot = (a - self._first) >> _SLOT_BITS
        n = bisect_right(self._edges, a, self._slots[slot], self._slots[slot + 1])
        return self._base[n] + a if n & 1 else self._base[n]

    def _edges_up_to(self, a: int) -> int:
        self._check(a)
        slot = (a - self._first) >> _SLOT_BITS
        return bisect_right(self._edges, a, self._slots[slot], self._slots[slot + 1])

    def _check(self, a: int) -> None:
        if not self._first <= a <= self._last:
            raise self._beyond(a)

    def _beyond(self, a: int) -> BeyondHorizon:
        return BeyondHorizon(f"{a} is outside the compiled years, {self._first} to {self._last}")


def _refuse_negative(count: int, unit: str) -> None:
    if count < 0:
        raise ValueError(f"expected 0 or more {unit}, got {count}")


def _bases(opened: Sequence[Interval], totals: Sequence[int]) -> tuple[int, ...]:
    """`_base`, by how many edges lie at or before an instant: none, a start, an end, a start ..."""
    before = (0, *totals)
    odd = (total - start for (start, _), total in zip(opened, before, strict=False))
    return (0, *chain.from_iterable(zip(odd, totals, strict=True)))


def _slots(edges: Sequence[int], first: int, last: int) -> tuple[int, ...]:
    """How many edges lie before each slot's start, with one slot more than the horizon holds."""
    edges_in = [0] * (((last - first) >> _SLOT_BITS) + 2)
    for edge in edges:
        edges_in[(edge - first) >> _SLOT_BITS] += 1
    return tuple(accumulate(edges_in, initial=0))
