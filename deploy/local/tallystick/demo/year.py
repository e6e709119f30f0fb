"""The year put together: every month, council and service of the agreements, in the order in which events arrive.

Each month of each council and service has random numbers of its own, and nothing depends on where the year ends:
tomorrow's year repeats today's events, with their ids, and adds a day to them.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

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
_BEYOND = timedelta(days=400)  # working hours are known so far past the end, for work that is still open there


def year_of_events(definitions: Sequence[AnyDefinition], *, until: date, seed: int) -> Iterator[tuple[str, ItemEvent]]:
    """Topic and event, in order of arrival: the 12 full months before the month of `until`, and that month up to it.

    No event happens or arrives at or after the local midnight with which `until` begins, so that what is unfinished
    then stays open. Arrival is the event's own time for all but the few that come late or twice.
    """
    return months_of_events(definitions, months=13, until=until, seed=seed)


def months_of_events(
    definitions: Sequence[AnyDefinition], *, months: int, until: date, seed: int
) -> Iterator[tuple[str, ItemEvent]]:
    """As `year_of_events`, of the month of `until` and those before it, `months` in all; items are whole."""
    shown = _months(until, months)
    staff_hours = _staff_hours(definitions, shown)
    end = local_midnight(until)
    due = [
        delivery
        for month in shown
        for served in service_months(definitions, month)
        for delivery in _Generator(served, staff_hours[demand_of(served.service).staffed_h], seed).deliveries()
        if delivery.at < end
    ]
    due.sort(key=lambda delivery: (delivery.at, delivery.event.council, delivery.event.subject))
    return ((delivery.topic, delivery.event) for delivery in due)


def _months(until: date, count: int) -> list[Month]:
    """The month of `until` and those before it, ascending."""
    months = [month_of_day(until)]
    for _ in range(count - 1):
        months.append(months[-1].previous)
    return months[::-1]


def _staff_hours(definitions: Sequence[AnyDefinition], months: Sequence[Month]) -> dict[tuple[int, int], StaffHours]:
    """For each pair of staffed hours; closed on the bank holidays that close the definitions' calendars."""
    divisions = {each for calendar in definitions if isinstance(calendar, Calendar) for each in calendar.holidays}
    closed = shipped_holidays().closing(divisions)
    first, end = months[0].first_day, months[-1].first_day + _BEYOND
    staffed = {demand_of(service).staffed_h for service in definitions if isinstance(service, Service)}
    return {hours: StaffHours(first, end, staffed_h=hours, closed=closed) for hours in staffed}


class _Generator:
    """Makes all events of one council's month of one service, whenever they arrive."""

    def __init__(self, served: ServiceMonth, staff_hours: StaffHours, seed: int) -> None:
        self._month, self._council, self._service = served.month, served.council, served.service.id
        self._served, self._staff_hours = served, staff_hours
        self._rng = stream(seed, self._council, self._service, str(self._month))
        slowness = about(stream(seed, self._council, self._service), 1.0, spread=_COUNCILS_DIFFER)
        self._slowness = slowness * about(self._rng, 1.0, spread=_MONTHS_DIFFER)

    def deliveries(self) -> Iterator[Delivery]:
        """The events of tickets, work, readings and outages, each kind in its own order."""
        demand, of = demand_of(self._served.service), {"council": self._council, "service": self._service}
        if demand.tickets is not None:
            yield from deliveries(self._rng, TICKETS.name, self._tickets(demand.tickets))
        if demand.work is not None:
            yield from deliveries(self._rng, WORK.name, self._work(demand.work))
        if demand.readings is not None:
            expected = demand.readings.for_each_weight * self._served.weight
            readings = readings_of(self._rng, self._month, expected=expected, habits=demand.readings, **of)
            yield from deliveries(self._rng, USAGE.name, readings)
        if self._served.promises_availability:
            outages = outages_of(self._rng, self._month, staff_hours=self._staff_hours, **of)
            yield from deliveries(self._rng, WORK.name, outages)

    def _tickets(self, habits: Tickets) -> Iterator[TicketEvent]:
        for number, at in enumerate(self._arrivals(habits), start=1):
            item, staffing = self._item("t", number), self._staffing(at)
            yield from ticket_lifecycle(self._rng, item, at, habits=habits, staffing=staffing)

    def _work(self, habits: Work) -> Iterator[WorkEvent]:
        for number, at in enumerate(self._arrivals(habits, month_end=habits.month_end), start=1):
            item, staffing = self._item("w", number), self._staffing(at)
            yield from work_lifecycle(self._rng, item, at, habits=habits, staffing=staffing)

    def _arrivals(self, habits: Tickets | Work, *, month_end: float = 1.0) -> list[datetime]:
        expected = habits.a_year / 12 * habits.months[self._month.month - 1] * self._served.share
        hours, service = self._staff_hours, self._service
        return arrivals(
            self._rng, self._month, expected=expected, service=service, staff_hours=hours, month_end=month_end
        )

    def _staffing(self, at: datetime) -> Staffing:
        troubled = in_trouble(self._service, at.astimezone(LONDON).date())
        return Staffing(self._service, self._staff_hours, self._slowness * (_TROUBLE_SLOWS if troubled else 1.0))

    def _item(self, kind: str, number: int) -> DemoItem:
        """An item named by council, service, month and number: adur-ict-202603-t0012."""
        month = f"{self._month.year}{self._month.month:02}"
        return DemoItem(self._council, f"{self._council}-{self._service}-{month}-{kind}{number:04}")
