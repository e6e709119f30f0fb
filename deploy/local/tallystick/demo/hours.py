"""When councils ask, and when the staff who do the work are at their desks."""

from bisect import bisect_right
from collections.abc import Collection
from datetime import date, datetime, timedelta
from random import Random

from shared.period import Month, local_midnight
from tallystick.demo.volumes import in_trouble

_SATURDAY = 5


class StaffHours:
    """When staff work, from the day `first` on, `end` excluded; `staffed_h` are hours of the local day.

    These are the provider's own hours and not the agreed service hours: the two differ in practice as well, and a
    generator that shared the engine's calendars could not show it wrong.
    """

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


_WEEKDAYS = (1.25, 1.1, 1.0, 0.95, 0.8, 0.06, 0.04)  # Monday to Sunday
_CLOSED = 0.04
_LAST_DAYS = 4
_TROUBLE = 2.2
_IN_HOURS = 0.95
_PEAKS_H = ((10.3, 1.1), (14.6, 1.2))  # hour of the day and spread
_EARLIEST_H, _LATEST_H = 7.5, 18.5


def arrivals(
    rng: Random, month: Month, *, expected: float, service: str, staff_hours: StaffHours, month_end: float = 1.0
) -> list[datetime]:
    """About `expected` instants of the month, ascending; more of them where the service is in trouble."""
    days = [month.first_day + timedelta(days=number) for number in range(month.days)]
    weights = [_day_weight(day, month, staff_hours=staff_hours, month_end=month_end) for day in days]
    ordinary = sum(weights)
    weights = [
        weight * (_TROUBLE if in_trouble(service, day) else 1.0) for weight, day in zip(weights, days, strict=True)
    ]
    count = int(expected * sum(weights) / ordinary * rng.uniform(0.92, 1.08) + rng.random())
    return sorted(local_midnight(day) + _time_of_day(rng) for day in rng.choices(days, weights, k=count))


def _day_weight(day: date, month: Month, *, staff_hours: StaffHours, month_end: float) -> float:
    weekday = _WEEKDAYS[day.weekday()] if staff_hours.works_on(day) else min(_CLOSED, _WEEKDAYS[day.weekday()])
    return weekday * (month_end if day.day > month.days - _LAST_DAYS else 1.0)


def _time_of_day(rng: Random) -> timedelta:
    if rng.random() > _IN_HOURS:
        return timedelta(seconds=rng.randrange(23 * 3600))
    hour = min(max(rng.gauss(*rng.choice(_PEAKS_H)), _EARLIEST_H), _LATEST_H)
    return timedelta(seconds=round(hour * 3600))
