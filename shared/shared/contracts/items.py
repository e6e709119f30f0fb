"""Events of tickets, work items and outages, which providers send.

No free text and no personal data: reasons and outcomes are ids from the provider's own list.
"""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType, field

from shared.contracts.envelope import EventData, ItemEvent
from shared.contracts.scalars import AwaitedParty, EventId, Id, Instant, Pence, Quantity, Source, Stream

Attributes = Annotated[dict[str, str], Meta(max_length=16, description="what targets may select by; never personal")]

ChangedAttributes = Annotated[
    dict[str, str | None], Meta(min_length=1, max_length=16, description="attributes by name; null takes one away")
]
# The typed decode refuses a change of nothing by itself; this says so to readers of the JSON Schema.
_SOMETHING = Meta(extra_json_schema={"anyOf": [{"required": [name]} for name in ("service", "priority", "attributes")]})


class NewItemData(EventData, frozen=True, kw_only=True):
    """A new item: the service it is for, and what its targets are selected by."""

    service: Id
    priority: Id = "normal"
    attributes: Attributes = field(default_factory=dict)
    due_at: Instant | None = None  # a deadline that another system recorded; only a "recorded due date" target reads it
    value_pence: Pence | None = None  # for objectives weighted by value


class AssignedData(EventData, frozen=True, kw_only=True):
    """Who works on it, as an opaque id."""

    team: Id | None = None


class PausedData(EventData, frozen=True, kw_only=True):
    """Why work cannot go on, and who is awaited."""

    reason: Id
    awaiting: AwaitedParty


class CompletedData(EventData, frozen=True, kw_only=True):
    """The outcome and the units of work."""

    outcome: Id = "done"
    units: Quantity = "1"


class ReasonData(EventData, frozen=True, kw_only=True):
    """The reason, as an id from the provider's list."""

    reason: Id


class ReprioritisedData(EventData, frozen=True, kw_only=True):
    """The priority from now on."""

    priority: Id


class ReclassifiedData(EventData, frozen=True, kw_only=True):
    """What the item is from now on. What is not named stays; an attribute of null is taken away. At least one thing."""

    service: Id | UnsetType = UNSET
    priority: Id | UnsetType = UNSET
    attributes: ChangedAttributes | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuses a change of nothing, as a `ValueError`."""
        if self.service is UNSET and self.priority is UNSET and self.attributes is UNSET:
            raise ValueError("expected at least one of service, priority and attributes")


class NoData(EventData, frozen=True, kw_only=True):
    """No data: the event and its time are all there is."""


class TicketOpened(ItemEvent, frozen=True, kw_only=True, tag="tallystick.ticket.opened.v1"):
    """A council opened a ticket."""

    data: NewItemData


class TicketAssigned(ItemEvent, frozen=True, kw_only=True, tag="tallystick.ticket.assigned.v1"):
    """A team took the ticket on."""

    data: AssignedData


class TicketAsked(ItemEvent, frozen=True, kw_only=True, tag="tallystick.ticket.asked.v1"):
    """The council sent a message and waits for an answer."""

    data: NoData


class TicketResponded(ItemEvent, frozen=True, kw_only=True, tag="tallystick.ticket.responded.v1"):
    """The provider answered the council: the first answer, or a later update."""

    data: NoData


class TicketPaused(ItemEvent, frozen=True, kw_only=True, tag="tallystick.ticket.paused.v1"):
    """Work cannot go on."""

    data: PausedData


class TicketResumed(ItemEvent, frozen=True, kw_only=True, tag="tallystick.ticket.resumed.v1"):
    """Work goes on."""

    data: NoData


class TicketResolved(ItemEvent, frozen=True, kw_only=True, tag="tallystick.ticket.resolved.v1"):
    """The provider has resolved the ticket."""

    data: CompletedData


class TicketClosed(ItemEvent, frozen=True, kw_only=True, tag="tallystick.ticket.closed.v1"):
    """The ticket is closed, unless it is reopened."""

    data: NoData


class TicketReopened(ItemEvent, frozen=True, kw_only=True, tag="tallystick.ticket.reopened.v1"):
    """The ticket was not resolved after all."""

    data: NoData


class TicketCancelled(ItemEvent, frozen=True, kw_only=True, tag="tallystick.ticket.cancelled.v1"):
    """The council withdrew the ticket."""

    data: ReasonData


class TicketReprioritised(ItemEvent, frozen=True, kw_only=True, tag="tallystick.ticket.reprioritised.v1"):
    """The ticket has another priority from now on."""

    data: ReprioritisedData


class TicketReclassified(ItemEvent, frozen=True, kw_only=True, tag="tallystick.ticket.reclassified.v1"):
    """What decides on the ticket's targets is known better, or has changed: service, priority or attributes."""

    data: Annotated[ReclassifiedData, _SOMETHING]


class WorkReceived(ItemEvent, frozen=True, kw_only=True, tag="tallystick.work.received.v1"):
    """A unit of work came in: an invoice, a starter, a claim."""

    data: NewItemData


class WorkStarted(ItemEvent, frozen=True, kw_only=True, tag="tallystick.work.started.v1"):
    """Work on it began."""

    data: NoData


class WorkPaused(ItemEvent, frozen=True, kw_only=True, tag="tallystick.work.paused.v1"):
    """Work cannot go on."""

    data: PausedData


class WorkResumed(ItemEvent, frozen=True, kw_only=True, tag="tallystick.work.resumed.v1"):
    """Work goes on."""

    data: NoData


class WorkCompleted(ItemEvent, frozen=True, kw_only=True, tag="tallystick.work.completed.v1"):
    """The work is done; `units` is what is recharged."""

    data: CompletedData


class WorkRejected(ItemEvent, frozen=True, kw_only=True, tag="tallystick.work.rejected.v1"):
    """The work cannot be done and goes back to the council."""

    data: ReasonData


class WorkReclassified(ItemEvent, frozen=True, kw_only=True, tag="tallystick.work.reclassified.v1"):
    """What decides on the work's targets is known better, or has changed: service, priority or attributes."""

    data: Annotated[ReclassifiedData, _SOMETHING]


class OutageData(EventData, frozen=True, kw_only=True):
    """The service that is down for the council."""

    service: Id


class OutageStarted(ItemEvent, frozen=True, kw_only=True, tag="tallystick.service.outage-started.v1"):
    """A service stopped being available to a council; `subject` is the outage's id."""

    data: OutageData


class OutageEnded(ItemEvent, frozen=True, kw_only=True, tag="tallystick.service.outage-ended.v1"):
    """The outage of that id is over."""

    data: OutageData


class WithdrawnFactData(EventData, frozen=True, kw_only=True):
    """The source and id of the event that is withdrawn, and what it is about: a ticket, work, or a service's outage."""

    stream: Stream
    withdrawn_source: Source
    withdrawn_id: EventId


class FactWithdrawn(ItemEvent, frozen=True, kw_only=True, tag="tallystick.item.fact-withdrawn.v1"):
    """What an earlier event of the item stated is not so. Only the source that sent an event can withdraw it."""

    data: WithdrawnFactData


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
    | TicketReclassified
)
WorkEvent = (
    WorkReceived
    | WorkStarted
    | WorkPaused
    | WorkResumed
    | WorkCompleted
    | WorkRejected
    | WorkReclassified
    | OutageStarted
    | OutageEnded
)
