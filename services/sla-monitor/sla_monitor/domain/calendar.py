"""A calendar definition becomes working time: all zone and holiday work happens here, once a version."""

from datetime import UTC, date, datetime

from shared.contracts.definitions import Calendar
from sla_monitor.domain.hours import DAY_S, day_of, hours_of
from sla_monitor.domain.intervals import Interval, merged, without
from sla_monitor.domain.local_time import local_time
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
    start, end = _utc_year(first_year) - _MARGIN_S, _utc_year(last_year + 1) + _MARGIN_S
    local = local_time(definition.zone, start=start, end=end)
    first_day, end_day = day_of(date(first_year, 1, 1)), day_of(date(last_year + 1, 1, 1))
    first, last = local.instant(first_day * DAY_S), local.instant(end_day * DAY_S)
    opened: list[Interval] = []
    breaks: list[Interval] = []
    working_days: list[tuple[int, int, int]] = []
    for day in range(first_day - 1, end_day):  # the day before may run into the first one
        plan = hours.on(day)
        if open_today := local.instants_on(day, plan.opened):
            opened += open_today
            working_days.append((day, open_today[0][0], open_today[-1][1]))
        breaks += local.instants_on(day, plan.breaks)
    outside = [(start, first), (last, end)]
    return WorkingTime(
        local,
        horizon=(first, last),
        opened=without(merged(opened), outside),
        breaks=without(merged(breaks), outside),
        days=WorkingDays(local, working_days),
        closed={day_of(on): title for on, title in definition.closed.items()},
    )


def _utc_year(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
