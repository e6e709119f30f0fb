"""When the staff who do the work are at their desks: the same hours on every working day, except on closed days.

These are the provider's own hours and not the agreed service hours: the two differ in life as well, and a generator
that shared the engine's calendars could not show it wrong.
"""

from bisect import bisect_right
from collections.abc import Collection
from datetime import date, datetime, timedelta

from shared.period import local_midnight

_SATURDAY = 5


class StaffHours:
    """The desk hours of the days from `first` on, `end` excluded. `staffed_h` are hours of the local day."""

    def __init__(self, first: date, end: date, *, staffed_h: tuple[int, int], closed: Collection[date]) -> None:
        opens_h, closes_h = staffed_h
        days = (first + timedelta(days=number) for number in range((end - first).days))
        self._days = frozenset(day for day in days if day.weekday() < _SATURDAY and day not in closed)
        self._openings = [local_midnight(day) + timedelta(hours=opens_h) for day in sorted(self._days)]
        self._day_s = (closes_h - opens_h) * 3600

    def works_on(self, day: date) -> bool:
        """Whether anybody is at a desk on `day`."""
        return day in self._days

    def after(self, at: datetime, hours: float) -> datetime:
        """The instant `hours` at the desk after `at`, never beyond the last day's closing."""
        day = max(bisect_right(self._openings, at) - 1, 0)
        into = (at - self._openings[day]).total_seconds()
        spent = round(min(max(into, 0.0), self._day_s) + hours * 3600)
        days, seconds = divmod(day * self._day_s + spent, self._day_s)
        if days >= len(self._openings):
            return self._openings[-1] + timedelta(seconds=self._day_s)
        return self._openings[days] + timedelta(seconds=seconds)
