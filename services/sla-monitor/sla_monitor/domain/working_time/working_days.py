"""Working days: local dates on which a calendar's hours start, each with its first opening and last closing."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate, islice

from shared.instants import DAY_S
from sla_monitor.domain.working_time.local_time import LocalTime


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

    def due_at_closing(self, a: int, days: int, *, cut_off_s: int | None) -> int | None:
        """The closing of the working day that is `days` after the day of receipt; None beyond the horizon.

        Without a cut-off a day that closes before `a` does not count, though an earlier one may still be open then.
        """
        if cut_off_s is None:
            following = islice(self._closings, self._received(a), None)
            return next(islice((closing for closing in following if closing >= a), days, None), None)
        due = self._received_by_cut_off(a, cut_off_s) + days
        return self._closings[due] if due < len(self._days) else None

    def due_at_same_time(self, start: int, days: int) -> int | None:
        """`days` working days after the open instant `start`, at its wall time, kept between opening and closing."""
        begun = bisect_right(self._latest_closings, start)
        due = begun + days
        if due >= len(self._days):
            return None
        after_midnight = self._local.wall(start) - self._days[begun] * DAY_S
        same_time = self._local.instant(self._days[due] * DAY_S + after_midnight)
        return min(max(same_time, self._openings[due]), self._closings[due])

    def between(self, a: int, b: int) -> int:
        """How many working days lie after the local date of `a` and up to that of `b`, included."""
        return max(0, self._up_to(b) - self._up_to(a))

    def _up_to(self, at: int) -> int:
        return bisect_right(self._days, self._local.wall(at) // DAY_S)

    def _received(self, a: int) -> int:
        """The first working day whose closing is not yet past: that instant itself is still in time."""
        return bisect_left(self._latest_closings, a)

    def _received_by_cut_off(self, a: int, cut_off_s: int) -> int:
        day, second = divmod(self._local.wall(a), DAY_S)
        return bisect_left(self._days, day + (second > cut_off_s))
