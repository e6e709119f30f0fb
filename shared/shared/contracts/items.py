"""What happens to tickets, work items and services: the events that providers send.

No free text and no personal data: reasons and outcomes are ids from the provider's own list.
"""

from typing import Annotated, Literal

from msgspec import Meta, field

from shared.contracts.envelope import Data, Id, Instant, ItemEvent

Awaited = Literal["council", "provider", "third-party", "nobody"]
Attributes = Annotated[dict[str, str], Meta(max_length=16, description="what targets may select by; never personal")]
Quantity = Annotated[
    str, Meta(pattern=r"^[0-9]{1,12}(\.[0-9]{1,6})?(?![\s\S])", description="a non-negative decimal, as a string")
]
# £100 billion, so that sums over many items stay within what databases add.
MOST_PENCE = 10_000_000_000_000
Pence = Annotated[int, Meta(ge=-MOST_PENCE, le=MOST_PENCE)]


class Accepted(Data, frozen=True, kw_only=True):
    """A new item: the service it asks for and what its targets are chosen by."""

    service: Id
    priority: Id = "normal"
    attributes: Attributes = field(default_factory=dict)
    due_at: Instant | None = None  # a deadline that another system recorded; only a "recorded due date" target reads it
    value_pence: Pence | None = None  # for objectives weighted by value


class Assigned(Data, frozen=True, kw_only=True):
    """Who works on it, as an opaque id."""

    team: Id | None = None


class Paused(Data, frozen=True, kw_only=True):
    """Why work cannot go on, and who is awaited."""

    reason: Id
    awaiting: Awaited


class Completed(Data, frozen=True, kw_only=True):
    """How it ended and how many units of work it was."""

    outcome: Id = "done"
    units: Quantity = "1"


class Reason(Data, frozen=True, kw_only=True):
    """Why, as an id from the provider's list."""

    reason: Id


class Reprioritised(Data, frozen=True, kw_only=True):
    """The priority from now on."""

    priority: Id


class Nothing(Data, frozen=True, kw_only=True):
    """The fact and its time say it all."""


class TicketOpened(ItemEvent, frozen=True, kw_only=True, tag="tallystick.ticket.opened.v1"):
    """A council asked for something."""

    data: Accepted


class TicketAssigned(ItemEvent, frozen=True, kw_only=True, tag="tallystick.ticket.assigned.v1"):
    """Somebody took it."""

    data: Assigned


class TicketAsked(ItemEvent, frozen=True, kw_only=True, tag="tallystick.ticket.asked.v1"):
    """The council sent a message and waits for an answer."""

    data: Nothing


class TicketResponded(ItemEvent, frozen=True, kw_only=True, tag="tallystick.ticket.responded.v1"):
    """The provider answered the council: the first answer, or a later update."""

    data: Nothing


class TicketPaused(ItemEvent, frozen=True, kw_only=True, tag="tallystick.ticket.paused.v1"):
    """Work cannot go on."""

    data: Paused


class TicketResumed(ItemEvent, frozen=True, kw_only=True, tag="tallystick.ticket.resumed.v1"):
    """Work goes on."""

    data: Nothing


class TicketResolved(ItemEvent, frozen=True, kw_only=True, tag="tallystick.ticket.resolved.v1"):
    """The provider holds it done."""

    data: Completed


class TicketClosed(ItemEvent, frozen=True, kw_only=True, tag="tallystick.ticket.closed.v1"):
    """Nothing more will happen, unless it is reopened."""

    data: Nothing


class TicketReopened(ItemEvent, frozen=True, kw_only=True, tag="tallystick.ticket.reopened.v1"):
    """It was not done after all."""

    data: Nothing


class TicketCancelled(ItemEvent, frozen=True, kw_only=True, tag="tallystick.ticket.cancelled.v1"):
    """The council withdrew it."""

    data: Reason


class TicketReprioritised(ItemEvent, frozen=True, kw_only=True, tag="tallystick.ticket.reprioritised.v1"):
    """Another priority holds from now on."""

    data: Reprioritised


class WorkReceived(ItemEvent, frozen=True, kw_only=True, tag="tallystick.work.received.v1"):
    """A unit of work came in: an invoice, a starter, a claim."""

    data: Accepted


class WorkStarted(ItemEvent, frozen=True, kw_only=True, tag="tallystick.work.started.v1"):
    """Somebody began."""

    data: Nothing


class WorkPaused(ItemEvent, frozen=True, kw_only=True, tag="tallystick.work.paused.v1"):
    """Work cannot go on."""

    data: Paused


class WorkResumed(ItemEvent, frozen=True, kw_only=True, tag="tallystick.work.resumed.v1"):
    """Work goes on."""

    data: Nothing


class WorkCompleted(ItemEvent, frozen=True, kw_only=True, tag="tallystick.work.completed.v1"):
    """It is done; `units` is what is recharged."""

    data: Completed


class WorkRejected(ItemEvent, frozen=True, kw_only=True, tag="tallystick.work.rejected.v1"):
    """It cannot be done and goes back to the council."""

    data: Reason


class OutageService(Data, frozen=True, kw_only=True):
    """The service that is down for the council."""

    service: Id


class OutageStarted(ItemEvent, frozen=True, kw_only=True, tag="tallystick.service.outage-started.v1"):
    """A service stopped being available to a council; `subject` is the outage's id."""

    data: OutageService


class OutageEnded(ItemEvent, frozen=True, kw_only=True, tag="tallystick.service.outage-ended.v1"):
    """The outage of that id is over."""

    data: OutageService


TicketEvent = (
    TicketOpened
    | TicketAssigned
    | TicketAsked
    | TicketResponded
    | TicketPaused
    | TicketResumed
    | TicketResolved
    | TicketClosed
    | TicketReopened
    | TicketCancelled
    | TicketReprioritised
)
WorkEvent = (
    WorkReceived | WorkStarted | WorkPaused | WorkResumed | WorkCompleted | WorkRejected | OutageStarted | OutageEnded
)
