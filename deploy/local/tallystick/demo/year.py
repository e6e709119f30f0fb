"""The year put together: every month, council and service of the agreements, in the order in which events arrive.

Each month of each council and service has random numbers of its own, and nothing depends on where the year ends:
tomorrow's year repeats today's events, with their ids, and adds a day to them.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from random import Random

from shared.contracts.definitions import AnyDefinition, Calendar, Service
from shared.contracts.envelope import ItemEvent
from shared.contracts.items import TicketEvent, WorkEvent
from shared.contracts.topics import TICKETS, USAGE, WORK
from shared.holidays import shipped_holidays
from shared.period import LONDON, Month, local_midnight, month_of_day
from tallystick.demo.events import Delivery, DemoItem, about, deliveries, stream
from tallystick.demo.hours import StaffHours, arrivals
from tallystick.demo.lifecycles import Staffing, outages_of, ticket_lifecycle, work_lifecycle
from tallystick.demo.readings import readings_of
from tallystick.demo.service_months import ServiceMonth, service_months
from tallystick.demo.volumes import Tickets, Work, demand_of, in_trouble

_TROUBLE_SLOWS = 3.0
_COUNCILS_DIFFER, _MONTHS_DIFFER = 0.16, 0.10  # spreads of how slowly a service is done
_BEYOND = timedelta(days=400)  # desk hours are known so far past the end, for work that is still open there


def year_of_events(definitions: Sequence[AnyDefinition], *, until: date, seed: int) -> Iterator[tuple[str, ItemEvent]]:
    """Topic and event, in order of arrival: the 12 full months before the month of `until`, and that month up to it.

    No event happens or arrives at or after the local midnight with which `until` begins, so that what is unfinished
    then stays open. Arrival is the event's own time for all but the few that come late or twice.
    """
    return months_of_events(definitions, months=13, until=until, seed=seed)


def months_of_events(
    definitions: Sequence[AnyDefinition], *, months: int, until: date, seed: int
) -> Iterator[tuple[str, ItemEvent]]:
    """As `year_of_events`, of the month of `until` and those before it, `months` in all: whole lives of their items."""
    shown = _months(until, months)
    offices = _offices(definitions, shown)
    end = local_midnight(until)
    due = [
        arrival
        for month in shown
        for line in service_months(definitions, month)
        for arrival in _arriving(line, staff_hours=offices[demand_of(line.service).staffed_h], seed=seed)
        if arrival.at < end
    ]
    due.sort(key=lambda arrival: (arrival.at, arrival.event.council, arrival.event.subject))
    return ((arrival.topic, arrival.event) for arrival in due)


def _months(until: date, count: int) -> list[Month]:
    """The month of `until` and those before it, ascending."""
    months = [month_of_day(until)]
    for _ in range(count - 1):
        months.append(months[-1].previous)
    return months[::-1]


def _offices(definitions: Sequence[AnyDefinition], months: Sequence[Month]) -> dict[tuple[int, int], StaffHours]:
    """The office for each pair of staffed hours, closed on the bank holidays that close the definitions' calendars."""
    divisions = {each for calendar in definitions if isinstance(calendar, Calendar) for each in calendar.holidays}
    closed = shipped_holidays().closing(divisions)
    first, end = months[0].first_day, months[-1].first_day + _BEYOND
    staffed = {demand_of(service).staffed_h for service in definitions if isinstance(service, Service)}
    return {hours: StaffHours(first, end, staffed_h=hours, closed=closed) for hours in staffed}


def _arriving(line: ServiceMonth, *, staff_hours: StaffHours, seed: int) -> Iterator[Delivery]:
    """All that one council's month of one service makes, whenever it arrives."""
    rng = stream(seed, line.council, line.service.id, str(line.month))
    slowness = about(stream(seed, line.council, line.service.id), 1.0, spread=_COUNCILS_DIFFER)
    slowness *= about(rng, 1.0, spread=_MONTHS_DIFFER)
    demand = demand_of(line.service)
    if demand.tickets is not None:
        yield from deliveries(
            rng, TICKETS.name, _tickets(rng, line, demand.tickets, staff_hours=staff_hours, slowness=slowness)
        )
    if demand.work is not None:
        yield from deliveries(rng, WORK.name, _work(rng, line, demand.work, staff_hours=staff_hours, slowness=slowness))
    if demand.readings is not None:
        expected = demand.readings.for_each_weight * line.weight
        readings = readings_of(
            rng, line.month, council=line.council, service=line.service.id, expected=expected, habits=demand.readings
        )
        yield from deliveries(rng, USAGE.name, readings)
    if line.promises_availability:
        outages = outages_of(rng, line.month, council=line.council, service=line.service.id, staff_hours=staff_hours)
        yield from deliveries(rng, WORK.name, outages)


def _tickets(
    rng: Random, line: ServiceMonth, habits: Tickets, *, staff_hours: StaffHours, slowness: float
) -> Iterator[TicketEvent]:
    expected = habits.a_year / 12 * habits.months[line.month.month - 1] * line.share
    opened = arrivals(rng, line.month, expected=expected, service=line.service.id, staff_hours=staff_hours)
    for number, at in enumerate(opened, start=1):
        staffing = _staffing(line, at, staff_hours=staff_hours, slowness=slowness)
        yield from ticket_lifecycle(rng, _item(line, "t", number), at, habits=habits, staffing=staffing)


def _work(
    rng: Random, line: ServiceMonth, habits: Work, *, staff_hours: StaffHours, slowness: float
) -> Iterator[WorkEvent]:
    expected = habits.a_year / 12 * habits.months[line.month.month - 1] * line.share
    received = arrivals(
        rng, line.month, expected=expected, service=line.service.id, staff_hours=staff_hours, month_end=habits.month_end
    )
    for number, at in enumerate(received, start=1):
        staffing = _staffing(line, at, staff_hours=staff_hours, slowness=slowness)
        yield from work_lifecycle(rng, _item(line, "w", number), at, habits=habits, staffing=staffing)


def _staffing(line: ServiceMonth, at: datetime, *, staff_hours: StaffHours, slowness: float) -> Staffing:
    troubled = in_trouble(line.service.id, at.astimezone(LONDON).date())
    return Staffing(line.service.id, staff_hours, slowness * (_TROUBLE_SLOWS if troubled else 1.0))


def _item(line: ServiceMonth, kind: str, number: int) -> DemoItem:
    """An item named by council, service, month and number: adur-ict-202603-t0012."""
    month = f"{line.month.year}{line.month.month:02}"
    return DemoItem(line.council, f"{line.council}-{line.service.id}-{month}-{kind}{number:04}")
