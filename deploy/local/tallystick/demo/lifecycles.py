"""The life of one ticket or piece of work, from the council's request to its end, as the provider would report it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from random import Random

from shared.contracts.items import (
    AssignedData,
    CompletedData,
    NewItemData,
    NoData,
    PausedData,
    ReasonData,
    ReprioritisedData,
    TicketAsked,
    TicketAssigned,
    TicketCancelled,
    TicketClosed,
    TicketEvent,
    TicketOpened,
    TicketPaused,
    TicketReopened,
    TicketReprioritised,
    TicketResolved,
    TicketResponded,
    TicketResumed,
    WorkCompleted,
    WorkEvent,
    WorkPaused,
    WorkReceived,
    WorkRejected,
    WorkResumed,
    WorkStarted,
)
from tallystick.demo.envelopes import DemoItem
from tallystick.demo.randomness import about
from tallystick.demo.staff_hours import StaffHours
from tallystick.demo.volumes import Tickets, Work

# Priority → share of tickets (per cent), and duration as a multiple of a normal ticket's.
_PRIORITIES = {"urgent": (5, 0.25), "high": (15, 0.6), "normal": (65, 1.0), "low": (15, 2.0)}
_ASSIGN_H = 0.25
_CLOSE_H = 40.0
_BRISK, _ORDINARY, _WIDE = 0.65, 0.55, 0.9  # spreads of answers, of work, of finding out what is wrong


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
) -> Iterator[TicketEvent]:
    """All events of one ticket, ascending; nothing is left open."""
    priority = rng.choices(list(_PRIORITIES), [share for share, _ in _PRIORITIES.values()])[0]
    data = NewItemData(service=staffing.service, priority=priority)
    yield TicketOpened(**item.envelope("opened", opened_at), data=data)
    at = staffing.after(rng, opened_at, _ASSIGN_H * _PRIORITIES[priority][1], spread=_BRISK)
    yield TicketAssigned(
        **item.envelope("assigned", at), data=AssignedData(team=f"{staffing.service}-team-{rng.randint(1, 3)}")
    )
    if rng.random() < 0.02:
        at = staffing.after(rng, at, 3, spread=_WIDE)
        yield TicketCancelled(**item.envelope("cancelled", at), data=ReasonData(reason="withdrawn"))
        return
    if priority in ("normal", "low") and rng.random() < 0.04:
        priority = "high"
        at = staffing.after(rng, at, 0.2, spread=_BRISK)
        yield TicketReprioritised(**item.envelope("reprioritised", at), data=ReprioritisedData(priority=priority))
    pace = _PRIORITIES[priority][1]
    at = staffing.after(rng, at, habits.respond_h * pace, spread=_BRISK)
    yield TicketResponded(**item.envelope("responded", at), data=NoData())
    yield from _to_the_end(rng, item, at, resolve_h=habits.resolve_h * pace, staffing=staffing)


def _to_the_end(
    rng: Random, item: DemoItem, at: datetime, *, resolve_h: float, staffing: Staffing
) -> Iterator[TicketEvent]:
    """From the first answer on: questions, pauses, the resolution, perhaps a second one, and the closing."""
    if rng.random() < 0.12:
        at = staffing.staff_hours.after(at, about(rng, 2, spread=_WIDE))
        yield TicketAsked(**item.envelope("asked", at), data=NoData())
        at = staffing.after(rng, at, 1.5, spread=_BRISK)
        yield TicketResponded(**item.envelope("responded", at), data=NoData())
    if rng.random() < 0.18:
        begin, at, data = _pause(rng, at, staffing=staffing)
        yield TicketPaused(**item.envelope("paused", begin), data=data)
        yield TicketResumed(**item.envelope("resumed", at), data=NoData())
    at = staffing.after(rng, at, resolve_h, spread=_WIDE)
    yield TicketResolved(**item.envelope("resolved", at), data=CompletedData())
    if rng.random() < 0.05:
        at = staffing.staff_hours.after(at, about(rng, 6, spread=_WIDE))
        yield TicketReopened(**item.envelope("reopened", at), data=NoData())
        at = staffing.after(rng, at, resolve_h / 2, spread=_WIDE)
        yield TicketResolved(**item.envelope("resolved", at), data=CompletedData(outcome="done-again"))
    yield TicketClosed(**item.envelope("closed", staffing.staff_hours.after(at, _CLOSE_H)), data=NoData())


def work_lifecycle(
    rng: Random, item: DemoItem, received_at: datetime, *, habits: Work, staffing: Staffing
) -> Iterator[WorkEvent]:
    """All events of one piece of work, ascending; nothing is left open."""
    due_at = None if habits.due_in_h is None else staffing.staff_hours.after(received_at, habits.due_in_h)
    yield WorkReceived(
        **item.envelope("received", received_at), data=NewItemData(service=staffing.service, due_at=due_at)
    )
    at = staffing.after(rng, received_at, habits.start_h, spread=_ORDINARY)
    yield WorkStarted(**item.envelope("started", at), data=NoData())
    if rng.random() < 0.03:
        at = staffing.after(rng, at, habits.finish_h / 4, spread=_ORDINARY)
        yield WorkRejected(**item.envelope("rejected", at), data=ReasonData(reason="incomplete"))
        return
    if rng.random() < 0.12:
        begin, at, data = _pause(rng, at, staffing=staffing)
        yield WorkPaused(**item.envelope("paused", begin), data=data)
        yield WorkResumed(**item.envelope("resumed", at), data=NoData())
    at = staffing.after(rng, at, habits.finish_h, spread=_ORDINARY)
    yield WorkCompleted(**item.envelope("completed", at), data=CompletedData(units=str(rng.randint(*habits.units))))


def _pause(rng: Random, at: datetime, *, staffing: Staffing) -> tuple[datetime, datetime, PausedData]:
    """When work stops and goes on again, and who is awaited meanwhile: mostly the council."""
    begin = staffing.after(rng, at, 0.5, spread=_BRISK)
    end = staffing.staff_hours.after(begin, about(rng, 9, spread=_WIDE))
    if rng.random() < 0.8:
        return begin, end, PausedData(reason="information-needed", awaiting="council")
    return begin, end, PausedData(reason="supplier-awaited", awaiting="third-party")
