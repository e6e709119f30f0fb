"""The lifecycle of a ticket, a piece of work and an outage, as the provider would report it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from shared.contracts import items
from shared.period import LONDON, Month
from tallystick.demo.events import DemoItem, about
from tallystick.demo.hours import StaffHours, arrivals
from tallystick.demo.volumes import Tickets, Work, in_trouble

# Priority → share of tickets (per cent), and duration as a multiple of a normal ticket's.
_PRIORITIES = {"urgent": (5, 0.25), "high": (15, 0.6), "normal": (65, 1.0), "low": (15, 2.0)}
_ASSIGN_H = 0.25
_CLOSE_H = 40.0
_BRISK, _ORDINARY, _WIDE = 0.65, 0.55, 0.9  # spreads of answers, of work, of finding out what is wrong
_OUTAGES_A_MONTH = 0.6
_BRIEF_OUTAGE_H, _LONG_OUTAGE_H, _OUTAGE_SPREAD = 0.5, 2.5, 0.7


@dataclass(frozen=True, slots=True)
class Staffing:
    """Who does the work: their hours, and how slow they are just now (1: as in the table of volumes)."""

    service: str
    staff_hours: StaffHours
    slowness: float

    def after(self, rng: Random, at: datetime, median_h: float, *, spread: float) -> datetime:
        """When work of about `median_h` that begins at `at` is done."""
        return self.staff_hours.after(at, about(rng, median_h * self.slowness, spread=spread))


def ticket_lifecycle(
    rng: Random, item: DemoItem, opened_at: datetime, *, habits: Tickets, staffing: Staffing
) -> Iterator[items.TicketEvent]:
    """All events of one ticket, ascending; nothing is left open."""
    priority = rng.choices(list(_PRIORITIES), [share for share, _ in _PRIORITIES.values()])[0]
    data = items.NewItemData(service=staffing.service, priority=priority)
    yield item.event(items.TicketOpened, opened_at, data)
    at = staffing.after(rng, opened_at, _ASSIGN_H * _PRIORITIES[priority][1], spread=_BRISK)
    yield item.event(items.TicketAssigned, at, items.AssignedData(team=f"{staffing.service}-team-{rng.randint(1, 3)}"))
    if rng.random() < 0.02:
        at = staffing.after(rng, at, 3, spread=_WIDE)
        yield item.event(items.TicketCancelled, at, items.ReasonData(reason="withdrawn"))
        return
    if priority in ("normal", "low") and rng.random() < 0.04:
        priority = "high"
        at = staffing.after(rng, at, 0.2, spread=_BRISK)
        yield item.event(items.TicketReprioritised, at, items.ReprioritisedData(priority=priority))
    urgency = _PRIORITIES[priority][1]
    at = staffing.after(rng, at, habits.respond_h * urgency, spread=_BRISK)
    yield item.event(items.TicketResponded, at, items.NoData())
    yield from _to_the_end(rng, item, at, resolve_h=habits.resolve_h * urgency, staffing=staffing)


def _to_the_end(
    rng: Random, item: DemoItem, at: datetime, *, resolve_h: float, staffing: Staffing
) -> Iterator[items.TicketEvent]:
    """From the first answer on: questions, pauses, the resolution, perhaps a second one, and the closing."""
    if rng.random() < 0.12:
        at = staffing.staff_hours.after(at, about(rng, 2, spread=_WIDE))
        yield item.event(items.TicketAsked, at, items.NoData())
        at = staffing.after(rng, at, 1.5, spread=_BRISK)
        yield item.event(items.TicketResponded, at, items.NoData())
    if rng.random() < 0.18:
        begin, at, data = _pause(rng, at, staffing=staffing)
        yield item.event(items.TicketPaused, begin, data)
        yield item.event(items.TicketResumed, at, items.NoData())
    at = staffing.after(rng, at, resolve_h, spread=_WIDE)
    yield item.event(items.TicketResolved, at, items.CompletedData())
    if rng.random() < 0.05:
        at = staffing.staff_hours.after(at, about(rng, 6, spread=_WIDE))
        yield item.event(items.TicketReopened, at, items.NoData())
        at = staffing.after(rng, at, resolve_h / 2, spread=_WIDE)
        yield item.event(items.TicketResolved, at, items.CompletedData(outcome="done-again"))
    yield item.event(items.TicketClosed, staffing.staff_hours.after(at, _CLOSE_H), items.NoData())


def work_lifecycle(
    rng: Random, item: DemoItem, received_at: datetime, *, habits: Work, staffing: Staffing
) -> Iterator[items.WorkEvent]:
    """All events of one piece of work, ascending; nothing is left open."""
    due_at = None if habits.due_in_h is None else staffing.staff_hours.after(received_at, habits.due_in_h)
    yield item.event(items.WorkReceived, received_at, items.NewItemData(service=staffing.service, due_at=due_at))
    at = staffing.after(rng, received_at, habits.start_h, spread=_ORDINARY)
    yield item.event(items.WorkStarted, at, items.NoData())
    if rng.random() < 0.03:
        at = staffing.after(rng, at, habits.finish_h / 4, spread=_ORDINARY)
        yield item.event(items.WorkRejected, at, items.ReasonData(reason="incomplete"))
        return
    if rng.random() < 0.12:
        begin, at, data = _pause(rng, at, staffing=staffing)
        yield item.event(items.WorkPaused, begin, data)
        yield item.event(items.WorkResumed, at, items.NoData())
    at = staffing.after(rng, at, habits.finish_h, spread=_ORDINARY)
    yield item.event(items.WorkCompleted, at, items.CompletedData(units=str(rng.randint(*habits.units))))


def _pause(rng: Random, at: datetime, *, staffing: Staffing) -> tuple[datetime, datetime, items.PausedData]:
    """When work stops and goes on again, and who is awaited meanwhile: mostly the council."""
    begin = staffing.after(rng, at, 0.5, spread=_BRISK)
    end = staffing.staff_hours.after(begin, about(rng, 9, spread=_WIDE))
    if rng.random() < 0.8:
        return begin, end, items.PausedData(reason="information-needed", awaiting="council")
    return begin, end, items.PausedData(reason="supplier-awaited", awaiting="third-party")


def outages_of(
    rng: Random, month: Month, *, council: str, service: str, staff_hours: StaffHours
) -> Iterator[items.OutageStarted | items.OutageEnded]:
    """Each outage's start and end; outages last by the clock on the wall, whether anybody works or not."""
    data = items.OutageData(service=service)
    starts = arrivals(rng, month, expected=_OUTAGES_A_MONTH, service=service, staff_hours=staff_hours)
    for number, began in enumerate(starts, start=1):
        troubled = in_trouble(service, began.astimezone(LONDON).date())
        hours = about(rng, _LONG_OUTAGE_H if troubled else _BRIEF_OUTAGE_H, spread=_OUTAGE_SPREAD)
        item = DemoItem(council, f"{council}-{service}-outage-{month.year}{month.month:02}-{number:02}")
        yield item.event(items.OutageStarted, began, data)
        ended = began + timedelta(seconds=round(hours * 3600))
        yield item.event(items.OutageEnded, ended, data)
