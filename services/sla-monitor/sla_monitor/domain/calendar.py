"""A calendar definition becomes working time: all zone and holiday work happens here, once a version."""

from collections.abc import Iterable
from datetime import UTC, date, datetime

from shared.contracts.definitions import Calendar
from sla_monitor.domain.hours import DAY_S, day_of, hours_of
from sla_monitor.domain.intervals import Interval, merged
from sla_monitor.domain.local_time import LocalTime, local_time
from sla_monitor.domain.working_days import WorkingDays
from sla_monitor.domain.working_time import WorkingTime

# Overnight hours and the widest offset from UTC reach less than this beyond a year's ends.
_MARGIN_S = 3 * DAY_S


def compile_calendar(definition: Calendar, *, first_year: int = 2000, last_year: int = 2051) -> WorkingTime:
    """Working time for the local years `first_year` to `last_year`, both included.

    `closed` is final: bank holidays are in it already, those that are worked are not, so `holidays` and
    `worked_holidays` are not looked at. Raises `UnknownZone` and `UnreadableHours`.
    """
    hours = hours_of(definition)
    local = local_time(
        definition.zone, start=_utc_year(first_year) - _MARGIN_S, end=_utc_year(last_year + 1) + _MARGIN_S
    )
    first_day, end_day = day_of(date(first_year, 1, 1)), day_of(date(last_year + 1, 1, 1))
    horizon = local.instant(first_day * DAY_S), local.instant(end_day * DAY_S)
    opened, breaks, working_days = [], [], []
    for day in range(first_day - 1, end_day):  # the day before may run into the first one
        plan = hours.on(day)
        if open_now := _instants(plan.opened, day, local, horizon):
            opened += open_now
            working_days.append((day, min(open_now)[0], max(end for _, end in open_now)))
        if plan.breaks:
            breaks += _instants(plan.breaks, day, local, horizon)
    return WorkingTime(
        local,
        horizon=horizon,
        opened=merged(opened),
        breaks=merged(breaks),
        days=WorkingDays(local, working_days),
        closed={day_of(on): title for on, title in definition.closed.items()},
    )


def _instants(hours: Iterable[Interval], day: int, local: LocalTime, horizon: Interval) -> list[Interval]:
    """The instants of a day's hours that lie within the horizon."""
    midnight, (first, last) = day * DAY_S, horizon
    return [
        (max(start, first), min(end, last))
        for opening, closing in hours
        for start, end in local.instants(midnight + opening, midnight + closing)
        if start < last and end > first
    ]


def _utc_year(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
