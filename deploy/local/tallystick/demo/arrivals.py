"""When councils ask: mostly in the mornings and afternoons of working days, more on Mondays and at the month's end."""

from datetime import date, datetime, timedelta
from random import Random

from shared.period import Month, local_midnight
from tallystick.demo.staff_hours import StaffHours
from tallystick.demo.volumes import in_trouble

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
